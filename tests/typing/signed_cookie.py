"""The user of another process's session, and what is sent of user objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pavior_middleware import Identity, Settings, asgi, wsgi
from pavior_middleware.signed_cookie import SignedCookieUser

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def of_session(session: Mapping[str, Any]) -> Identity | None:
    return Identity(session["id"]) if "id" in session else None


def right(app: asgi.ASGIApp, wsgi_app: WSGIApplication, settings: Settings) -> list[object]:
    user = SignedCookieUser.flask(["old", b"new"], of_session, cookie="shop", max_age=None)
    return [
        asgi.PaviorMiddleware(app, settings, identity=SignedCookieUser.starlette("key", "id")),
        wsgi.PaviorMiddleware(wsgi_app, settings, identity=user),
    ]


def is_confirmed(user: Any) -> bool:
    return bool(user.confirmed)


def settings_of_users() -> list[Settings]:
    return [
        Settings("acme", "key", email_confirmed="confirmed", user_attributes=["first_name"]),
        Settings("acme", "key", email_confirmed=is_confirmed, user_attributes={"name": "nick"}),
        Settings("acme", "key", user_attributes=lambda user: {"a": 1}, impersonation="lead"),
    ]


async def confirms_later(user: Any) -> bool:
    return is_confirmed(user)


def mistakes(settings: Settings) -> None:
    SignedCookieUser.flask("key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    SignedCookieUser.flask(7, "id")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", "key", email_confirmed=confirms_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", "key", impersonation="leads")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
