"""The middleware, sync and async: it asks the layers below, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from .._page.response import State
from ._questions import Question, our_path
from ._sites import current_site
from ._turns import Turn, first_turn


class PaviorMiddleware:
    """Puts Pavior's init script into the HTML pages of a Django site.

    The settings are the `PAVIOR_*` keys of `settings.py`. The user is what the callable
    `PAVIOR_IDENTITY` returns for the request; without `PAVIOR_IDENTITY`, it is `request.user`.
    `PAVIOR_CONSENT` is called in the same way and returns whether the page may show the chat.
    Without `PAVIOR_CONSENT`, every page may. Both may be coroutine functions.

    Raises `SettingsError` when Django loads it.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        current_site(self._is_async)

    def __call__(self, request: Any) -> Any:
        """Return the response to a request, or a coroutine for it."""
        return self._answer_async(request) if self._is_async else self._answer(request)

    def _answer(self, request: Any) -> Any:
        site = current_site(False)
        if site is None:
            return self.get_response(request)
        path = our_path(site, request)
        if path is not None:
            question = Question(site, request, path)
            if question.needs_visitor:
                question.answer(site.site.callbacks.visitor(request))
            return question.response
        turn = first_turn(site, request)
        return turn.last(self._ask(turn))

    def _ask(self, turn: Turn) -> Any:
        """Ask the layers below; ask them again if their answer is not usable for this client."""
        response = self.get_response(turn.begin())
        page = turn.take(response)
        if page is None:
            return response
        if page.state is State.ASKING:
            turn.decide(page, turn.site.callbacks.visitor(turn.request))
        if page.state is State.RETRY:
            return self._ask(turn.again(page, response))
        return turn.finish(page, response)

    async def _answer_async(self, request: Any) -> Any:
        site = current_site(True)
        if site is None:
            return await self.get_response(request)
        path = our_path(site, request)
        if path is not None:
            question = Question(site, request, path)
            if question.needs_visitor:
                question.answer(await site.site.callbacks.visitor_async(request))
            return question.response
        turn = first_turn(site, request)
        return turn.last(await self._ask_async(turn))

    async def _ask_async(self, turn: Turn) -> Any:
        """Do what `_ask` does, for layers that are awaited."""
        response = await self.get_response(turn.begin())
        page = turn.take(response)
        if page is None:
            return response
        if page.state is State.ASKING:
            turn.decide(page, await turn.site.callbacks.visitor_async(turn.request))
        if page.state is State.RETRY:
            return await self._ask_async(turn.again(page, response))
        return await turn.finish_async(page, response)
