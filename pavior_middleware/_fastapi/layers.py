"""The layers around a FastAPI app: one outside of its middleware, and one inside."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from inspect import isawaitable
from typing import Any

from starlette.concurrency import run_in_threadpool

from .. import asgi, starlette
from .._adapters.site import Site
from .._model.identity import Identity
from .._model.identity_key import NOT_SAID, NotSaid
from .._model.settings import Settings
from .._page.request import PageRequest
from .._page.skip import SKIP_FIELD
from .._share import Question
from .dependencies import COOKIES, Dependency
from .users import Users

_SKIPPED = (SKIP_FIELD.encode("ascii"), b"1")
_OWN_PAGES = "fastapi.applications"
"""The module of FastAPI's own endpoints, such as `/docs` and `/redoc`, at any path."""


class Outside(starlette.PaviorMiddleware):
    """The middleware around all others of one app."""

    def __init__(
        self,
        app: asgi.ASGIApp,
        settings: Settings,
        users: Users,
        *,
        user: Dependency[Identity | None] | None,
        consent: Dependency[bool] | None,
    ) -> None:
        self._kept_users = users
        self._cookies = () if user is None else user.cookies
        super().__init__(
            app,
            settings,
            identity=None if user is None else partial(user.value, refused=None),
            consent=None if consent is None else partial(consent.value, refused=False),
        )

    def around(self, app: asgi.ASGIApp) -> Outside:
        """Return the same middleware around another app."""
        other = copy(self)
        other.app = app
        return other

    def inside(self, app: asgi.ASGIApp) -> asgi.ASGIApp:
        """Return an app with the layer that asks for the visitor."""
        assert self._site is not None  # noqa: S101  # there are layers only with a site
        return Inside(app, self._site)

    def last(self, handler: Any) -> Any:
        """Return a handler whose answer passes through this middleware, but through no other."""

        async def handler_with_middleware(request: Any, error: Exception) -> asgi.ASGIApp:
            response = await run_in_threadpool(handler, request, error)
            if isawaitable(response):
                response = await response
            return LastAnswer(self.around(response))

        return handler_with_middleware

    def authenticated_user(self, scope: asgi.Scope) -> Identity | NotSaid | None:
        """Return the user whom the app has put into the scope or its state."""
        if "user" not in scope and "user" not in scope.get("state", {}):
            return NOT_SAID
        return self._kept_users.identity_in(scope)

    def session_cookies(self, scope: asgi.Scope) -> Sequence[str]:
        """Return the cookies that the user's dependency reads, and those of the app's sessions."""
        return (*self._cookies, *super().session_cookies(scope))


class Inside:
    """The layer that looks the visitor up inside all middleware of the app.

    There, sessions, context variables and copies of the scope exist. It looks the visitor up only
    if the outer middleware will need the visitor.
    """

    def __init__(self, app: asgi.ASGIApp, site: Site[bytes]) -> None:
        self.app = app
        self._site = site

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Serve one connection (ASGI specification, "Applications")."""
        asked: Question | PageRequest | None
        asked = scope.get(Question.KEY) or scope.get(PageRequest.KEY)
        if asked is None:
            await self.app(scope, receive, send)
            return

        async def send_with_visitor(message: asgi.Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                if not isinstance(
                    headers, (list, tuple)
                ):  # an iterator, which can be read only once
                    headers = list(headers)
                    message = {**message, "headers": headers}
                if _is_own_page(scope):
                    message = {**message, "headers": [*headers, _SKIPPED]}
                elif isinstance(asked, Question) or self._site.pages.may_need_visitor(
                    asked, message["status"], headers
                ):
                    if isinstance(asked, PageRequest):
                        asked.response_fields = headers
                    asked.visitor = await self._site.callbacks.visitor_async(scope)
                    if COOKIES in scope:
                        message = {**message, "headers": [*headers, *scope.pop(COOKIES)]}
            await send(message)

        await self.app(scope, receive, send_with_visitor)


def _is_own_page(scope: asgi.Scope) -> bool:
    return getattr(scope.get("endpoint"), "__module__", None) == _OWN_PAGES


class LastAnswer:
    """The answer to a request that failed, which FastAPI sends without any middleware."""

    def __init__(self, middleware: Outside) -> None:
        self._middleware = middleware

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Send the answer."""
        failed: PageRequest | None = scope.get(PageRequest.KEY)
        answered = {**scope, PageRequest.KEY: None if failed is None else failed.outer}
        await self._middleware(answered, receive, send)
