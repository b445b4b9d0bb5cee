"""ASGI: the middleware for any ASGI app. It translates messages, and decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ._adapters.apps import says_no_route, with_root_path_of
from ._adapters.asgi_response import Response, set_cookies
from ._adapters.scope import (
    CONDITIONAL_NAMES,
    Fields,
    changed,
    content,
    sharing_request,
    without_content,
)
from ._adapters.scope import Message as Message
from ._adapters.scope import Receive as Receive
from ._adapters.scope import Scope as Scope
from ._adapters.scope import Send as Send
from ._adapters.site import Site
from ._adapters.stopping import run_until
from ._http.headers import ASGI_FORM
from ._model.identity import Identity
from ._model.identity_key import IDENTITY_KEY as IDENTITY_KEY
from ._model.identity_key import NOT_SAID, LoginChanged, NotSaid, identity_said
from ._model.settings import Settings
from ._page.conditions import NO_CONDITIONS
from ._page.request import PageRequest
from ._page.skip import INNER_FIELD
from ._share import LONGEST_CONTENT, Answer, Needed, Question, Request

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

IdentityOfScope = Callable[[dict[str, Any]], Identity | Awaitable[Identity | None] | None]

ConsentOfScope = Callable[[dict[str, Any]], bool | Awaitable[bool]]


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of an ASGI app.

    `identity` is called with the scope once the app has begun its response, so that it sees what
    inner middleware put there; it returns an `Identity` or None. Without `identity`,
    `scope["pavior.identity"]` is read. `consent` is called in the same way and returns whether the
    page may show the chat. Without `consent`, every page may. Both may be coroutine functions.
    Those that are not run in a thread, unless the setting `identity_may_block` is False.

    With `settings.enabled` False, everything passes untouched.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        identity: IdentityOfScope | None = None,
        consent: ConsentOfScope | None = None,
    ) -> None:
        self.app = app
        self._site = None
        if settings.enabled:
            self._site = Site(
                with_root_path_of(app, settings),
                ASGI_FORM,
                identity=identity,
                default_identity=self.identity_in,
                consent=consent,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI specification, "Applications")."""
        site = self._site
        if site is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if type(scope["headers"]) is not list:  # an iterable, which may be read only once
            scope["headers"] = [(name, value) for name, value in scope["headers"]]
        outer = scope.get(PageRequest.KEY)
        if outer is not None:  # another middleware is around this one
            send = _from_inside(send)
            if outer.replaced_fields:
                scope["headers"] = changed(scope["headers"], outer.replaced_fields)
        path, root_path = scope["path"], scope.get("root_path", "")
        our_path = site.sharing.path(path, root_path)
        if our_path is not None:
            await self._serve_sharing(site, sharing_request(scope, our_path), scope, receive, send)
            return
        fields = Fields(scope["headers"])
        request = site.pages.request(
            scope["method"],
            scope.get("scheme", "http"),
            path,
            root_path,
            fields,
            not CONDITIONAL_NAMES.isdisjoint(fields.by_name),
        )
        if outer is not None:
            request.stand_inside(outer)
        if request.conditions is not NO_CONDITIONS:
            await self._serve_conditionally(site, request, scope, receive, send)
            return
        scope[PageRequest.KEY] = request
        await self.app(scope, receive, Response(self, site, request, scope, send).send)

    def identity_in(self, scope: Scope) -> Identity | NotSaid | LoginChanged | None:
        """Return who is visiting, for a site that gives no `identity`."""
        identity = identity_said(scope)
        return self.user_in(scope) if identity is NOT_SAID else identity

    def user_in(
        self,
        scope: Scope,  # noqa: ARG002
    ) -> Identity | NotSaid | LoginChanged | None:
        """Return the user of the framework; `NOT_SAID` where the framework has no users.

        `LOGIN_CHANGED` says that the framework has read it before its response changed that.
        """
        return NOT_SAID

    def session_cookies(self, scope: Scope) -> Sequence[str]:  # noqa: ARG002
        """Return names of the app's session cookie, for a site whose settings have none."""
        return ()

    async def _serve_conditionally(
        self, site: Site[bytes], request: PageRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on; once more, if what the app answers is not for this client."""
        conditions, untouched = request.conditions, dict(scope)
        if "state" in scope:  # in which the app may keep what it reads of the request
            untouched["state"] = dict(scope["state"])
        asked = scope
        if conditions.changes:
            asked = {**scope, "headers": changed(scope["headers"], conditions.changes)}
        asked[PageRequest.KEY] = request
        response = Response(self, site, request, asked, send).from_copy(scope)
        await run_until(lambda: response.is_over, self.app, asked, receive, response.send)
        again = response.again
        if again is not None:
            headers = changed(untouched["headers"], again.conditions.changes)
            asked = {**untouched, "headers": headers, PageRequest.KEY: again}
            second = Response(self, site, again, asked, send).from_copy(scope)
            receive = without_content(receive)
            await run_until(lambda: second.is_over, self.app, asked, receive, second.send)

    async def _serve_sharing(
        self, site: Site[bytes], request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer in the app's place, which may see the request so that the user is known."""
        outer = scope.get(Question.KEY)
        if outer is not None:
            send = _in_place_of(outer, send)
        begun = site.sharing.begin(request)
        if isinstance(begun, Answer):
            await _send_answer(begun, scope, send)
            return
        if begun is Needed.CONTENT:
            code = await content(receive, LONGEST_CONTENT + 1)
            await _send_answer(site.sharing.exchange(request, code), scope, send)
            return

        session_cookies = self.session_cookies(scope)
        is_answered = False
        question = scope[Question.KEY] = Question()
        scope.pop(PageRequest.KEY, None)  # of a middleware that has this app at another path

        async def answer_instead(message: Message) -> None:
            if question.gives_way:
                await send(message)
            elif message["type"] == "http.response.start" and not is_answered:
                await send_answer([value.decode("latin-1") for _, value in set_cookies(message)])

        async def send_answer(set_cookies: list[str]) -> None:
            nonlocal is_answered
            visitor = question.visitor or await site.callbacks.visitor_async(scope)
            is_answered = True  # unless the app has stopped waiting for the visitor
            answer = site.sharing.answer(request, visitor, session_cookies, set_cookies)
            await _send_answer(answer, scope, send)

        try:
            await run_until(lambda: is_answered, self.app, scope, receive, answer_instead)
        except Exception as error:
            if is_answered or question.gives_way or not says_no_route(error):
                raise
            await send_answer([])


def _from_inside(send: Send) -> Send:
    """Return the `send` of a middleware that another one is around, which leaves it alone."""

    async def send_from_inside(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (INNER_FIELD.encode("ascii"), b"1")]
            message = {**message, "headers": headers}
        await send(message)

    return send_from_inside


def _in_place_of(outer: Question, send: Send) -> Send:
    """Return the `send` of a middleware that answers a question in place of the one around it."""

    async def send_answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            outer.give_way()
        await send(message)

    return send_answer


async def _send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
