"""A Litestar app with sessions and an authentication middleware, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
from dataclasses import dataclass

from litestar import Litestar, get, post
from litestar.enums import MediaType
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.middleware.session.client_side import CookieBackendConfig
from litestar.response import Redirect
from pavior_middleware import Settings


@dataclass
class User:
    id: str
    name: str
    is_authenticated: bool = True


class SessionUser(AbstractAuthenticationMiddleware):
    async def authenticate_request(self, connection):
        is_ada = connection.session.get("user") == "7"
        return AuthenticationResult(User("7", "ada") if is_ada else None, None)


settings = Settings.from_env()

# Here: litestar.md, block 1


@get("/", media_type=MediaType.HTML)
async def home(request: Request) -> str:
    name = request.user.name if request.user else "nobody"
    return (
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


@post("/")
async def log_in(request: Request) -> Redirect:
    request.set_session({"user": "7"})
    return Redirect("/", status_code=303)


sessions = CookieBackendConfig(secret=b"a secret of 16 b")
app = Litestar([home, log_in], middleware=[sessions.middleware, SessionUser], plugins=[pavior])
