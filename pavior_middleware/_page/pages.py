"""What one site does to its pages: all that is made once and remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import AnyStr, Generic

from .._http.caller import REDIRECTS, SAFE_METHODS
from .._http.codings import Coding, Unsupported, codings, names
from .._http.headers import FieldForm
from .._model.events import Event
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from ..placement import Inserter
from .body import Document
from .head import HeadReader, ResponseHead
from .head_edit import HeadEdits
from .known_heads import KnownHeadInserter, KnownHeads
from .layout import Layout
from .page_watch import PageWatch
from .payloads import Payloads
from .plan import NOT_MODIFIED, Pass, Plan, plan
from .request import Earlier, PageRequest, RequestKind
from .response import PageResponse
from .rules import site_rules
from .snippet import Snippet

_PREFIX_WITHOUT_SETTING = (
    "A request came in below a path (SCRIPT_NAME, root_path), but with cacheable_pages"
    " Pavior's script asks who is logged in at the domain's root. If the site is below a path,"
    " set root_path (PAVIOR_ROOT_PATH) to it, like /shop. If it is not, set it to /"
)
_MOST_PLANS = 512


class Pages(Generic[AnyStr]):
    """What one site does to its pages; made once, at start-up, for one of the interfaces.

    `report` is called with what happened to each response. `is_heard` tells that the site has an
    `on_event`. `holds_login_cookie` looks for the login cookie in a request's fields, if the site
    has one.
    """

    def __init__(
        self,
        settings: Settings,
        form: FieldForm[AnyStr],
        *,
        report: Callable[[Event], None],
        is_heard: bool = False,
        asks_consent: bool = False,
        holds_login_cookie: Callable[[Mapping[str, str]], bool] | None = None,
    ) -> None:
        self.form: FieldForm[AnyStr] = form
        self.report = report
        self.is_heard = is_heard
        self.rules = site_rules(
            settings,
            asks_consent=asks_consent,
            holds_login_cookie=holds_login_cookie,
        )
        self.payloads = Payloads(
            settings, self.rules.varies_by, asks_consent=asks_consent, report=report
        )
        self.reader: HeadReader[AnyStr] = HeadReader(form)
        self.plan: Callable[[RequestKind, ResponseHead], tuple[Plan, HeadEdits[AnyStr]]]
        self.plan = lru_cache(maxsize=_MOST_PLANS)(self._plan)
        self.inserters = {
            (may_be_fragment, has_charset): partial(
                _inserter,
                documents_only=may_be_fragment,
                charset_is_known=has_charset,
                extends_policies=self.rules.extends_policies,
            )
            for may_be_fragment in (False, True)
            for has_charset in (False, True)
        }
        """The makers of an inserter for an element, by `may_be_fragment` and `has_charset`."""

        self.documents: dict[tuple[bool, bool], Callable[[bytes], Document]] = {
            (may_be_fragment, has_charset): (
                partial(KnownHeadInserter, KnownHeads(), Snippet.early, make)
                if has_charset
                else make  # a `<meta charset>` behind a known head may still set the encoding
            )
            for (may_be_fragment, has_charset), make in self.inserters.items()
        }
        """The makers for documents without a placeholder. With a charset, heads are remembered."""

        self.see_page: Callable[[PageRequest, int, Visitor], None] | None = None
        """Called with the request, status and visitor of each page that may name its user."""

        self.warn = WarnOnce()
        self.watch = PageWatch(settings.api_key, self.warn)
        self.request: Callable[[str, str, str, str, Mapping[str, str], bool], PageRequest]
        """Makes a `PageRequest` from all its arguments except the rules."""

        self.request = partial(PageRequest, self.rules)
        if self.rules.is_same_for_all and not self.rules.has_root_path:
            self.request = self._request_that_may_warn
        self._opened = lru_cache(maxsize=64)(self._open)

    def begin(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> PageResponse[AnyStr] | None:
        """Return the response that an app has begun; None for one that passes unchanged."""
        request.response_fields = headers
        earlier: Earlier | None = request.earlier
        if earlier is not None:
            headers = list(earlier.cookies) + list(headers)
        layout = self.reader.layout(headers)
        if (
            earlier is not None
            or self.reader.may_matter(layout, headers, is_skipped=request.is_skipped)
            or self._may_change(request, status)
        ):
            return PageResponse(self, request, status, headers, layout)
        if self.is_heard:
            self._report_passed(request, status, layout, headers)
        return None

    def may_need_visitor(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> bool:
        """Whether the visitor may decide what becomes of a response.

        This is for frameworks that know the visitor only while their own request lasts. It is
        cheap, and may be true although the plan names nobody in the end.
        """
        layout = self.reader.layout(headers)
        may_name = status != NOT_MODIFIED and not self.rules.is_same_for_all
        if layout.opts_out:
            return False
        is_page = may_name and self.reader.may_matter(layout, headers, is_skipped=False)
        # The kind of the request comes last, since only pages need it.
        if is_page and request.kind.gets_script:
            return True
        if status == NOT_MODIFIED and request.method in SAFE_METHODS:
            return request.kind.holds_variants
        # Redirects are often HTML, too, and the login cookie may follow them.
        return self._may_change(request, status)

    def joined(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Sequence[tuple[AnyStr, AnyStr]]:
        """Return the fields, in which each field that is edited as one value comes only once.

        (RFC 9110 section 5.3.)
        """
        decode, encode = self.form.decode, self.form.encode
        values: dict[str, list[str]] = {"cache-control": [], "vary": []}
        for name, value in headers:
            values.get(decode(name).lower(), []).append(decode(value))
        result = []
        for name, value in headers:
            found = values.get(decode(name).lower())
            if found is None:
                result.append((name, value))
            elif found:
                result.append((name, encode(", ".join(found))))
                found.clear()
        return result

    def _request_that_may_warn(
        self,
        method: str,
        scheme: str,
        path: str,
        root_path: str,
        fields: Mapping[str, str],
        is_conditional: bool,
    ) -> PageRequest:
        if root_path.strip("/"):
            self.warn(_PREFIX_WITHOUT_SETTING)
        return PageRequest(self.rules, method, scheme, path, root_path, fields, is_conditional)

    def _may_change(self, request: PageRequest, status: int) -> bool:
        """Whether a response that is not a page may be changed."""
        if status == NOT_MODIFIED and request.conditions.may_ask_again:
            return True
        return (
            self.rules.holds_login_cookie is not None
            and (request.method not in SAFE_METHODS or status in REDIRECTS)
            and request.kind.holds_login_cookie
        )

    def _report_passed(
        self,
        request: PageRequest,
        status: int,
        layout: Layout,
        headers: Sequence[tuple[AnyStr, AnyStr]],
    ) -> None:
        head, _, _ = self.reader.read(status, layout, headers)
        decided, _ = self.plan(request.kind, head)
        if isinstance(decided, Pass):
            self.report(Event("passed", decided.reason))

    def _plan(self, request: RequestKind, head: ResponseHead) -> tuple[Plan, HeadEdits[AnyStr]]:
        """Return what happens to a response, and the edits of its head."""
        warn = None if self.rules.extends_policies else self.warn
        edits = HeadEdits(head, self.form, warn_of_policies=warn)
        return plan(self.rules, request, head, self._opened), edits

    def _open(self, fields: tuple[str, ...]) -> tuple[Coding, ...] | None:
        try:
            return tuple(codings(names(fields)))
        except Unsupported as error:
            self.warn(f"Pavior's chat is left out of coded pages: {error}")
            return None


def _inserter(
    element: bytes, *, documents_only: bool, charset_is_known: bool, extends_policies: bool
) -> Inserter:
    return Inserter(
        element,
        # A `<meta>` policy may block the embed unless it is loaded at once.
        snippet_before_policy=Snippet.early(element) if extends_policies else None,
        documents_only=documents_only,
        charset_is_known=charset_is_known,
        before_policy=extends_policies,
    )
