"""Entity tags that say which element a copy of a page holds."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from werkzeug.http import parse_etags, quote_etag, unquote_etag

NO_SCRIPT, FRAGMENT = "none", "part"
"""The variants without an element: a page that gains none for this request, a part of a page."""

_ENTITY_TAG = re.compile(r'(?:[Ww]/)?"[^"]*"|[^"]+')
_TAGGED = re.compile(
    r"pavior\.(?P<variant>[A-Za-z0-9_-]{22}|none|part)\.(?P<kind>[swu])\.(?P<tag>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Validator:
    """The entity tag of a copy that a client holds (RFC 9110 section 8.8.3).

    `tag` and `is_weak` are the app's own. `is_unquoted` tells that the app leaves out the quotes,
    and so may expect none. `variant` says which element the copy holds (`Snippet.variant`); None if
    the copy is just what the app made. `is_strong` tells that the tag determines every byte of the
    copy.
    """

    tag: str
    is_weak: bool
    variant: str | None
    is_strong: bool
    is_unquoted: bool = False

    def for_app(self) -> str:
        """Return the entity tag as the app sent it."""
        return self.tag if self.is_unquoted else quote_etag(self.tag, self.is_weak)


def validators(field: str) -> tuple[Validator, ...]:
    """Read an `If-None-Match` or `If-Match` field; for `*`, which names no copy, return none."""
    parsed = parse_etags(field)
    strong = parsed.as_set()
    weak = parsed.as_set(include_weak=True) - strong
    return tuple(
        _validator(tag or "", is_strong)
        for is_strong, tags in ((True, strong), (False, weak))
        for tag in sorted(tags, key=str)
    )


def _validator(tag: str, is_strong: bool) -> Validator:
    found = _TAGGED.fullmatch(tag)
    if found is None:
        return Validator(tag, not is_strong, None, is_strong)
    kind = found["kind"]
    return Validator(found["tag"], kind == "w", found["variant"], is_strong, kind == "u")


def for_app(copies: Iterable[Validator]) -> str | None:
    """Return a field with the app's own entity tags of these copies; None without any."""
    return ", ".join(dict.fromkeys(copy.for_app() for copy in copies)) or None


def names_variant(copies: Iterable[Validator]) -> bool:
    """Whether this middleware has made one of these copies."""
    return any(copy.variant is not None for copy in copies)


def copy_that_holds(
    copies: Iterable[Validator], etag: str | None, variants: Container[str | None]
) -> Validator | None:
    """Return the copy that the app's 304 confirms; None if the client needs a fresh page.

    `etag` is the field of the app's answer, and `variants` are those that the client may get now. A
    copy of one of these variants is valid, and so is one that is just what the app made. If the
    answer does not say which copy it means, all copies must be of these variants.
    """
    tag = unquote_etag(etag)[0]
    meant = [each for each in copies if tag in (None, each.tag)]
    right = [each for each in meant if each.variant is not None and each.variant in variants]
    if tag is None and len(right) < len(meant):
        return None
    return next(iter(right or [each for each in meant if each.variant is None]), None)


def tagged(etag: str, variant: str, *, is_strong: bool) -> str | None:
    """Return the app's `ETag` as that of a variant; weak unless `is_strong`.

    (RFC 9110 section 8.8.1: a strong validator speaks of every byte.) Returns None for what is no
    entity tag.
    """
    if not _ENTITY_TAG.fullmatch(etag):
        return None
    tag, is_weak = unquote_etag(etag)
    kind = "w" if is_weak else "s" if etag.startswith('"') else "u"
    text = f"pavior.{variant}.{kind}.{tag}"
    return quote_etag(text, weak=bool(is_weak) or not is_strong)
