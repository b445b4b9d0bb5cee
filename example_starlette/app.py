"""The shop: its pages, and `create_app`, which puts Pavior's chat on every one of them.

Run it with `uvicorn --factory example_starlette.app:create_app --port 8002`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from example_starlette import settings
from example_starlette.orders import in_the_workshop
from example_starlette.users import SessionBackend, check
from pavior_middleware.starlette import PaviorMiddleware, read_settings

HERE = Path(__file__).parent

templates = Jinja2Templates(HERE / "templates")
streamed_templates = templates.env.overlay(enable_async=True)


def create_app(environ: Mapping[str, str] = os.environ) -> Starlette:
    """Build the shop with the settings that `environ` holds."""
    config = settings.read(environ)
    app = Starlette(
        routes=[
            Route("/", home),
            Route("/login", login),
            Route("/login", log_in, methods=["POST"]),
            Route("/logout", log_out, methods=["POST"]),
            Route("/account", account),
            Route("/stream", stream),
            Route("/error", error),
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
        ],
        middleware=[
            # Any place in this list will do: it asks for `request.user` when a page is on its way
            # out. Here it also sees what the other middleware answers on its own.
            Middleware(PaviorMiddleware, settings=read_settings(config)),
            # A name of our own: cookies do not tell ports apart, so another site on this machine
            # that also calls its cookie "session" would log customers out of this one.
            Middleware(SessionMiddleware, config("SECRET_KEY"), session_cookie="starlit"),
            Middleware(AuthenticationMiddleware, backend=SessionBackend()),
        ],
        exception_handlers={404: not_found, 500: server_error},
    )
    app.state.help_center_url = config("HELP_CENTER_URL", default="")
    app.state.seconds_per_order = config("SECONDS_PER_ORDER", cast=float, default=0.5)
    return app


async def home(request: Request) -> Response:
    """Show what the shop sells."""
    return templates.TemplateResponse(request, "home.html")


async def login(request: Request) -> Response:
    """Show the login form."""
    return templates.TemplateResponse(request, "login.html")


async def log_in(request: Request) -> Response:
    """Log the customer in, or show the form again.

    Whatever `next` the URL holds is left alone: an address from outside is no place to send people.
    """
    async with request.form() as form:
        email, password = str(form.get("email", "")), str(form.get("password", ""))
    customer = await check(email, password)
    if customer is None:
        context = {"email": email, "failed": True}
        return templates.TemplateResponse(request, "login.html", context, status_code=422)
    request.session.clear()
    request.session["email"] = customer.email
    return RedirectResponse(request.url_for("account"), status_code=303)


async def log_out(request: Request) -> Response:
    """Log the customer out."""
    request.session.clear()
    return RedirectResponse(request.url_for("home"), status_code=303)


@requires("authenticated", redirect="login")
async def account(request: Request) -> Response:
    """Show the customer's own page."""
    return templates.TemplateResponse(request, "account.html")


async def stream(request: Request) -> Response:
    """Send the page's head at once and each order as it comes."""
    orders = in_the_workshop(request.app.state.seconds_per_order)
    page = streamed_templates.get_template("stream.html")
    chunks = page.generate_async(request=request, orders=orders)
    return StreamingResponse(chunks, media_type="text/html")


async def error(_request: Request) -> Response:
    """Fail on purpose, to show the error page."""
    raise RuntimeError("This page fails on purpose.")


async def not_found(request: Request, _error: Exception) -> Response:
    """Answer an address that leads nowhere."""
    return templates.TemplateResponse(request, "not_found.html", status_code=404)


async def server_error(request: Request, _error: Exception) -> Response:
    """Answer when a page failed.

    Starlette calls this outside of all middleware, so this page alone has no chat.
    """
    return templates.TemplateResponse(request, "server_error.html", status_code=500)
