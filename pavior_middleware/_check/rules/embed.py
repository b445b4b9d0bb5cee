"""Whether Pavior's embed loads."""

from __future__ import annotations

from collections.abc import Iterator

from ..addresses import is_local, joined, origin_of
from ..evidence import Evidence, Exchange, Failed, answered
from ..findings import Finding, problem

_FIRST_ERROR = 400
_SET_URL = "Correct PAVIOR_EMBED_URL; without it, the embed is Pavior's own."


def fails(evidence: Evidence) -> Iterator[Finding]:
    """The embed does not load, or is not a script."""
    embed = evidence.embed
    if embed is None:
        return
    what = _problem(embed)
    if what:
        yield problem(
            "embed-fails",
            f"The embed does not load: {embed.url} {what}.",
            "Without it there is no chat on any page.",
            f"{_SET_URL} Check that this machine reaches it.",
        )


def _problem(embed: Exchange | Failed) -> str:
    if isinstance(embed, Failed):
        return f"did not answer: {embed.reason}"
    if embed.status >= _FIRST_ERROR:
        return f"answers {embed.status}"
    if embed.undecoded:
        return f"cannot be read: {embed.undecoded}"
    if "javascript" not in embed.media_type and "ecmascript" not in embed.media_type:
        return f"is no script, but {embed.media_type or 'of no type'}"
    if b"Pavior" not in embed.body and not embed.is_cut:
        return "is a script that does not define Pavior"
    return ""


def out_of_reach(evidence: Evidence) -> Iterator[Finding]:
    """A visitor's browser cannot load the embed, even if this machine can."""
    page, element = evidence.answered, evidence.element
    if page is None or element is None or not element.urls or is_local(page.url):
        return
    url = joined(page.url, element.urls[0])
    if is_local(url):
        yield problem(
            "embed-local",
            f"The embed is at {url}, which is the visitor's own machine.",
            "That is an emulator for development: visitors have no chat.",
            "Remove PAVIOR_EMBED_URL on this server.",
        )
    elif page.parts.scheme == "https" and url.startswith("http:"):
        yield problem(
            "embed-insecure",
            f"The page is served over https, and the embed, {url}, over plain http.",
            "Browsers block such a script.",
            _SET_URL,
        )


def isolated(evidence: Evidence) -> Iterator[Finding]:
    """The page has COEP, so all that it loads must opt in, and the embed does not."""
    page, embed = evidence.answered, answered(evidence.embed)
    if page is None or embed is None or origin_of(embed.url) == origin_of(page.url):
        return
    wants = page.field("cross-origin-embedder-policy").partition(";")[0].strip().lower()
    consents = embed.field("cross-origin-resource-policy").strip().lower() == "cross-origin"
    if wants == "require-corp" and not consents:
        yield problem(
            "embed-isolated",
            "The page's Cross-Origin-Embedder-Policy is require-corp, and the embed has no"
            " Cross-Origin-Resource-Policy: cross-origin.",
            "Browsers block the embed.",
            "Set Cross-Origin-Embedder-Policy: credentialless on pages with the chat, or none.",
        )


RULES = (fails, out_of_reach, isolated)
