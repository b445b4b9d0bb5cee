"""Finds the visitor of a Litestar app, even if the app's middleware has not run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, NamedTuple

from litestar import Request
from litestar.utils import is_async_callable

from .._adapters.in_threads import InThreads
from .._adapters.scope import Fields, Message, Scope, changed
from .._http.caller import SAFE_METHODS
from .._http.session_cookies import session_of
from .._model.identity import Identity
from .._model.identity_key import NOT_SAID, identity_said
from .._model.settings import Settings
from .._model.users import UserMapping
from .._page.request import PageRequest

App = Callable[[Any, Any, Any], Awaitable[None]]
AnyRequest = Request[Any, Any, Any]
IdentityOfRequest = Callable[[AnyRequest], Identity | Awaitable[Identity | None] | None]
ConsentOfRequest = Callable[[AnyRequest], bool | Awaitable[bool]]

REACHED = "pavior_middleware.litestar.reached"
"""A key of the scope that is set once a request has reached the plugin's route."""

_ASKED = "pavior_middleware.litestar.asked"
_OF_ROUTE = ("route_handler", "path_params", "path_template", "user", "auth", "session")


class Visitors:
    """Finds the visitors of one app.

    Litestar runs its middleware behind the router, and authentication does not run on excluded
    paths. For such requests the plugin sends the app another request with the same cookies, for
    `route`, which is a route of the plugin. The app's middleware puts the visitor into the scope of
    that request. The plugin does the same after a response that may log somebody in or out. Such a
    response answers a form, or sets one of `tokens`, which are cookies that nothing else sets.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        identity: IdentityOfRequest | None,
        request_class: type[AnyRequest],
        ask: App,
        route: str,
        tokens: Collection[str],
    ) -> None:
        self._settings = settings
        self._users = UserMapping(settings)
        self._request_class = request_class
        self._identity = None if identity is None else self._asking(identity, "identity")
        self._ask_app = ask
        self._route = route
        self._tokens = tokens
        self._has_users: bool | None = None

    async def identity(self, scope: Scope) -> Identity | None:
        """Return who is visiting; None for nobody, and if the app refuses the request."""
        identity = identity_said(scope) if self._identity is None else NOT_SAID
        if identity is not NOT_SAID:
            return identity
        is_known = self._is_known(scope) and not self._may_be_another(scope)
        seen = scope if is_known else await self._asked(scope)
        if seen is None:
            return None
        if self._identity is not None:
            named: Identity | None = await self._identity(seen)
            return named
        identity = identity_said(seen)
        if identity is not NOT_SAID:
            return identity
        user = seen.get("user")
        if user is None or isinstance(user, Identity):
            return user
        return self._users.identity_of_known(user)

    def consent_by(self, consent: ConsentOfRequest) -> Callable[[Scope], Awaitable[bool]]:
        """Return a function that takes a scope and returns whether the chat may be shown."""
        ask = self._asking(consent, "consent")

        async def may_chat(scope: Scope) -> bool:
            is_routed = "route_handler" in scope
            answer: bool = await ask(scope if is_routed else await self._asked(scope) or scope)
            return answer

        return may_chat

    def _asking(self, function: Callable[[AnyRequest], Any], name: str) -> Callable[[Scope], Any]:
        """Return a function that takes a scope and awaits the answer of the site's function."""
        request_class: Any = self._request_class
        call: Any = function
        if not is_async_callable(function):
            call = InThreads(function, name, self._settings)

        async def answered(scope: Scope) -> Any:
            answer = await call(request_class(scope))
            return await answer if isawaitable(answer) else answer

        return answered

    def _is_known(self, scope: Scope) -> bool:
        """Whether a scope tells who is visiting, so that the app need not be asked."""
        if "user" in scope:
            self._has_users = True
            return True
        if REACHED in scope:
            return True
        is_routed = "route_handler" in scope
        return self._has_users is False and (is_routed or self._identity is None)

    def _may_be_another(self, scope: Scope) -> bool:
        """Whether the response may log somebody in or out, after the app has found the user."""
        if self._identity is not None or "user" not in scope or REACHED in scope:
            return False
        if scope["method"] not in SAFE_METHODS:
            return True
        cookies = _cookies(scope)
        return cookies.sent != cookies.current and any(
            session_of(cookies.sent, (name,), without="")
            != session_of(cookies.current, (name,), without="")
            for name in self._tokens
        )

    async def _asked(self, scope: Scope) -> Scope | None:
        """Ask the app for the route; return the scope of that request, or None if it is refused."""
        if _ASKED in scope:
            known: Scope | None = scope[_ASKED]
            return known
        path = scope.get("root_path", "").rstrip("/") + self._route
        state = {key: each for key, each in scope.get("state", {}).items() if key[:4] != "_ls_"}
        asked: Scope = {key: each for key, each in scope.items() if key not in _OF_ROUTE}
        cookies = _cookies(scope)
        if cookies.sent != cookies.current:
            asked["headers"] = changed(scope["headers"], {"cookie": cookies.current or None})
        asked.update(method="GET", path=path, raw_path=path.encode(), query_string=b"", state=state)
        statuses: list[int] = []

        async def keep_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await self._ask_app(asked, _without_content, keep_status)
        if any(status >= HTTPStatus.INTERNAL_SERVER_ERROR for status in statuses):
            raise LookupError(f"the app answered {self._route} with the status {statuses[0]}")
        if REACHED in asked and not self._has_users:
            self._has_users = "user" in asked or identity_said(asked) is not NOT_SAID
        answered = asked if REACHED in asked else None
        scope[_ASKED] = answered
        return answered


class _Cookies(NamedTuple):
    """The `Cookie` field of a request, and that of the browser's next request."""

    sent: str
    current: str


def _cookies(scope: Scope) -> _Cookies:
    sent: str = Fields(scope["headers"]).get("cookie", "")
    request: PageRequest | None = scope.get(PageRequest.KEY)
    return _Cookies(sent, sent if request is None else request.cookies_after(sent))


async def _without_content() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
