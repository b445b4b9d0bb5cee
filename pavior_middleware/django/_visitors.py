"""Finds the visitor by `request.user`, for a site without `PAVIOR_IDENTITY`."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.utils.functional import LazyObject, empty

from .._model.identity import Identity
from .._model.identity_key import NOT_SAID, NotSaid, identity_said
from .._model.impersonation import tells_of_impersonation
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.users import UserMapping

_WITHOUT_USER = (
    "Pavior names nobody, as the request has no user: put"
    " pavior_middleware.django.PaviorMiddleware behind AuthenticationMiddleware in MIDDLEWARE, or"
    " set PAVIOR_IDENTITY to a callable that takes the request and returns an Identity"
)


class Users:
    """Makes identities of the users of one site's requests."""

    def __init__(self, settings: Settings) -> None:
        self._mapping = UserMapping(settings)
        self._warn = WarnOnce()

    def identity(self, request: Any) -> Identity | None:
        """Return who is visiting; this may query the database for the session and the user."""
        identity = _identity_named_in(request)
        if identity is not NOT_SAID:
            return identity
        if not hasattr(request, "user"):
            self._warn(_WITHOUT_USER)
            return None
        return self._identity_of(request, request.user)

    async def identity_async(self, request: Any) -> Identity | None:
        """Return who is visiting; a look-up runs in the request's thread."""
        user = getattr(request, "user", None)
        if user is None or _identity_named_in(request) is not NOT_SAID:
            return self.identity(request)
        if _is_unknown(user) and _is_of_django(user) and hasattr(request, "auser"):
            user = await request.auser()
        # A property or a foreign key may query the database, which Django refuses in a coroutine.
        if _is_unknown(user) or self._mapping.may_compute(_without_wrapper(user)):
            return await sync_to_async(self._identity_of)(request, user)
        return self._identity_of(request, user)

    def _identity_of(self, request: Any, user: Any) -> Identity | None:
        if user is None or not user.is_authenticated:
            return None
        user = _without_wrapper(user)
        is_impersonated = _is_impersonated(request)
        return self._mapping.identity(user, is_impersonated=is_impersonated, is_authenticated=True)


def _identity_named_in(request: Any) -> Identity | NotSaid | None:
    """Return the identity that the app has set in `request.META`, or in `request.scope` of ASGI."""
    identity = identity_said(request.META)
    return (
        identity_said(request.scope)
        if identity is NOT_SAID and hasattr(request, "scope")
        else identity
    )


def _without_wrapper(user: Any) -> Any:
    """Return the user inside a lazy wrapper that has been evaluated; the wrapper is slower."""
    while isinstance(user, LazyObject):
        user = user._wrapped
    return user


def _is_unknown(user: Any) -> bool:
    """Whether the user has not been looked up yet."""
    return isinstance(user, LazyObject) and user._wrapped is empty


def _is_of_django(user: Any) -> bool:
    """Whether the lazy user is that of `AuthenticationMiddleware`, so that `auser` finds the same.

    A middleware behind it may have replaced `request.user` by another lazy user, which `auser` does
    not find.
    """
    look_up = vars(user).get("_setupfunc")
    return getattr(look_up, "__module__", None) == "django.contrib.auth.middleware"


def _is_impersonated(request: Any) -> bool:
    """Whether somebody else acts as this user.

    A session that was not read has not led to this user, and reading it may query a database.
    """
    session = getattr(request, "session", None)
    is_read = session is not None and session.accessed
    return tells_of_impersonation(session if is_read else None, request)
