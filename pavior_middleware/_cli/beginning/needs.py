"""What a site needs from Pavior, and the settings that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..._model.settings import PREFIX, Settings

EXAMPLE_TEAM = "YOUR_TEAM_ID"
EMULATOR_EMBED = "http://localhost:8990/embed"


@dataclass(frozen=True)
class Needs:
    """What a site needs.

    `lends_to` are domains that borrow its login, and `borrows_from` the one from which it borrows
    its own. `email_confirmed` is the attribute of its users that tells whether an email is
    confirmed.
    """

    team_vanity_id: str = EXAMPLE_TEAM
    lends_to: tuple[str, ...] = ()
    borrows_from: str | None = None
    email_confirmed: str | None = None
    consent: bool = False
    cache: bool = False
    emulator: bool = False


def settings_of(needs: Needs) -> Mapping[str, str]:
    """Return the fields of `Settings` that differ from their defaults, as text.

    A key is empty text, for the reader to fill in. Raises `SettingsError` for needs that cannot be
    met, such as a domain that is a URL.
    """
    found = {
        "team_vanity_id": needs.team_vanity_id,
        **({} if needs.borrows_from else {"api_key": ""}),
        **({"embed_url": EMULATOR_EMBED} if needs.emulator else {}),
        **({"share_auth": needs.borrows_from} if needs.borrows_from else {}),
        **({"shared_auth_domains": ",".join(needs.lends_to)} if needs.lends_to else {}),
        **({"secret_key": ""} if needs.lends_to else {}),
        **({"email_confirmed": needs.email_confirmed} if needs.email_confirmed else {}),
        **({"cacheable_pages": "true"} if needs.cache else {}),
    }
    Settings.from_mapping(
        {PREFIX + name.upper(): value or f"a-text-for-the-{name}" for name, value in found.items()}
    )
    return found
