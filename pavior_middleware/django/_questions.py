"""A request for one of our paths, which the middleware answers itself."""

from __future__ import annotations

from typing import Any

from django.http.request import UnreadablePostError

from .._adapters.environ import sharing_request
from .._model.visitor import Visitor
from .._share import LONGEST_CONTENT, Answer, Needed
from .._share import Question as KeptQuestion
from ._answers import AnswerResponse
from ._requests import outer_of
from ._sites import DjangoSite, session_cookies


def our_path(site: DjangoSite, request: Any) -> str | None:
    """Return which of our paths a request is for; None if it is for the app."""
    return site.site.sharing.path(request.path, request.META.get("SCRIPT_NAME", ""))


class Question:
    """A request for one of our paths, and its answer once there is one."""

    def __init__(self, site: DjangoSite, request: Any, path: str) -> None:
        self._sharing = site.site.sharing
        self._sets_cookies = site.sets_cookies
        self._is_head = request.method == "HEAD"
        outer = outer_of(request, KeptQuestion.KEY)
        if outer is not None:  # an outer middleware has the same question
            outer.give_way()
        self._request = sharing_request(request.META, path)
        begun = self._sharing.begin(self._request)
        if begun is Needed.CONTENT:
            begun = self._sharing.exchange(self._request, _content(request))
        self._answer = begun if isinstance(begun, Answer) else None

    @property
    def needs_visitor(self) -> bool:
        """Whether the answer depends on who is visiting."""
        return self._answer is None

    def answer(self, visitor: Visitor) -> None:
        """Answer for a visitor."""
        self._answer = self._sharing.answer(self._request, visitor, session_cookies())

    @property
    def response(self) -> AnswerResponse:
        """Return the answer as a response of Django."""
        assert self._answer is not None  # noqa: S101  # `answer` has been called
        return AnswerResponse(
            self._answer, is_head=self._is_head, may_set_cookies=self._sets_cookies
        )


def _content(request: Any) -> bytes:
    try:
        content: bytes = request.read(LONGEST_CONTENT + 1)
    except UnreadablePostError:  # the client has gone
        return b""
    return content
