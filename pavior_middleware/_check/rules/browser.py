"""What a browser has reported about the page."""

from __future__ import annotations

from collections.abc import Iterator

from ..._assets.page_files import FOLDER
from ..addresses import origin_of
from ..evidence import Evidence, Init, Opened
from ..findings import Finding, not_checked, problem
from ..whom import described

_INLINE = "inline"


def failed(evidence: Evidence) -> Iterator[Finding]:
    """The browser did not open the page."""
    for opened in evidence.opened:
        if opened.failure:
            yield not_checked(
                "browser",
                f"What a browser says of the page: {opened.failure}.",
                "The page was not opened in Chromium.",
                "Correct that, and check again with --browser.",
            )


def no_init(evidence: Evidence) -> Iterator[Finding]:
    """The page has the script, and init was not called."""
    for opened in _opened(evidence):
        if evidence.element is not None and not opened.inits:
            yield problem(
                "browser-no-init",
                f"In Chromium, the page {_whose(opened)} does not call init.",
                "There is no chat." + _listed(opened),
                "Look at the other findings, and at the browser's console.",
            )


def two_inits(evidence: Evidence) -> Iterator[Finding]:
    """Init was called for different users."""
    for opened in _opened(evidence):
        users = list(dict.fromkeys(map(_described, opened.inits)))
        if len(users) > 1:
            yield problem(
                "browser-two-inits",
                f"In Chromium, the page {_whose(opened)} calls init {len(opened.inits)} times, for"
                f" {' and then for '.join(users)}.",
                "The last call says who is chatting.",
                "Remove the call that is not the middleware's.",
            )


def blocked(evidence: Evidence) -> Iterator[Finding]:
    """The browser has blocked what the chat needs."""
    urls = evidence.element.urls if evidence.element is not None else []
    embed = origin_of(urls[0]) if urls else ""
    for opened in _opened(evidence):
        ours = [
            f"{violation.directive} blocks {violation.blocked}"
            for violation in opened.violations
            if FOLDER in violation.blocked
            or (embed and violation.blocked.startswith(embed))
            or (violation.blocked == _INLINE and not opened.inits)
        ]
        if ours:
            yield problem(
                "browser-policy",
                f"In Chromium, a policy blocks what the chat needs: {'; '.join(ours)}.",
                "The chat is not there, or not whole.",
                "Add the source to that directive, or have the middleware extend the policy: the"
                " finding policy-blocks says how.",
            )


def complains(evidence: Evidence) -> Iterator[Finding]:
    """The middleware's script has written a warning to the console."""
    for opened in _opened(evidence):
        lines = [error for error in opened.errors if error.startswith("Pavior: ")]
        if lines:
            yield problem(
                "browser-warning",
                f"In Chromium, the page's console says: {'; '.join(lines)}.",
                "The middleware's script could not load what it needs.",
                "Load that address by itself, and see what answers.",
            )


def names_another(evidence: Evidence) -> Iterator[Finding]:
    """The browser's chat is not that of the user whom the page names."""
    expected = evidence.named_options
    for opened in _opened(evidence):
        if not opened.is_named or not opened.inits or not expected:
            continue
        last = opened.inits[-1]
        if any(expected.get(name) != getattr(last, name) for name in ("id", "email")):
            yield problem(
                "browser-names-another",
                f"With the cookie, the page names {described(expected)}, and in Chromium its chat"
                f" names {_described(last)}.",
                "The script has asked the site and got another answer, or another script has"
                " called init.",
                "Look at the findings on share-auth and on second calls of init.",
            )


def refused(evidence: Evidence) -> Iterator[Finding]:
    """The emulator does not accept the user as authenticated."""
    for opened in _opened(evidence):
        if opened.is_named and opened.refusal:
            yield problem(
                "emulator-refuses",
                f"The emulator does not take the user for authenticated: {opened.refusal}",
                "With these settings, Pavior would not, either.",
                "Give the emulator and the site the same PAVIOR_API_KEY.",
            )


def _opened(evidence: Evidence) -> Iterator[Opened]:
    return (opened for opened in evidence.opened if not opened.failure)


def _whose(opened: Opened) -> str:
    return "of somebody who is logged in" if opened.is_named else "of a visitor"


def _listed(opened: Opened) -> str:
    return f" The console says: {'; '.join(opened.errors[:3])}." if opened.errors else ""


def _described(init: Init) -> str:
    options = {"id": init.id, "email": init.email, "hmac": init.is_signed}
    return described({name: value for name, value in options.items() if value is not None})


RULES = (failed, no_init, two_inits, blocked, complains, names_another, refused)
