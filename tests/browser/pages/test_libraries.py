"""Libraries that show pages without loading them: the chat names who is logged in, and stays.

What each costs, and what a site has to add for it, is in `docs/single-page-apps.md`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import accumulate

import pytest
from playwright.sync_api import Browser, Page, expect

from pavior_middleware._model.paths import SHARE_AUTH
from tests.support.browsers import evaluate, wait_for
from tests.support.libraries import ADA, BOB, EMBEDS, LIBRARIES, LibrarySite, astro_router, serving
from tests.support.repository import ROOT

DOCUMENT = ROOT / "docs/single-page-apps.md"

STEPS = ["open", "log in as Ada", "One", "Two", "log out", "log in as Bob", "back"]
NAMED = [None, ADA, ADA, ADA, None, BOB, BOB]
CHANGES = [0, 1, 4, 5]  # the steps at which somebody else is named

# At which other steps the body goes, and with it a bubble that is there.
BODY_GOES = {
    "Turbo": [2, 3, 6],
    "Turbo, morph": [2, 3, 6],
    "Turbo frames": [6],
    "htmx, `hx-boost`": [2, 3, 6],
    "htmx, `hx-boost`, head-support": [2, 3, 6],
    "htmx, `hx-boost`, morph": [2, 3, 6],
    "htmx, `hx-get` and `hx-post`": [6],
    "Unpoly": [6],
    'Unpoly, `up-target="body"`': [2, 3, 6],
    "Astro": [2, 3, 6],
}
# The steps at which any bubble goes, since the root is morphed or the page is loaded.
ALL_GOES = {"Idiomorph": [2, 3, 6], "swup": [6], "alpine-ajax that pushes": [6]}

# They make no entries in the history.
STAYING = ["alpine-ajax", "fetch"]
LOADING_FORMS = ["swup"]


def rows() -> dict[str, list[str]]:
    """Return the cells of the document's table, by library."""
    lines = re.findall(r"^\| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    cells = [line.split(" | ") for line in lines[2:]]
    return {library: rest for library, *rest in cells}


def numbers(cell: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", cell)]


@pytest.fixture(scope="module")
def astro(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return astro_router(tmp_path_factory.mktemp("astro"))


@pytest.fixture(params=EMBEDS)
def embed(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(library: str, embed: str, astro: bytes) -> Iterator[LibrarySite]:
    with serving(LibrarySite(LIBRARIES[library], astro=astro), embed) as site:
        yield site


@pytest.fixture
def page(browser: Browser, site: LibrarySite) -> Iterator[Page]:  # closed before the site
    with browser.new_context() as context:
        yield context.new_page()


def actions(page: Page, site: LibrarySite) -> list[Callable[[], object]]:
    return [
        lambda: page.goto(f"{site.origin}/"),
        page.get_by_role("button", name="Ada").click,
        page.get_by_role("link", name="One").click,
        page.get_by_role("link", name="Two").click,
        page.get_by_role("button", name="Log out").click,
        page.get_by_role("button", name="Bob").click,
        lambda: evaluate(page, "setTimeout(() => history.back())"),
    ]


def calls_expected(library: str, embed: str) -> list[list[str | None]]:
    """Return whom init names at each step."""
    again = ALL_GOES.get(library, []) + (BODY_GOES.get(library, []) if embed == "body" else [])
    return [[NAMED[step]] if step in CHANGES or step in again else [] for step in range(len(STEPS))]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_leaves_the_chat_with_the_logged_in_user_at_the_cost_of_the_table(
    page: Page, site: LibrarySite, library: str, embed: str
) -> None:
    line, for_a_link, for_a_change = rows()[library]
    assert (line == "nothing") == (not re.search(r"pavior:refresh|\?tells", site.library.head))
    expected = calls_expected(library, embed)
    steps = actions(page, site)[: -1 if library in STAYING else None]
    questions = []
    for number, (step, calls) in enumerate(zip(steps, accumulate(expected), strict=False)):
        before = site.questions
        step()
        cost = numbers({2: for_a_link, 3: for_a_link}.get(number, for_a_change))
        least = before + (min(cost) if 0 < number < 6 else 0)
        assert site.wait_until(partial(site.has_seen, len(calls), least)), STEPS[number]
        site.settle()
        assert site.named == calls, STEPS[number]
        wait_for(page, "document.querySelectorAll('.bubble').length === 1")
        if number < 6:  # of the page before, the libraries show what they have kept
            expect(page.locator("#user")).to_have_text(NAMED[number] or "nobody")
        if number == 0:
            page.evaluate("window.isFirst = true")
        elif number < 6:
            assert page.evaluate("!!window.isFirst") == (library not in LOADING_FORMS)
        questions.append(site.questions - before)
    assert site.stays_quiet()
    assert questions[0] == 0
    assert {*questions[2:4]} <= {*numbers(for_a_link)}
    assert {questions[1], *questions[4:6]} <= {*numbers(for_a_change)}
    assert site.files == 1


def test_the_table_has_each_library_that_is_tested() -> None:
    assert [*rows()] == [*LIBRARIES]


@pytest.mark.parametrize("library", ["Turbo frames", "alpine-ajax", "fetch"])
def test_a_library_without_its_line_of_the_table_misses_logins(
    browser: Browser, library: str
) -> None:
    line = rows()[library][0].strip("`")
    head = LIBRARIES[library].head
    without = replace(LIBRARIES[library], head=head.replace(line, "").replace("?tells", ""))
    assert without.head != head
    plain = LibrarySite(without)
    with serving(plain) as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.origin}/")
        page.get_by_role("button", name="Ada").click()
        expect(page.locator("#user")).to_have_text(ADA)
        site.settle()
        assert site.stays_quiet()
        assert site.named == [None]
        assert site.count(SHARE_AUTH) == 0
