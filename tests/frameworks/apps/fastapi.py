"""FastAPI with a session and a dependency for the user, as docs/frameworks/fastapi.md has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Header, Request, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.sessions import SessionMiddleware

from pavior_middleware import Settings, skip
from tests.frameworks import pages
from tests.frameworks.gates import gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC
from tests.frameworks.recipes import run

INTERFACE = "asgi"


def make_app(settings: Settings) -> FastAPI:
    app = FastAPI()
    settings = replace(settings, email_confirmed="is_confirmed")
    names = run("fastapi", app=app, settings=settings, USERS=pages.USERS)
    add_routes(app, Depends(names["optional_user"]))
    app.add_middleware(SessionMiddleware, secret_key="a secret key for the tests only")
    return app


def add_routes(app: FastAPI, logged_in: Any) -> None:
    """Add the site's routes, which learn by a dependency who is logged in."""

    @app.api_route("/", methods=["GET", "HEAD"])
    @app.post("/echo")
    async def page(user: Any = logged_in) -> HTMLResponse:
        return HTMLResponse(pages.page(user))

    @app.post("/login")
    async def login(request: Request, user: Annotated[str, Form()]) -> RedirectResponse:
        request.session["user"] = user
        return RedirectResponse("/", 303)

    @app.post("/logout")
    async def logout(request: Request) -> RedirectResponse:
        request.session.clear()
        return RedirectResponse("/", 303)

    @app.get("/api")
    async def api(user: Any = logged_in) -> dict[str, str | None]:
        return {"user": None if user is None else user.name}

    @app.get("/report")
    async def report() -> FileResponse:
        return FileResponse(REPORT)

    @app.get("/stream")
    async def stream(gate: int | None = None, user: Any = logged_in) -> StreamingResponse:
        return StreamingResponse(gated_async(pages.pieces(user), gate), media_type="text/html")

    @app.get("/boom")
    async def boom() -> None:
        raise RuntimeError("boom")

    @app.get("/tagged")
    async def tagged(
        user: Any = logged_in, if_none_match: Annotated[str | None, Header()] = None
    ) -> HTMLResponse:
        text = pages.page(user)
        tag = pages.tag_of(text)
        if tag == if_none_match:
            return HTMLResponse(status_code=304, headers={"ETag": tag})
        return HTMLResponse(text, headers={"ETag": tag})

    @app.get("/gzip")
    async def in_gzip(user: Any = logged_in) -> HTMLResponse:
        return HTMLResponse(pages.page_in_gzip(user), headers={"Content-Encoding": "gzip"})

    @app.get("/nonce")
    async def nonce(user: Any = logged_in) -> HTMLResponse:
        return HTMLResponse(pages.page(user), headers={"Content-Security-Policy": POLICY})

    @app.get("/skipped")
    async def skipped(user: Any = logged_in) -> HTMLResponse:
        return skip(HTMLResponse(pages.page(user)))

    @app.websocket("/ws")
    async def echo_socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    @app.exception_handler(404)
    @app.exception_handler(500)
    async def error_page(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(pages.page(None), getattr(error, "status_code", 500))

    app.mount("/static", StaticFiles(directory=STATIC))
