"""A Starlette app with a session and an authentication backend, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route


class Backend(AuthenticationBackend):
    async def authenticate(self, request):
        if request.session.get("user") == "7":
            return AuthCredentials(["authenticated"]), SimpleUser("7")


async def home(request):
    if request.method == "POST":
        request.session["user"] = "7"
        return RedirectResponse("/", 303)
    name = "ada" if request.user.is_authenticated else "nobody"
    return HTMLResponse(
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


routes = [Route("/", home, methods=["GET", "POST"])]
others = [
    Middleware(SessionMiddleware, secret_key="a long secret"),
    Middleware(AuthenticationMiddleware, backend=Backend()),
]

# Here: starlette.md, block 1
