"""What a request makes its answer depend on: copies that the client holds, parts that it wants.

(RFC 9110 sections 13 and 14.) The app knows its own pages only, so it is asked about those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .variants import Validator, for_app, names_variant, validators

FIELDS = (
    *("content-length", "cookie", "host", "if-match", "if-modified-since", "if-none-match"),
    *("if-range", "origin", "range", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site"),
    *("sec-fetch-storage-access", "transfer-encoding"),
)
"""The request fields that matter to a page, in lower case."""

CONDITIONAL = ("if-match", "if-modified-since", "if-none-match", "if-range", "range")
"""Those without which a request has no conditions."""

_REMOVED = {"if-modified-since": None, "if-none-match": None, "if-range": None, "range": None}


@dataclass(frozen=True)
class Conditions:
    """What an answer depends on, and how the app is to be asked.

    `copies` are the copies that an `If-None-Match` names, if one of them is a variant. `wants_part`
    tells that the app sees a `Range`. `changes` are the fields as the app is to see them: None for
    one that it is not to see. `again` are the changes for an app that is asked once more, for the
    whole of its page.
    """

    copies: tuple[Validator, ...] = ()
    wants_part: bool = False
    changes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def may_ask_again(self) -> bool:
        """Whether the app's answer may turn out to be none for this client."""
        return bool(self.copies) or self.wants_part

    @property
    def again(self) -> Mapping[str, str | None]:
        """The changes to the request's fields that make the app answer with the whole page."""
        return {**self.changes, **_REMOVED}


NO_CONDITIONS = Conditions()


def conditions(
    method: str, fields: Mapping[str, str], *, is_for_page: bool, gets_script: bool
) -> Conditions:
    """Read the conditions of a request.

    `is_for_page` tells that its answer may be a page, `gets_script` that this may get a script.
    `If-Modified-Since` cannot tell which page a copy is, and neither can an `If-None-Match` of `*`,
    so a request for a page loses them. Several parts at once would hide what they are parts of.
    """
    changes: dict[str, str | None] = {}
    if "if-match" in fields and names_variant(fields["if-match"]):
        changes["if-match"] = for_app(fields["if-match"])
    if_none_match = fields.get("if-none-match")
    names_our_copies = if_none_match is not None and names_variant(if_none_match)
    if if_none_match is not None and names_our_copies:
        changes["if-none-match"] = for_app(if_none_match)
    if method not in ("GET", "HEAD"):
        return Conditions(changes=changes)
    if is_for_page and "if-modified-since" in fields:
        changes["if-modified-since"] = None
    copies: tuple[Validator, ...] = ()
    wants_part = gets_script and "range" in fields
    has_content = fields.get("content-length", "0") != "0" or "transfer-encoding" in fields
    if has_content and (wants_part or names_our_copies):
        # Content can be read but once, so such a request must not need to be made again.
        return Conditions(changes=changes | {name: None for name in _REMOVED if name in fields})
    if wants_part and "," in fields["range"]:
        changes |= {"range": None, "if-range": None}
        wants_part = False
    if if_none_match is not None:
        copies = validators(if_none_match) if names_our_copies else ()
        if is_for_page and not validators(if_none_match):
            changes["if-none-match"] = None
    return Conditions(copies, wants_part, changes)
