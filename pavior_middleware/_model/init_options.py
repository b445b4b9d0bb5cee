"""The options of `Pavior('init', …)`: those of the site, and those that say who is chatting."""

from __future__ import annotations

import json

from .identity import Identity, IdentityRefused, signed_options
from .settings import Settings
from .settings_checks import RESERVED_OPTIONS


def identity_options(settings: Settings, identity: Identity | None) -> dict[str, object]:
    """Return the init options that come from the identity: attributes, `id`, `email`, `hmac`.

    Raises `IdentityRefused` for what `signed_options` refuses, for an attribute that has the name
    of an option that is not an attribute, and for attributes that are not JSON values.
    """
    if identity is None:
        return {}
    reserved = RESERVED_OPTIONS.intersection(identity.attributes)
    if reserved:
        raise IdentityRefused(
            f"attributes must not set {', '.join(sorted(reserved))}: pass id and email as the"
            " identity's own fields, and leave the rest to the settings"
        )
    options = {**identity.attributes, **signed_options(settings.api_key, identity)}
    if not identity.attributes:
        return options  # what identifies the user has been checked
    try:
        # The second raises for text that is not Unicode.
        json.dumps(options, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise IdentityRefused(
            f"the attributes are not JSON values ({type(error).__name__}): pass Unicode text,"
            " numbers, booleans, lists and mappings of these"
        ) from None
    return options


def site_options(settings: Settings) -> dict[str, object]:
    """Return the init options that are the same for everyone, in Pavior's documentation's order."""
    options: dict[str, object] = {
        "teamVanityId": settings.team_vanity_id,
        "doChat": settings.do_chat,
        "doTimeTravel": settings.do_time_travel,
        **settings.init_options,
    }
    return options if settings.share_auth is None else {**options, "shareAuth": settings.share_auth}
