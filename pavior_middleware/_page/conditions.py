"""What a request makes its answer depend on: copies that the client holds, parts that it wants.

(RFC 9110 sections 13 and 14.) The app knows its own pages only, so it is asked about those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._http.caller import FETCHED_OR_UNKNOWN
from .variants import Validator, for_app, names_variant, validators

FIELDS = (
    *("accept", "content-length", "cookie", "host", "if-match", "if-modified-since"),
    *("if-none-match", "if-range", "origin", "range", "sec-fetch-dest", "sec-fetch-mode"),
    *("sec-fetch-site", "sec-fetch-storage-access", "transfer-encoding"),
)
"""The request fields that matter to a page, in lower case."""

CONDITIONAL = ("if-match", "if-modified-since", "if-none-match", "if-range", "range")
"""Those without which a request has no conditions."""

_REMOVED = {"if-modified-since": None, "if-none-match": None, "if-range": None, "range": None}


@dataclass(frozen=True)
class Conditions:
    """What an answer depends on, and how the app is to be asked.

    `copies` are those that an `If-None-Match` names, if one of them is a variant.
    `holds_unknown_copy`: the client holds a copy that may be a page, and no entity tag says which
    element it holds. `wants_part`: the app sees a `Range`. `changes` are the fields as the app is
    to see them: None for one that it is not to see. `again` are the changes for an app that is
    asked once more, for the whole of its page.
    """

    copies: tuple[Validator, ...] = ()
    holds_unknown_copy: bool = False
    wants_part: bool = False
    changes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def may_ask_again(self) -> bool:
        """Whether the app's answer may turn out to be none for this client."""
        return bool(self.copies) or self.holds_unknown_copy or self.wants_part

    @property
    def again(self) -> Mapping[str, str | None]:
        """The changes to the request's fields that make the app answer with the whole page."""
        return {**self.changes, **_REMOVED}


NO_CONDITIONS = Conditions()


def conditions(
    method: str, fields: Mapping[str, str], *, gets_script: bool, is_same_for_all: bool
) -> Conditions:
    """Read the conditions of a request.

    `gets_script`: its answer may be a page that gets a script. `is_same_for_all`: all copies of
    such a page hold the same one.
    """
    changes: dict[str, str | None] = {}
    wanted, held = (validators(fields.get(name, "")) for name in ("if-match", "if-none-match"))
    if names_variant(wanted):
        changes["if-match"] = for_app(wanted)
    holds_variants = names_variant(held)
    if holds_variants:
        changes["if-none-match"] = for_app(held)
    if method not in ("GET", "HEAD"):
        return Conditions(changes=changes)
    if holds_variants and "if-modified-since" in fields:
        # It does not count (RFC 9110 section 13.1.3), and not every app knows that.
        changes["if-modified-since"] = None
    read = Conditions(
        copies=held if holds_variants else (),
        holds_unknown_copy=gets_script
        and not holds_variants
        and _holds_unknown_copy(fields, held, is_same_for_all=is_same_for_all),
        wants_part=gets_script and "range" in fields,
        changes=changes,
    )
    if not (changes or read.may_ask_again):
        return NO_CONDITIONS
    has_content = fields.get("content-length", "0") != "0" or "transfer-encoding" in fields
    if has_content and read.may_ask_again:
        # Content can be read but once, so such a request must not need to be made again.
        return Conditions(changes=changes | {name: None for name in _REMOVED if name in fields})
    return read


def _holds_unknown_copy(
    fields: Mapping[str, str], held: Sequence[Validator], *, is_same_for_all: bool
) -> bool:
    """Whether a copy may be a page, although no entity tag marks it.

    A page that a script gets is never without a mark where it has a tag, so a tag without one names
    a page only if that is from before the middleware was there: which a user sees in a navigation.
    A date or `*` names no copy at all.
    """
    if held:
        destination = fields.get("sec-fetch-dest", "")
        is_navigation = destination not in FETCHED_OR_UNKNOWN
        return is_navigation or "text/html" in fields.get("accept", "").lower()
    return not is_same_for_all and ("if-none-match" in fields or "if-modified-since" in fields)
