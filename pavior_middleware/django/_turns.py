"""A turn: the layers below answer a request once, and their response is changed."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from .._adapters.environ import Fields
from .._adapters.response_objects import decide, streamed, streamed_async, streamed_later, whole
from .._http.headers import HeaderList
from .._model.visitor import Visitor
from .._page.request import PageRequest
from .._page.response import PageResponse, State
from .._page.skip import INNER_FIELD, SKIP_FIELD
from ._heads import cookies_of, fields_of, set_fields
from ._requests import Untouched, change_fields, outer_of, tell_of
from ._sites import DjangoSite, session_cookies


def first_turn(site: DjangoSite, request: Any) -> Turn:
    """Return the first turn of a request."""
    meta = request.META
    outer = outer_of(request, PageRequest.KEY)
    if outer is not None:  # another middleware is around the site
        change_fields(request, outer.replaced_fields)
    fields = Fields(meta)
    page_request = site.site.pages.request(
        # Django's views answer a `HEAD` with the page, so its head must be that of the GET.
        "GET" if request.method == "HEAD" else request.method,
        request.scheme,
        request.path,
        meta.get("SCRIPT_NAME", ""),
        fields,
        fields.are_conditional,
    )
    if outer is not None:
        page_request.stand_inside(outer)
    return Turn(site, request, page_request, is_inside=outer is not None)


class Turn:
    """One call of the layers below for a request.

    `is_inside` tells that another middleware is around the site.
    """

    def __init__(
        self, site: DjangoSite, request: Any, page_request: PageRequest, *, is_inside: bool = False
    ) -> None:
        self._is_inside = is_inside
        self.request = request
        self.site = site.site
        self._site = site
        self._page_request = page_request
        self._untouched: Untouched | None = None
        self._before: HeaderList = []

    def begin(self) -> Any:
        """Return the request for the layers below."""
        conditions = self._page_request.conditions
        if conditions.may_ask_again:
            self._untouched = Untouched(self.request)
        if conditions.changes:
            change_fields(self.request, conditions.changes)
        self.request.META[PageRequest.KEY] = self._page_request
        return self.request

    def take(self, response: Any) -> PageResponse[str] | None:
        """Take the answer of the layers below; return None if it passes unchanged."""
        page_request = self._page_request
        if page_request.conditions.changes:
            sent = {name: page_request.fields.get(name) for name in page_request.conditions.changes}
            change_fields(self.request, sent)
        return self._begun(response)

    def decide(self, page: PageResponse[str], visitor: Visitor) -> None:
        """Decide what the response becomes, now that the visitor is known."""
        decide(self.site, self._page_request, page, visitor, session_cookies)

    def again(self, page: PageResponse[str], response: Any) -> Turn:
        """Return the second turn, in which the layers below are asked for the whole page."""
        assert self._untouched is not None  # noqa: S101  # `begin` keeps it for such requests
        page_request = page.again()
        request = self._untouched.once_more(page_request.conditions.changes)
        return _SecondTurn(self._site, request, page_request, self.request, response)

    def finish(self, page: PageResponse[str], response: Any) -> Any:
        """Return the response as it goes out."""
        fields: HeaderList | None = None
        is_page = page.changes_body
        if not is_page:
            fields = page.head() if page.state in (State.EDITED, State.EARLIER) else None
        elif response.streaming:
            take = streamed_later if response.is_async else streamed
            fields, response.streaming_content = take(page, response.streaming_content)
        else:
            fields, response.content = whole(page, response.content)
        return self._gone_out(page, response, fields, is_page=is_page)

    async def finish_async(self, page: PageResponse[str], response: Any) -> Any:
        """Return the response as it goes out; its pieces may be awaited."""
        if not (response.streaming and page.changes_body):
            return self.finish(page, response)
        pieces = response.streaming_content
        if response.is_async:
            fields, response.streaming_content = await streamed_async(page, pieces)
        elif page.head_is_first:
            fields, response.streaming_content = streamed(page, pieces)
        else:
            fields, response.streaming_content = await sync_to_async(streamed)(page, pieces)
        return self._gone_out(page, response, fields, is_page=True)

    def last(self, response: Any) -> Any:
        """Return the response that this middleware returns."""
        if self._is_inside:
            response.headers[INNER_FIELD.title()] = "1"
        return response

    def _begun(self, response: Any) -> PageResponse[str] | None:
        if self._site.skips_admin and _is_of_admin(self.request):
            response.headers[SKIP_FIELD.title()] = "1"
        self._before = fields_of(response)
        self._page_request.is_rendered = not response.streaming
        return self.site.pages.begin(self._page_request, response.status_code, self._before)

    def _gone_out(
        self,
        page: PageResponse[str],  # noqa: ARG002  # the second turn uses it
        response: Any,
        fields: HeaderList | None,
        *,
        is_page: bool,
    ) -> Any:
        if fields is not None:
            set_fields(response, self._before, fields)
        if is_page and self.request.method == "HEAD":
            _drop_body(response)
        return response


class _SecondTurn(Turn):
    """The second turn. The layers above know only the request of the first one."""

    def __init__(
        self, site: DjangoSite, request: Any, page_request: PageRequest, known: Any, earlier: Any
    ) -> None:
        super().__init__(site, request, page_request)
        self._known = known
        self._earlier = earlier

    def begin(self) -> Any:
        self.request.META[PageRequest.KEY] = self._page_request
        return self.request

    def take(self, response: Any) -> PageResponse[str] | None:
        tell_of(self._known, self.request)
        page = self._begun(response)
        # The cookies of both answers are set. Of two with one name, the second is the newer.
        self._before = [*self._before, *cookies_of(self._earlier)]
        for name, morsel in self._earlier.cookies.items():
            response.cookies.setdefault(name, morsel)
        return page

    def _gone_out(
        self,
        page: PageResponse[str],
        response: Any,
        fields: HeaderList | None,
        *,
        is_page: bool,
    ) -> Any:
        if page.state is not State.DROPPED:
            _close(self._earlier)
            return super()._gone_out(page, response, fields, is_page=is_page)
        _close(response)
        for name, morsel in response.cookies.items():
            self._earlier.cookies[name] = morsel
        return self._earlier


def _is_of_admin(request: Any) -> bool:
    match = request.resolver_match
    return match is not None and "admin" in match.app_names


def _drop_body(response: Any) -> None:
    """Remove the body of an answer to a `HEAD`, which some servers would send.

    The layers above must not set the length of the empty body.
    """
    if response.streaming:
        response.streaming_content = ()
    else:
        response.headers["Content-Length"] = str(len(response.content))
        response.content = b""


def _close(response: Any) -> None:
    """Close a response that does not go out, without Django's signal for finished requests."""
    for close in response._resource_closers:
        close()
    response._resource_closers.clear()
