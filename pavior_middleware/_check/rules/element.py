"""Whether the page has the element exactly once, without another init, and unchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..._assets.page_files import FOLDER, PAGE
from ..._page.snippet import SCRIPT
from ..evidence import Evidence, Exchange, answered, markup_of
from ..findings import Finding, not_checked, problem

_INIT = re.compile(rb"""\bPavior\s*\(\s*["'`]init["'`]""")
_ADDED = ("type", "defer", "async", "src")
_SHARE_SCRIPT = FOLDER + "share.js"


def no_script(evidence: Evidence) -> Iterator[Finding]:
    """The page has no element."""
    page = evidence.answered
    if page is None or evidence.markup.elements or _has_borrowing_script(evidence):
        return
    if page.undecoded:
        yield problem(
            "page-not-decoded",
            f"The page cannot be read: {page.undecoded}.",
            "Browsers show no page whose Content-Encoding is not true, and the middleware leaves"
            " such a page as it is.",
            "Correct the Content-Encoding, or install what is missing here, and check again.",
        )
    elif markup_of(evidence.plain_page).elements:
        coding = page.field("content-encoding")
        yield problem(
            "no-script-in-coded-page",
            f"The page has the script if it comes plain, and has none in the coding {coding}.",
            "The app compresses its pages inside of the middleware, which has no library to open"
            " them. Browsers get the compressed page, so they have no chat.",
            'On the server: pip install "pavior-middleware[codings]", or compress outside of the'
            " middleware.",
        )
    else:
        yield problem(
            "no-script",
            "The page has no script of the middleware.",
            "So there is no chat on it." + _isolated(page),
            "Check that the middleware is around the app, that PAVIOR_ENABLED is not false, that"
            " the page is in no PAVIOR_SKIP_PATHS, and that no consent is lacking."
            " Settings(on_event=print) says which it is.",
        )


def unread_codings(evidence: Evidence) -> Iterator[Finding]:
    """The page may differ in a content coding that cannot be decoded here."""
    if evidence.unread_codings:
        yield not_checked(
            "codings",
            f"The page in the codings {' and '.join(evidence.unread_codings)}, which browsers get.",
            "The library for them is not installed here.",
            'pip install "pavior-middleware[cli]"',
        )


def _isolated(page: Exchange) -> str:
    if "sandbox" in page.field("content-security-policy").lower():
        return " Its policy has a sandbox directive, in which the middleware leaves pages alone."
    return ""


def _has_borrowing_script(evidence: Evidence) -> bool:
    """Whether the page has the element that `pavior snippet` prints."""
    return any(_SHARE_SCRIPT in (script.src or "") for script in evidence.markup.scripts)


def two_scripts(evidence: Evidence) -> Iterator[Finding]:
    """The page has several elements, or an init beside ours."""
    count = len(evidence.markup.elements)
    if count > 1:
        yield problem(
            "two-scripts",
            f"The page has {count} scripts of the middleware.",
            "A browser runs the first one only, which may not be the one that knows the user.",
            "Put the middleware around the app once, and call pavior_snippet() once.",
        )


def hand_written_init(evidence: Evidence) -> Iterator[Finding]:
    """The page calls init by itself."""
    places = list(_places_of_init(evidence))
    if places and (evidence.markup.elements or _has_borrowing_script(evidence)):
        yield problem(
            "second-init",
            f"Beside the middleware's script, {' and '.join(places)} Pavior('init', …), too.",
            "Init runs twice, and the last call says who is chatting: often with another id, or"
            " without an hmac.",
            "Remove the hand-written script; PAVIOR_INIT_OPTIONS takes its further options.",
        )


def _places_of_init(evidence: Evidence) -> Iterator[str]:
    if any(_INIT.search(script.text.encode("latin-1")) for script in evidence.markup.scripts):
        yield "a script of the page calls"
    for fetched in evidence.scripts:
        script = answered(fetched)
        if script and not _is_of_pavior(evidence, script) and _INIT.search(script.body):
            yield f"{script.url} calls"


def _is_of_pavior(evidence: Evidence, script: Exchange) -> bool:
    """Whether a script is the embed or a file of the middleware, which may call init."""
    embed_url = None if evidence.embed is None else evidence.embed.url
    return FOLDER in script.url or script.url == embed_url


def rewritten(evidence: Evidence) -> Iterator[Finding]:
    """Something between the app and here has changed the element."""
    for element in evidence.markup.elements:
        added = [name for name in _ADDED if name in element.attributes]
        is_same_release = PAGE.path in "".join(element.urls)
        if element.data is None:
            what = "The data of the middleware's script cannot be read any more."
        elif added:
            what = f"The middleware's script has got the attribute {', '.join(added)}."
        elif is_same_release and element.text != SCRIPT:
            what = "The text of the middleware's script is not what the middleware writes."
        else:
            continue
        yield problem(
            "element-rewritten",
            what,
            "Something in front of the app rewrites its pages, as optimizers of scripts and"
            " protectors of addresses do. The script does not run then, or names nobody.",
            "Switch that off for these pages, in the proxy or the CDN: minifying, Rocket Loader,"
            " Email Address Obfuscation and the like.",
        )


RULES = (no_script, unread_codings, two_scripts, hand_written_init, rewritten)
