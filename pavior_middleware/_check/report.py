"""The result of a check: its findings, a verdict, and an exit status."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .evidence import Evidence, Failed, Opened, Violation, answered
from .findings import Finding
from .hiding import hider
from .rules import findings_of
from .whom import described, masked

Verdict = Literal["fine", "problems", "could not check"]


@dataclass(frozen=True)
class Report:
    """The findings of one check. `facts` are sentences about what was seen."""

    url: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    not_checked: tuple[Finding, ...]
    facts: tuple[str, ...] = ()
    browser: tuple[Opened, ...] = ()


def report(evidence: Evidence, cookie: str = "") -> Report:
    """Sum up what the rules find. No text in it holds a key, an hmac or a part of the cookie."""
    hide = hider(evidence, cookie)
    findings = [_hidden(finding, hide) for finding in findings_of(evidence)]
    return Report(
        evidence.url,
        _verdict(evidence, findings),
        tuple(each for each in findings if each.level != "not checked"),
        tuple(each for each in findings if each.level == "not checked"),
        tuple(map(hide, _facts(evidence))),
        tuple(_of_browser(opened, hide) for opened in evidence.opened),
    )


def _hidden(finding: Finding, hide: Callable[[str], str]) -> Finding:
    return replace(finding, what=hide(finding.what), why=hide(finding.why), do=hide(finding.do))


def _verdict(evidence: Evidence, findings: Sequence[Finding]) -> Verdict:
    if isinstance(evidence.page, Failed):
        return "could not check"
    if any(finding.level == "problem" for finding in findings):
        return "problems"
    if evidence.named is not None and isinstance(evidence.named.page, Failed):
        return "could not check"
    return "fine"


def _facts(evidence: Evidence) -> list[str]:
    page = answered(evidence.page)
    if page is None:
        return []
    facts = [f"{page.url} answers {page.status}"]
    if evidence.element is not None:
        facts.append(f"as nobody, the page names {described(evidence.element.options)}")
    named = evidence.named
    if named is not None:
        facts.append(f"with the cookie, the page names {described(evidence.named_options)}")
    for opened in evidence.opened:
        facts.extend(_facts_of_browser(opened))
    return facts


def _facts_of_browser(opened: Opened) -> list[str]:
    if opened.failure:
        return []
    who = "with the cookie" if opened.is_named else "as nobody"
    return [
        f"in Chromium, {who}: {len(opened.inits)} calls of init, {len(opened.violations)} blocked"
        f" by a policy, {len(opened.errors)} errors and warnings in the console",
        *(f"blocked by {each.directive}: {each.blocked}" for each in opened.violations),
        *(f"console: {error}" for error in opened.errors),
    ]


def _of_browser(opened: Opened, hide: Callable[[str], str]) -> Opened:
    inits = (replace(init, email=init.email and masked(init.email)) for init in opened.inits)
    return replace(
        opened,
        inits=tuple(inits),
        errors=tuple(map(hide, opened.errors)),
        violations=tuple(
            Violation(each.directive, hide(each.blocked)) for each in opened.violations
        ),
        refusal=hide(opened.refusal),
        failure=hide(opened.failure),
    )
