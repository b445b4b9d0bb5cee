"""How an app names its visitor without a callable: the key `pavior.identity`, and `identify`."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from enum import Enum
from typing import Any, Final

from .identity import Identity

IDENTITY_KEY = "pavior.identity"
"""Under this key of the scope or environ is the request's `Identity`, or None for nobody."""

REQUEST_KEY = "pavior_middleware.request"
QUESTION_KEY = "pavior_middleware.question"
"""The keys of two holders: a page's request, and a question who is logged in."""

SCOPE_KEY = "asgi.scope"
"""Where an adapter from ASGI to WSGI, such as a2wsgi, keeps the scope in the environ."""


class NotSaid(Enum):
    """The value for an app that has said nothing about its visitor, not even that it is nobody."""

    NOT_SAID = "The app has not said who is visiting."


class LoginChanged(Enum):
    """The value for an identity that was read before the response changed the login."""

    LOGIN_CHANGED = "The app has said it before its response changed who is logged in."


NOT_SAID: Final = NotSaid.NOT_SAID
LOGIN_CHANGED: Final = LoginChanged.LOGIN_CHANGED


class IdentityHolder:
    """An object in the scope or environ that keeps the identity.

    Copies of the scope or environ hold the same object; deep copies do, too.
    """

    identity: Identity | NotSaid | None = NOT_SAID

    def __deepcopy__(self, memo: object) -> IdentityHolder:
        return self


def identify(request: MutableMapping[str, Any], identity: Identity | None) -> None:
    """Say who is visiting; `request` is the ASGI scope or the WSGI environ, or a copy of it.

    None says that nobody is logged in. The call counts if the middleware has no `identity`
    callable. It must come before the response begins. The last of several calls counts. If no layer
    copies the scope or environ, `request["pavior.identity"] = identity` does the same.

    Raises `TypeError` for arguments of other types.
    """
    if not isinstance(request, MutableMapping):
        raise TypeError(
            f"identify() takes the ASGI scope or the WSGI environ, not {type(request).__name__}:"
            " pass request.scope or request.environ"
        )
    if not isinstance(identity, Identity | None):
        raise TypeError(
            f"identify() takes an Identity or None, not {type(identity).__name__}: pass one, as"
            " Identity(user.id)"
        )
    request[IDENTITY_KEY] = identity
    for mapping in (request, request.get(SCOPE_KEY, {})):
        for key in (REQUEST_KEY, QUESTION_KEY):
            holder = mapping.get(key)
            if holder is not None:
                holder.identity = identity


def identity_said(request: Mapping[str, Any]) -> Identity | NotSaid | None:
    """Return the identity that the app has set in the scope or environ, or by `identify`."""
    holder: IdentityHolder | None = request.get(REQUEST_KEY) or request.get(QUESTION_KEY)
    if holder is not None and holder.identity is not NOT_SAID:
        return holder.identity
    identity: Identity | NotSaid | None = request.get(IDENTITY_KEY, NOT_SAID)
    return identity
