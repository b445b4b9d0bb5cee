"""The user out of another process's session: the signed cookies of Flask and Starlette.

For a middleware that is in front of a process, as in a proxy, where neither the session nor the
user of the app are at hand.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from ._adapters.environ import outer_of
from ._adapters.scope import Fields
from ._model.identity import Identity, IdentityRefused
from ._model.tracebacks import keeping_keys_from_tracebacks
from ._page.request import PageRequest

Session = Mapping[str, Any]

UserOfSession = str | Callable[[Session], Identity | None]

Keys = str | bytes | Sequence[str | bytes]

_DAY = 24 * 60 * 60


class SignedCookieUser:
    """An `identity` callable: `identity=SignedCookieUser.flask(…)` or `.starlette(…)`.

    It takes the ASGI scope or the WSGI environ. `user` is the key of the session that holds the
    user's id, or a callable that takes the session and returns an `Identity` or None.

    `secret_key` is the app's, or several from the oldest to the newest; each verifies. A cookie
    counts for `max_age` seconds, as many as in the app; None sets no limit.

    The app is not asked. So a user whom it has deleted or locked out since then is named until the
    cookie is too old. A session that is in a database and not in the cookie cannot be read.

    Raises `ValueError` and `TypeError` for arguments that cannot work.
    """

    def __init__(
        self, read: Callable[[str], object], user: UserOfSession, cookie: str, *, takes_last: bool
    ) -> None:
        self._read = read
        self._user = user
        self._cookie = cookie
        self._takes_last = takes_last

    @classmethod
    @keeping_keys_from_tracebacks
    def flask(
        cls,
        secret_key: Keys,
        user: UserOfSession,
        *,
        cookie: str = "session",
        salt: str = "cookie-session",
        max_age: int | None = 31 * _DAY,
    ) -> SignedCookieUser:
        """Read the cookie of Flask's own sessions; Flask need not be installed here.

        `cookie` is Flask's `SESSION_COOKIE_NAME`, `max_age` its `PERMANENT_SESSION_LIFETIME`.
        Flask-Login keeps there what `get_id()` returns, under `_user_id`. That is the id, except
        for Flask-Security's users, so their session needs a callable. Values may be of types that
        JSON does not have: UUIDs are read as such, and others stay as Flask has written them.
        """
        serializer = URLSafeTimedSerializer(
            _keys(secret_key),
            salt=salt,
            serializer=_FlaskJSON,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
        )

        def read(value: str) -> object:
            session: object = serializer.loads(value, max_age=max_age)
            return session

        return cls(read, user, cookie, takes_last=False)

    @classmethod
    @keeping_keys_from_tracebacks
    def starlette(
        cls,
        secret_key: Keys,
        user: UserOfSession,
        *,
        cookie: str = "session",
        salt: str = "itsdangerous.Signer",
        max_age: int | None = 14 * _DAY,
    ) -> SignedCookieUser:
        """Read the cookie of Starlette's `SessionMiddleware`, which FastAPI has, too.

        `cookie` is its `session_cookie`, `max_age` its `max_age`.
        """
        signer = TimestampSigner(_keys(secret_key), salt=salt)

        def read(value: str) -> object:
            session: object = json.loads(b64decode(signer.unsign(value, max_age=max_age)))
            return session

        return cls(read, user, cookie, takes_last=True)

    def __call__(self, request: dict[str, Any]) -> Identity | None:
        """Return the user of a request, which is an ASGI scope or a WSGI environ.

        Raises `IdentityRefused` for the id that Flask-Login keeps for Flask-Security, and what the
        site's callable raises.
        """
        session = self._session(request)
        if session is None:
            return None
        if callable(self._user):
            return self._user(session)
        user_id = session.get(self._user)
        if self._user == "_user_id" and any(key.startswith("fs_") for key in session):
            raise IdentityRefused(
                "the session's `_user_id` is Flask-Security's `fs_uniquifier`, whose change ends"
                " sessions, so it is no id: pass a callable as `user`, which finds the user by it"
            )
        return None if user_id is None else Identity(user_id)

    def _session(self, request: dict[str, Any]) -> Session | None:
        value = _value(_cookies(request), self._cookie, takes_last=self._takes_last)
        if not value:
            return None
        try:
            session = self._read(value)
        except (BadData, ValueError, RecursionError):
            return None  # as the framework does
        return session if isinstance(session, Mapping) else None


class _FlaskJSON:
    """JSON with the types that Flask marks in its sessions, of which UUIDs may be ids."""

    @staticmethod
    def dumps(value: object) -> str:
        return json.dumps(value)

    @staticmethod
    def loads(text: str | bytes) -> Any:
        return json.loads(text, object_hook=_untagged)


def _untagged(value: dict[str, Any]) -> object:
    if value.keys() == {" u"} and isinstance(value[" u"], str):
        return UUID(value[" u"])
    return value


def _keys(secret_key: object) -> list[bytes]:
    given = [secret_key] if isinstance(secret_key, str | bytes) else secret_key
    if not isinstance(given, Sequence) or not all(isinstance(each, str | bytes) for each in given):
        raise TypeError("secret_key must be text, bytes or a list of these, as the app's own is")
    if not given or not all(given):
        raise ValueError("secret_key is empty: pass the key by which the app signs its sessions")
    return [each.encode() if isinstance(each, str) else each for each in given]


def _cookies(request: dict[str, Any]) -> str:
    """Return the `Cookie` field that the client sends next, once the response is known."""
    if "headers" in request:
        cookies: str = Fields(request["headers"]).get("cookie", "")
        page_request: PageRequest | None = request.get(PageRequest.KEY)
    else:
        cookies = request.get("HTTP_COOKIE", "")
        page_request = outer_of(PageRequest.KEY, request)
    return cookies if page_request is None else page_request.cookies_after(cookies)


def _value(cookies: str, name: str, *, takes_last: bool) -> str:
    """Return the cookie's value; of several, the one that the framework takes."""
    pairs = [piece.partition("=") for piece in cookies.split(";")]
    values = [value.strip(" \t") for key, _, value in pairs if key.strip(" \t") == name]
    return values[-1 if takes_last else 0] if values else ""
