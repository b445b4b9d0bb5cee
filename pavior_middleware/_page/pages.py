"""What one site does to its pages: everything that is made once, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import AnyStr, Generic

from .._http.caller import REDIRECTS, SAFE_METHODS
from .._http.codings import Coding, Unsupported, codings, names
from .._http.headers import FieldForm
from .._model.events import Event
from .._model.log import WarnOnce
from .._model.settings import Settings
from .head import HeadReader, ResponseHead
from .head_edit import HeadEdits
from .known_heads import KnownHeads
from .payloads import Payloads
from .plan import NOT_MODIFIED, Pass, Plan, plan
from .request import PageRequest, RequestKind
from .response import PageResponse
from .rules import site_rules

_PREFIX_WITHOUT_SETTING = (
    "A request came in below a path (SCRIPT_NAME, root_path), but with cacheable_pages"
    " Pavior's script asks who is logged in at the domain's root: if the site stands below a path,"
    " set root_path (PAVIOR_ROOT_PATH) to it, like /shop; if it does not, set it to /"
)
_MOST_PLANS = 512


class Pages(Generic[AnyStr]):
    """What one site does to its pages; made once, at start-up, for one of the interfaces.

    `report` is called with what happened to each response, and `is_heard` tells that somebody
    listens. `holds_login_cookie` looks for the login cookie in a request's fields, where the site
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
        self.known_heads = {False: KnownHeads(), True: KnownHeads()}
        """Of documents, and of what may be a part of one."""

        self.warn = WarnOnce()
        self._opened = lru_cache(maxsize=64)(self._open)

    def request(
        self,
        method: str,
        scheme: str,
        path: str,
        root_path: str,
        fields: Mapping[str, str],
        is_conditional: bool,
    ) -> PageRequest:
        """Read a request; the arguments are those of `PageRequest`."""
        rules = self.rules
        if rules.is_same_for_all and not rules.has_root_path and root_path.strip("/"):
            self.warn(_PREFIX_WITHOUT_SETTING)
        return PageRequest(rules, method, scheme, path, root_path, fields, is_conditional)

    def begin(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> PageResponse[AnyStr] | None:
        """Return the response that an app has begun; None for one that passes as it is."""
        if request.earlier is not None or self._may_change(request, status, headers):
            return PageResponse(self, request, status, headers)
        if self.is_heard:
            self._report_passed(request, status, headers)
        return None

    def may_need_visitor(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> bool:
        """Whether what becomes of a response may depend on the visitor: a cheap question.

        It is for frameworks in which the visitor is known for a while only. What the plan decides
        later may be that nobody is named.
        """
        names_users = request.kind.gets_script and not self.rules.is_same_for_all
        if names_users and status != NOT_MODIFIED and self.reader.is_page(headers):
            return True
        if status == NOT_MODIFIED and request.method in SAFE_METHODS:
            return request.kind.holds_variants and not self.reader.is_skipped(headers)
        # Redirects are often HTML, too, and the login cookie may follow them.
        return self._may_change(request, status, ()) and not self.reader.is_skipped(headers)

    def joined(self, headers: Sequence[tuple[AnyStr, AnyStr]]) -> Sequence[tuple[AnyStr, AnyStr]]:
        """Return the fields with each of those that are edited as one value in one field.

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

    def _may_change(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> bool:
        """Whether a response may be anything but passed as it is: a look at few of its fields."""
        if self.reader.may_matter(headers, is_skipped=request.is_skipped):
            return True
        if status == NOT_MODIFIED and request.conditions.may_ask_again:
            return True
        return (
            self.rules.holds_login_cookie is not None
            and (request.method not in SAFE_METHODS or status in REDIRECTS)
            and request.kind.holds_login_cookie
        )

    def _report_passed(
        self, request: PageRequest, status: int, headers: Sequence[tuple[AnyStr, AnyStr]]
    ) -> None:
        decided, _ = self.plan(request.kind, self.reader.read(status, headers).head)
        if isinstance(decided, Pass):
            self.report(Event("passed", decided.reason))

    def _plan(self, request: RequestKind, head: ResponseHead) -> tuple[Plan, HeadEdits[AnyStr]]:
        """Return what happens to a response, and the edits of its head."""
        edits = HeadEdits(head, self.form, extends_policies=self.rules.extends_policies)
        return plan(self.rules, request, head, self._opened), edits

    def _open(self, fields: tuple[str, ...]) -> tuple[Coding, ...] | None:
        try:
            return tuple(codings(names(fields)))
        except Unsupported as error:
            self.warn(f"Pavior's chat is left out of coded pages: {error}")
            return None
