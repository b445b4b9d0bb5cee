"""Identities of what the dependency `user` returns, and of the user that the app keeps."""

from __future__ import annotations

from typing import Any

from .._adapters.in_threads import InThreads
from .._adapters.scope import Scope
from .._model.identity import Identity, IdentityRefused
from .._model.settings import Settings
from .._model.users import UserMapping


class Users:
    """Makes identities of the users of one site."""

    def __init__(self, settings: Settings) -> None:
        self._mapping = UserMapping(settings)
        self._in_threads = InThreads(self._identity, "user", settings)

    async def identity(self, user: Any) -> Identity | None:
        """Return the identity of a user object. An `Identity` or None is returned unchanged.

        A user object without `is_authenticated` counts as logged in. Raises `IdentityRefused` as
        `UserMapping.identity` does.
        """
        if user is None or isinstance(user, Identity):
            return user
        if self._mapping.may_block(user):
            identity: Identity | None = await self._in_threads(user)
            return identity
        return self._identity(user)

    def identity_in(self, scope: Scope) -> Identity | None:
        """Return the identity of the user whom the app has put into the scope or its state."""
        is_of_starlette = "user" in scope  # Starlette's users have `is_authenticated`
        user = scope["user"] if is_of_starlette else scope.get("state", {}).get("user")
        if user is None or isinstance(user, Identity):
            return user
        return self._mapping.identity(user) if is_of_starlette else self._identity(user)

    def _identity(self, user: Any) -> Identity | None:
        try:
            return self._mapping.identity_of_known(user)
        except IdentityRefused as refusal:
            raise IdentityRefused(
                f"{refusal}; with FastAPI, the dependency `user` may return it"
            ) from None
