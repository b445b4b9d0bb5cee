"""Whether the page's policies let the chat run, and what they would have to gain."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from ..._http import csp
from ..._model.paths import FRAME, SHARE_AUTH
from ..._page.snippet import TRUSTED_TYPES_POLICY
from ..addresses import joined
from ..evidence import Evidence, Exchange, answered, markup_of
from ..findings import Finding, advice, problem
from ..markup import Element, Markup

_TRUSTED_TYPES = "trusted-types"


def blocked(evidence: Evidence) -> Iterator[Finding]:
    """A policy blocks the script, the embed, or what these call."""
    yield from _blocked(evidence, answered(evidence.page), evidence.markup)


def blocked_with_login(evidence: Evidence) -> Iterator[Finding]:
    """A policy on somebody's page blocks the script, the embed, or what these call."""
    page = evidence.named_page
    if page is not None:
        yield from _blocked(evidence, page, markup_of(page))


def _blocked(evidence: Evidence, page: Exchange | None, markup: Markup) -> Iterator[Finding]:
    element = next(iter(markup.elements), None)
    if page is None or element is None or len(element.urls) < 1:
        return
    needs = _needs(evidence, page, element)
    own = urlsplit(element_file(page, element))
    for value in page.values(csp.ENFORCED):
        yield from _findings("header Content-Security-Policy", value, element, needs, own)
    for policy in markup.policies:
        place = "<meta http-equiv=Content-Security-Policy>"
        needed = needs if policy.elements_before == 0 else _needed_later(element, needs)
        yield from _findings(place, policy.text, element, needed, own)


def element_file(page: Exchange, element: Element) -> str:
    """Return the URL of the page's own file."""
    return joined(page.url, element.urls[1] if len(element.urls) > 1 else "/")


def _findings(
    place: str, value: str, element: Element, needs: csp.Needs, own: SplitResult
) -> Iterator[Finding]:
    lacks = [
        each._replace(sources=sources)
        for each in csp.lacks(value, element.nonce, needs, own)
        if (sources := tuple(filter(None, each.sources)))
        and (each.directive != _TRUSTED_TYPES or "require-trusted-types-for" in value.lower())
    ]
    needed = [lack for lack in lacks if set(lack.sources) - set(needs.files)]
    if needed:
        yield problem(
            "policy-blocks",
            f"The policy in the {place} blocks the chat: it lacks {_listed(needed)}.",
            "The browser blocks what the policy does not allow. You see this only in its console.",
            "If the app sets the policy, put the middleware outside of what sets it, without"
            ' csp="leave": then it adds this by itself. If a proxy sets it, set it in the app'
            " instead. A <meta> policy must have the sources itself; the hash changes with"
            f" releases.{_complete(needed)}",
        )
    elif lacks:
        yield advice(
            "policy-blocks-file",
            f"The policy in the {place} blocks a file of the middleware: it lacks"
            f" {_listed(lacks)}.",
            "An ordinary page view works without it. A page that is brought back by the Back"
            " button, or changed by a script, does not ask who is logged in.",
            "Add 'self' to the directive for scripts, or put the middleware outside of what sets"
            f" the policy.{_complete(lacks)}",
        )


def _complete(lacks: list[csp.Lack]) -> str:
    """Return advice on directives that the policy does not have yet; '' if it has all of them.

    A new directive replaces `default-src` for its kind, so it has to repeat what that allows.
    """
    new = [
        lack._replace(sources=(*lack.inherited, *lack.sources)) for lack in lacks if lack.inherited
    ]
    if not new:
        return ""
    return (
        " The policy has no such directive yet, so repeat what default-src or child-src allows."
        f" Write the complete directive: {_listed(new)}"
    )


def _listed(lacks: list[csp.Lack]) -> str:
    merged: dict[str, list[str]] = {}
    for lack in lacks:
        merged.setdefault(lack.directive, []).extend(lack.sources)
    return "; ".join(
        f"{directive} {' '.join(dict.fromkeys(sources))}" for directive, sources in merged.items()
    )


def _needs(evidence: Evidence, page: Exchange, element: Element) -> csp.Needs:
    embed = urlsplit(joined(page.url, element.urls[0]))
    scripts = {csp.origin(embed): embed}
    calls = {csp.origin(embed): embed._replace(path="/")}
    frames: dict[str, SplitResult] = {}
    if element.borrows:
        lender = urlsplit(joined(page.url, element.urls[-1]))
        for sources, path in ((scripts, lender.path), (calls, SHARE_AUTH), (frames, FRAME)):
            sources[csp.origin(lender) + path] = lender._replace(path=path)
    return csp.Needs(
        script_hash=f"'{_integrity(element.text.encode('latin-1'))}'",
        files=_file_sources(evidence, element),
        loads_file_at_once=element.names_later,
        scripts=scripts,
        calls=calls,
        calls_site=not element.borrows,
        frames=frames,
        trusted_types_policy=TRUSTED_TYPES_POLICY,
    )


def _needed_later(element: Element, needs: csp.Needs) -> csp.Needs:
    """Return what is still needed behind the element: its inline script has run by then."""
    loads_embed_early = bool((element.data or {}).get("early"))
    return csp.Needs(
        script_hash="",
        files=needs.files,
        loads_file_at_once=needs.loads_file_at_once,
        scripts={} if loads_embed_early else needs.scripts,
        calls=needs.calls,
        calls_site=needs.calls_site,
        frames=needs.frames,
        trusted_types_policy="" if loads_embed_early else needs.trusted_types_policy,
    )


def _file_sources(evidence: Evidence, element: Element) -> tuple[str, ...]:
    """Return the sources that allow the site's files: their hashes, if the script names these."""
    if not (element.data or {}).get("hash"):
        return ("'self'",)
    files = [answered(fetched) for fetched in evidence.files.values()]
    return tuple(f"'{_integrity(file.body)}'" for file in files if file is not None)


def _integrity(content: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"


RULES = (blocked, blocked_with_login)
