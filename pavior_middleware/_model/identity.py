"""Who the user is, and the signature that makes Pavior believe it."""

from __future__ import annotations

import hashlib
import hmac as stdlib_hmac
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

_ID_TYPES = (str, int, UUID, type(None))
_EMAIL_TYPES = (str, type(None))
_NO_ATTRIBUTES: Mapping[str, object] = MappingProxyType({})

_SURROGATE = re.compile("[\ud800-\udfff]")

_AT_SIGN = re.compile("[@\ufe6b\uff20]")
"""The characters that are an `@` in NFKC. Normalizing the text would not take linear time."""


_MENDS = {
    "api_key": "pass the key of Pavior's settings page in quotes",
    "identifier": "pass the id as text, as by str(user.id), or the email",
    "hmac": "take the text that sign() returns",
}
"""What to do about an argument of `sign` or `verify` that is not text."""


class IdentityRefused(ValueError):
    """An identity that must not be signed; the message says why and holds nothing of the user's."""


@dataclass(frozen=True, init=False)
class Identity:
    """A user as the site knows them; immutable.

    `id` may be an int or a UUID and is kept as text. Empty text counts as absent; with neither id
    nor email the visitor is anonymous. `authenticated=False` makes a lead: known, but not vouched
    for, so never signed. `attributes` are further init options such as `firstName`, and must be
    JSON values.

    Raises `TypeError` for an argument of another type.

    Vouch only for what the site has verified. In particular, an email that users type in and never
    confirm lets each of them chat as anybody.
    """

    id: str | None
    email: str | None
    authenticated: bool
    attributes: Mapping[str, object] = field(hash=False)

    def __init__(
        self,
        id: str | int | UUID | None = None,  # noqa: A002  # the init option's own name
        email: str | None = None,
        *,
        authenticated: bool = True,
        attributes: Mapping[str, object] = _NO_ATTRIBUTES,
    ) -> None:
        if isinstance(id, bool) or not isinstance(id, _ID_TYPES):
            raise TypeError(f"id must be text, an int or a UUID, not {type(id).__name__}")
        if not isinstance(email, _EMAIL_TYPES):
            raise TypeError(f"email must be text, not {type(email).__name__}")
        if not isinstance(authenticated, bool):
            raise TypeError(f"authenticated must be a bool, not {type(authenticated).__name__}")
        # The class is frozen, so assignments would raise.
        fields = vars(self)
        fields["id"] = None if id is None else str(id) or None
        fields["email"] = None if email is None else str(email) or None
        fields["authenticated"] = authenticated
        fields["attributes"] = _NO_ATTRIBUTES
        if attributes:
            fields["attributes"] = MappingProxyType(dict(attributes))

    @property
    def identifier(self) -> str | None:
        """What Pavior signs: the id, or the email if there is no id."""
        return self.id or self.email


def sign(api_key: str, identifier: str) -> str:
    """Return the `hmac` init option: HMAC-SHA256 of the identifier, both UTF-8, in lower-case hex.

    A user who can choose the identifier gets any text signed, so pass only what the site vouches
    for. Raises `ValueError` if either text is empty or cannot be encoded as UTF-8, and `TypeError`
    if it is not text.
    """
    error = _problem("api_key", api_key) or _problem("identifier", identifier)
    if error is None:
        return _hmac(api_key, identifier)
    del api_key, identifier  # a traceback may show the locals
    raise error


def verify(api_key: str, identifier: str, hmac: str) -> bool:
    """Whether `hmac` equals what `sign` returns, compared in constant time.

    An identifier that cannot be signed verifies as False. Raises `ValueError` for an API key that
    is empty or cannot be encoded as UTF-8, and `TypeError` for what is not text.
    """
    error = (
        _problem("api_key", api_key)
        or _type_problem("identifier", identifier)
        or _type_problem("hmac", hmac)
    )
    if error is None:
        if not hmac or _problem("identifier", identifier):
            return False
        expected = _hmac(api_key, identifier).encode()
        return stdlib_hmac.compare_digest(expected, hmac.encode("utf-8", "surrogatepass"))
    del api_key, identifier, hmac  # a traceback may show the locals
    raise error


def signed_options(api_key: str, identity: Identity) -> dict[str, str]:
    """Return the init options that identify a user: `id`, `email` and `hmac`, those that apply.

    A lead gets no `hmac`; an anonymous visitor gets nothing.

    Pavior signs ids and emails in the same way. So a signed id must never pass for an email, nor a
    signed email for an id, even where Pavior normalizes text. Raises `IdentityRefused` for

    - text that is not Unicode;
    - an id with an `@` in its NFKC form (Unicode Standard Annex #15) that is not the user's own
      email. A user who chooses the id `boss@bank.com` must not pass for the owner of that address;
    - an email of an authenticated user that is not an address. An address is printable text without
      white space, in NFKC, with one `@` that has text on both sides. The email `7` has the hmac of
      the id `7`.
    """
    refusal = _refusal(identity)
    if refusal is not None:
        del api_key  # a traceback may show the locals
        raise refusal
    named = {"id": identity.id, "email": identity.email}
    options = {name: value for name, value in named.items() if value is not None}
    if identity.authenticated and identity.identifier is not None:
        options["hmac"] = sign(api_key, identity.identifier)
    return options


def _refusal(identity: Identity) -> IdentityRefused | None:
    for name, value in (("id", identity.id), ("email", identity.email)):
        if value is not None and not _is_unicode(value):
            return IdentityRefused(f"the {name} cannot be encoded as UTF-8: pass whole characters")
    if identity.id is not None and _AT_SIGN.search(identity.id) and identity.id != identity.email:
        return IdentityRefused(
            "the id holds an '@' but is not the user's own email. Its signature could vouch for"
            " somebody else's address. Pass an address as `email`, and as `id` a key of your own"
        )
    if identity.authenticated and not (identity.email is None or _is_address(identity.email)):
        return IdentityRefused(
            "the email is not an address (printable text without white space, in Unicode's form"
            " NFKC, with one '@' that has text on both sides). Its signature could vouch for"
            " somebody else's id or address. Pass an address that the user has confirmed, or none"
        )
    return None


def _is_unicode(text: str) -> bool:
    return _SURROGATE.search(text) is None


def _is_address(email: str) -> bool:
    local_part, at, domain = email.partition("@")
    return (
        bool(local_part and at and domain)
        and "@" not in domain
        and " " not in email
        and email.isprintable()
        and unicodedata.is_normalized("NFKC", email)
    )


def _hmac(api_key: str, identifier: str) -> str:
    return stdlib_hmac.new(api_key.encode(), identifier.encode(), hashlib.sha256).hexdigest()


def _problem(name: str, text: object) -> Exception | None:
    """Return why a text cannot be used, without showing the text: it may be the key."""
    if text is None or text == "":
        return ValueError(f"{name} is empty")
    if isinstance(text, str) and not _is_unicode(text):
        return ValueError(f"{name} cannot be encoded as UTF-8")
    return _type_problem(name, text)


def _type_problem(name: str, text: object) -> Exception | None:
    if isinstance(text, str | None):
        return None
    return TypeError(f"{name} must be text, not {type(text).__name__}: {_MENDS[name]}")
