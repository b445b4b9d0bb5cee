"""The conditions of a request: copies that the client holds, and parts that it wants.

(RFC 9110 sections 13 and 14.) The app knows only the pages without the script. So the conditions
that it gets are about those.
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
"""The request fields that make a request conditional."""

_REMOVED = {"if-modified-since": None, "if-none-match": None, "if-range": None, "range": None}


@dataclass(frozen=True)
class Conditions:
    """What an answer depends on, and which conditions the app gets.

    `copies` are those that an `If-None-Match` names, if one of them is a variant.
    `holds_unknown_copy` tells that the client holds a copy that may be a page, and that no entity
    tag says which element it holds. `wants_part` tells that the app sees a `Range`. `changes` are
    the fields that the app sees changed: None for a field that is removed.
    """

    copies: tuple[Validator, ...] = ()
    holds_unknown_copy: bool = False
    wants_part: bool = False
    changes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def may_ask_again(self) -> bool:
        """Whether the app's answer may be unusable for this client, so that it is asked again."""
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

    `gets_script` tells that the answer may be a page that gets a script. `is_same_for_all` tells
    that all copies of such a page hold the same script.
    """
    changes: dict[str, str | None] = {}
    wanted, copies = (validators(fields.get(name, "")) for name in ("if-match", "if-none-match"))
    if names_variant(wanted):
        changes["if-match"] = for_app(wanted)
    holds_variants = names_variant(copies)
    if holds_variants:
        changes["if-none-match"] = for_app(copies)
    if method not in ("GET", "HEAD"):
        return Conditions(changes=changes)
    if holds_variants and "if-modified-since" in fields:
        # Beside If-None-Match this field does not count (RFC 9110 section 13.1.3), but some apps
        # read it all the same.
        changes["if-modified-since"] = None
    read = Conditions(
        copies=copies if holds_variants else (),
        holds_unknown_copy=gets_script
        and not holds_variants
        and _holds_unknown_copy(fields, copies, is_same_for_all=is_same_for_all),
        wants_part=gets_script and "range" in fields,
        changes=changes,
    )
    if not (changes or read.may_ask_again):
        return NO_CONDITIONS
    has_content = fields.get("content-length", "0") != "0" or "transfer-encoding" in fields
    if has_content and read.may_ask_again:
        # Content can be read only once, so the app must not be asked again.
        return Conditions(changes=changes | {name: None for name in _REMOVED if name in fields})
    return read


def _holds_unknown_copy(
    fields: Mapping[str, str], copies: Sequence[Validator], *, is_same_for_all: bool
) -> bool:
    """Whether a copy may be a page, although no entity tag marks it.

    The tag of a page that gained a script has a mark. So a tag without a mark names a page only if
    the copy is older than the middleware. Only a navigation shows such a copy to a user. A date or
    `*` does not say which copy it means.
    """
    if copies:
        destination = fields.get("sec-fetch-dest", "")
        is_navigation = destination not in FETCHED_OR_UNKNOWN
        return is_navigation or "text/html" in fields.get("accept", "").lower()
    return not is_same_for_all and ("if-none-match" in fields or "if-modified-since" in fields)
