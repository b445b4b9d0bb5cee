"""What caches may do with a rewritten page: one that names a user is that user's alone."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from werkzeug.datastructures import Headers, ResponseCacheControl
from werkzeug.http import (
    parse_cache_control_header,
    parse_etags,
    parse_set_header,
    quote_etag,
    unquote_etag,
)

NO_SCRIPT, FRAGMENT = "none", "part"
"""The marks of what stays without a script: a page, for this request alone; a part of a page."""

_DIGESTS = ("Content-Digest", "Content-MD5", "Digest", "Repr-Digest")
_TARGETED = ("-cache-control", "edge-control", "surrogate-control", "x-accel-expires")
"""How the names of fields end that only some caches read, and read before `Cache-Control`."""

_CHANGED = (
    *(name.lower() for name in _DIGESTS),
    *("accept-ranges", "cache-control", "content-length", "content-security-policy"),
    *("content-security-policy-report-only", "etag", "expires", "last-modified", "vary"),
)
_WITHOUT_ASKING = ("immutable", "stale-if-error", "stale-while-revalidate")
_ENTITY_TAG = re.compile(r'(?:[Ww]/)?"[^"]*"|[^"]+')
_MARKED = re.compile(
    r"pavior\.(?P<mark>[A-Za-z0-9_-]{22}|none|part)\.(?P<kind>[sw])\.(?P<tag>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Validator:
    """The entity tag of a copy that a client holds (RFC 9110 section 8.8.3).

    `tag` and `is_weak` are the app's own, and `mark` is that of the script in the copy
    (`Snippet.mark`), None if the copy is just what the app made. `is_strong` tells whether every
    byte of the copy is known by its tag.
    """

    tag: str
    is_weak: bool
    mark: str | None
    is_strong: bool

    def for_app(self) -> str:
        """Return the entity tag as the app sent it."""
        return quote_etag(self.tag, self.is_weak)


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
    found = _MARKED.fullmatch(tag)
    if found is None:
        return Validator(tag, not is_strong, None, is_strong)
    return Validator(found["tag"], found["kind"] == "w", found["mark"], is_strong)


def for_app(field: str) -> str | None:
    """Return the field with the app's own entity tags; None if it holds none."""
    tags = dict.fromkeys(validator.for_app() for validator in validators(field))
    return ", ".join(tags) or None


def is_marked(field: str) -> bool:
    """Whether the field names a copy that we had a hand in."""
    return any(validator.mark is not None for validator in validators(field))


def copy_that_holds(
    held: Iterable[Validator], etag: str | None, marks: Container[str | None]
) -> Validator | None:
    """Return the copy that a 304 of the app may speak of; None if the client needs a fresh page.

    `etag` is the field of the app's answer, `marks` are those that the page may get now. A copy
    with one of them holds, and so does one that is just what the app made. Where the answer does
    not say which copy it means, all of them must be the former.
    """
    tag = unquote_etag(etag)[0]
    meant = [each for each in held if tag in (None, each.tag)]
    right = [each for each in meant if each.mark is not None and each.mark in marks]
    if tag is None and len(right) < len(meant):
        return None
    return next(iter(right or [each for each in meant if each.mark is None]), None)


def mark_validator(headers: Headers, mark: str, *, keep_strong: bool) -> None:
    """Make the app's `ETag` one of this page with this script; weak unless its bytes are known.

    (RFC 9110 section 8.8.1: a strong validator speaks of every byte.) What is no entity tag is
    removed.
    """
    etag = headers.get("ETag", "")
    headers.remove("ETag")
    if _ENTITY_TAG.fullmatch(etag):
        tag, is_weak = unquote_etag(etag)
        marked = f"pavior.{mark}.{'w' if is_weak else 's'}.{tag}"
        headers.set("ETag", quote_etag(marked, weak=bool(is_weak) or not keep_strong))


def forget_original(headers: Headers) -> None:
    """Remove the fields that describe the bytes as they were before the snippet went in.

    They are the digests (RFC 9530) and the offer of parts (RFC 9110 section 14.3).
    """
    for name in (*_DIGESTS, "Accept-Ranges"):
        headers.remove(name)


def is_of_original(name: str) -> bool:
    """Whether a trailer field of this name describes the bytes as they were, or signs them."""
    return name.lower() in (*map(str.lower, _DIGESTS), "etag", "signature", "signature-input")


def forget_signatures(headers: Headers) -> None:
    """Remove signatures (RFC 9421) if they cover a field that we change."""
    signed = " ".join(headers.getlist("Signature-Input")).lower()
    ends = (*(f'"{name}"' for name in _CHANGED), *(f'{name}"' for name in _TARGETED))
    if any(end in signed for end in ends):
        headers.remove("Signature-Input")
        headers.remove("Signature")


def vary(headers: Headers, *names: str) -> None:
    """Add request fields that the page depends on to `Vary` (RFC 9110 section 12.5.5)."""
    value = ", ".join(headers.getlist("Vary"))
    there = parse_set_header(value)
    missing = [name for name in names if name not in there]
    if missing and "*" not in there:
        headers.set("Vary", ", ".join([*filter(None, [value]), *missing]))


def keep_private(headers: Headers, *, may_store: bool = True) -> None:
    """Let only the user's own browser store the page (RFC 9111 section 5.2.2.7), or no cache.

    The browser revalidates the page before each use, since the user may have logged out; stricter
    directives of the app stay. A cache that knows `must-understand` ignores `no-store` beside it
    (section 5.2.2.3), so `no-cache` is there in any case. Targeted fields, which caches read in
    place of `Cache-Control` (RFC 9213 section 2.2), are removed. So is `Expires`, for caches that
    know no `Cache-Control`, and `Last-Modified`, which is the same for all users.
    """
    for name in {name for name, _ in headers}:
        if name.lower().endswith(_TARGETED):
            headers.remove(name)
    headers.remove("Expires")
    headers.remove("Last-Modified")
    said = parse_cache_control_header(", ".join(headers.getlist("Cache-Control")))
    # Werkzeug leaves it to us that these names are case-insensitive (RFC 9111 section 5.2).
    kept = {name.lower(): value for name, value in said.items()}
    cache_control = ResponseCacheControl(
        {name: value for name, value in kept.items() if name not in _WITHOUT_ASKING}
    )
    cache_control.public = False
    cache_control.s_maxage = None
    cache_control.private = True
    cache_control.no_cache = True
    if not may_store:
        cache_control.no_store = True
        cache_control.must_understand = False
    headers.set("Cache-Control", cache_control.to_header())
