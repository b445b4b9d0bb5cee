"""The identity of a framework's user object, for sites that give no `identity` callable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from . import impersonation
from .confirmed_emails import ConfirmedEmails
from .identity import Identity, IdentityRefused
from .log import logger
from .settings import Settings
from .settings_checks import label
from .user_attributes import UserAttributes
from .user_objects import ABSENT, IsAwaitable, attribute

ID_NAMES = ("id", "pk", "auth_id", "identity", "username")
"""The attributes that hold a user's id: Quart-Auth has `auth_id`, Starlette the last two."""

_ID_TYPES = (str, int, UUID)

_BY_CALLABLE = "pass `identity=`, a callable that returns an Identity"


class UserMapping:
    """Makes identities of the user objects of a site's framework.

    The objects may be those of any framework, since only the names of their attributes count. The
    lazy wrappers of Django and Werkzeug work, too.
    """

    def __init__(self, settings: Settings) -> None:
        self._emails = ConfirmedEmails(settings.email_confirmed)
        self._attributes = UserAttributes(settings.user_attributes)
        self._leads = settings.impersonation == "lead"
        self._knows_emails = settings.email_confirmed is not None
        self._has_plain_names = not (
            callable(settings.email_confirmed)
            or callable(settings.user_attributes)
            or "." in str(settings.email_confirmed)
            or "." in str(settings.user_attributes)
        )
        self._names = tuple(_plain_names(settings)) if self._has_plain_names else ()
        self._tells_of_emails = True

    def identity(
        self,
        user: Any,
        *,
        is_impersonated: bool = False,
        is_authenticated: bool | None = None,
    ) -> Identity | None:
        """Return the identity of a user; None for None, and for one that is not authenticated.

        `is_impersonated` tells that somebody else acts as this user. Attributes of the user, such
        as `is_impersonated`, may tell so, too. An impersonated user becomes nobody or a lead, as
        the setting `impersonation` says. `is_authenticated` is what the adapter knows. If that is
        None, the attribute `is_authenticated` of the user counts.

        The id is the first of `id`, `pk`, `auth_id`, `identity` and `username` that the user has.
        Without any of them, it is `get_id()`, but not Flask-Security's `fs_uniquifier`, whose
        change ends sessions. An id that equals the user's email, in any case of letters, does not
        count. The email is sent only if it is known to be confirmed; `user_attributes` says what
        else is.

        Raises `IdentityRefused` if there is neither an id nor a confirmed email, if the type of the
        id is not that of an id, and if `is_authenticated` must be awaited.
        """
        if user is None:
            return None
        if is_authenticated is None:
            is_authenticated = _is_authenticated(user)
        if not is_authenticated:
            return None
        is_impersonated = is_impersonated or impersonation.is_impersonated(user)
        if is_impersonated and not self._leads:
            return None
        email = getattr(user, getattr(user, "EMAIL_FIELD", "email"), None) or None
        user_id = _id(user)
        if _is_same_text(user_id, email):
            user_id = None
        is_confirmed = email is not None and self._emails.confirms(user, email)
        if not is_confirmed:
            self._refuse_nobody(user, user_id, email)
        return Identity(
            user_id,
            email if is_confirmed else None,
            authenticated=not is_impersonated,
            attributes=self._attributes.of(user),
        )

    def identity_of_known(self, user: Any) -> Identity | None:
        """Return `identity(user)` for an object that an app makes only for users who are logged in.

        So a user without an attribute `is_authenticated` counts as authenticated.
        """
        is_authenticated = None if hasattr(user, "is_authenticated") else True
        return self.identity(user, is_authenticated=is_authenticated)

    def may_block(self, user: Any) -> bool:
        """Whether `identity(user)` may query a database, beyond reading plain attributes.

        It may with callables, with paths of several names, and with django-allauth's addresses.
        """
        if not self._has_plain_names:
            return True
        return not self._knows_emails and hasattr(user, "emailaddress_set")

    def may_compute(self, user: Any) -> bool:
        """Whether `identity(user)` may run code of the app, such as that of a property.

        It may if `may_block` is true, or if an attribute is not in the user's own `__dict__`.
        """
        return self.may_block(user) or any(name not in vars(user) for name in self._names)

    def _refuse_nobody(self, user: Any, user_id: object, email: object) -> None:
        """Raise `IdentityRefused` without anything to send; log once that emails are not sent."""
        if user_id is None:
            raise IdentityRefused(_nothing_to_send(user, has_email=email is not None))
        if email is not None and not self._knows_emails and self._tells_of_emails:
            self._tells_of_emails = False
            logger.info(
                "The emails of users are not sent to Pavior: %s may say which are confirmed",
                label("email_confirmed"),
            )


def _plain_names(settings: Settings) -> Iterator[str]:
    """Return the attributes that the settings name."""
    confirmed, attributes = settings.email_confirmed, settings.user_attributes
    if isinstance(confirmed, str):
        yield confirmed
    if isinstance(attributes, Mapping):
        yield from attributes.values()
    elif not callable(attributes):
        yield from attributes


def _is_authenticated(user: Any) -> bool:
    try:
        return bool(attribute(user, "is_authenticated"))
    except IsAwaitable as error:
        raise IdentityRefused(
            f"the user's {error}: pass an async `identity=` that awaits it and returns an Identity"
        ) from None


def _id(user: Any) -> str | int | UUID | None:
    for name in ID_NAMES:
        value = _id_in(user, name)
        if value is not None:
            return value
    value = _id_in(user, "get_id")
    return None if value == getattr(user, "fs_uniquifier", None) else value


def _id_in(user: Any, name: str) -> str | int | UUID | None:
    try:
        value = attribute(user, name)
    except IsAwaitable as error:
        raise IdentityRefused(f"the user's {error}: {_BY_CALLABLE}") from None
    if value is None or value is ABSENT or value == "":
        return None
    if isinstance(value, _ID_TYPES) and not isinstance(value, bool):
        return value
    raise IdentityRefused(
        f"the user's `{name}` is a {type(value).__name__}, which is no id: {_BY_CALLABLE}"
    )


def _is_same_text(user_id: object, email: object) -> bool:
    return (
        isinstance(user_id, str)
        and isinstance(email, str)
        and user_id.casefold() == email.casefold()
    )


def _nothing_to_send(user: Any, *, has_email: bool) -> str:
    kind = user.__class__.__name__
    ids = f"{', '.join(ID_NAMES)} or get_id()"
    if has_email:
        return (
            f"{kind} has no {ids} to send as an id, and nothing says that the email is confirmed:"
            f" set {label('email_confirmed')} to the attribute or callable that says so, or"
            f" {_BY_CALLABLE}"
        )
    return f"{kind} has no {ids} to send as an id, and no email: {_BY_CALLABLE}"
