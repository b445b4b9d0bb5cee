"""Trips of a page to its lender in a real Chromium: whom they name, and what they do not change."""

from __future__ import annotations

import threading
from html import escape

import pytest
from playwright.sync_api import (
    Page,
)
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from pavior_middleware._model.paths import HANDOFF
from tests.support.borrowers import (
    BUBBLE,
    CODE,
    DYNAMIC,
    FAULTS,
    HASTE,
    SECONDS,
    Sites,
    answer,
    calls,
    calls_at_last,
    email,
    follow,
    is_code,
    known_before_bob,
    lead,
    log_in,
    look_again,
    named,
    noting,
    once,
    set_out,
    trips,
)
from tests.support.browsers import evaluate, wait_for
from tests.support.sites import TEAM


@pytest.mark.parametrize("way", ["a link", "a script", "an open page"])
def test_a_page_that_the_lender_leads_to_asks_for_the_user_anew(
    page: Page, sites: Sites, way: str
) -> None:
    """Somebody else may have logged in there."""
    url = known_before_bob(page, sites)
    lead(page, sites, url, way)
    wait_for(page, "window.calls?.at(-1)?.[1].email === 'bob@example.com'")
    page.reload()
    assert calls(page) == [named("bob")]
    assert page.url == url


@pytest.mark.parametrize("way", ["a link", "a script", "an open page"])
def test_the_earlier_user_of_a_tab_is_not_named_if_the_lender_leads_there_and_fails(
    page: Page, sites: Sites, way: str
) -> None:
    url = known_before_bob(page, sites)
    sites.fault = FAULTS["500"]
    lead(page, sites, url, way)
    wait_for(page, "window.calls?.length && !calls.at(-1)[1].email")
    sites.fault = None
    page.reload()
    assert calls(page) == [named("bob")]


def test_a_page_that_becomes_visible_while_it_asks_names_its_user(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    """As in a tab that was opened in the background."""
    log_in(page, sites, "ada")
    answers.clear()
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    look_again(page)
    answers.set()
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize("where", ["fault", "fault_on_the_way"])
@pytest.mark.parametrize("leave", ["location.assign('?next')", "location.reload()"])
def test_a_user_who_leaves_a_page_while_it_asks_is_named_on_the_next_page(
    page: Page, sites: Sites, where: str, leave: str
) -> None:
    """Whether the page still asks, or is on its way by the lender already."""
    log_in(page, sites, "ada")
    is_asked, has_left = threading.Event(), threading.Event()
    asked = 0

    def once_it_has_left(request: Request) -> None:
        nonlocal asked
        asked += 1
        is_asked.set()
        if asked == 1:
            has_left.wait(10)

    setattr(sites, where, once_it_has_left)
    body = once(is_asked, leave, sites) + sites.element()
    set_out(page, sites, sites.at("help") + sites.page(body))
    wait_for(page, "window.calls?.length && sessionStorage.hasActed")
    has_left.set()
    assert evaluate(page, "calls") == [named("ada")]
    assert asked > 1


def test_a_tab_whose_lender_failed_names_the_user_once_the_lender_answers(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    url = sites.at("help") + sites.page(sites.element())
    follow(page, sites, url)
    assert calls(page) == [named(None)]
    sites.fault = None
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


def test_a_tab_whose_code_was_not_redeemed_names_the_user_once_the_lender_answers(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    sites.fault = lambda request: Response(status=503) if trips(sites) else None
    url = sites.at("help") + sites.page(sites.element())
    set_out(page, sites, url)
    assert calls(page, 2) == [named(None)]
    sites.fault = None
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize(("failures", "name"), [(1, "ada"), (9, None)])
def test_a_page_whose_code_was_not_redeemed_asks_for_another_code(
    page: Page, sites: Sites, failures: int, name: str | None
) -> None:
    log_in(page, sites, "ada")

    def fail(request: Request) -> Response | None:
        return Response(status=503) if is_code(request) and trips(sites) <= failures else None

    sites.fault = fail
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls_at_last(page) == [named(name)]
    assert trips(sites) == 2


@pytest.mark.parametrize(("refusals", "name"), [(1, "ada"), (2, None)])
def test_a_code_that_is_refused_is_tried_once_more(
    page: Page, sites: Sites, refusals: int, name: str | None
) -> None:
    """The lender may have machines that do not all know the key yet with which one has signed."""
    log_in(page, sites, "ada")
    tried: list[int | None] = []

    def refuse(request: Request) -> Response | None:
        if not is_code(request):
            return None
        tried.append(request.content_length)
        return answer(request, "{}", status=403) if len(tried) <= refusals else None

    sites.fault = refuse
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls_at_last(page) == [named(name)]
    assert len(tried) == 2
    assert tried[0] == tried[1]
    assert trips(sites) == 1


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("end", ["fails", "is left"])
def test_a_link_names_the_user_on_a_page_whose_earlier_trips_failed(
    page: Page, sites: Sites, end: str, times: int
) -> None:
    log_in(page, sites, "ada")
    is_on_the_way, has_left = threading.Event(), threading.Event()

    def fail(request: Request) -> Response:
        is_on_the_way.set()
        if end == "is left":
            has_left.wait(10)
        return Response("Sorry", 500)

    sites.fault_on_the_way = fail
    url = sites.at("help") + sites.page(sites.element())
    for _ in range(times):
        is_on_the_way.clear()
        set_out(page, sites, url)
        assert is_on_the_way.wait(10)
        if end == "fails":
            page.wait_for_url(f"{sites.shop}{HANDOFF}**")
    sites.fault_on_the_way = None
    follow(page, sites, url)
    has_left.set()
    assert calls_at_last(page) == [named("ada")]


@pytest.mark.parametrize("status", [None, 403, 503])
def test_a_code_from_before_the_lender_led_here_again_names_nobody(
    page: Page, sites: Sites, status: int | None
) -> None:
    """The lender leads here again while the code is redeemed: another user may be there now."""
    log_in(page, sites, "ada")
    is_led_anew = threading.Event()

    def wait(request: Request) -> Response | None:
        if not is_code(request) or is_led_anew.is_set():
            return None
        is_led_anew.wait(10)
        return answer(request, "{}", status=status) if status else None

    sites.fault = wait
    url = sites.at("help") + sites.page(sites.element())
    with page.expect_request(is_code):
        follow(page, sites, url)
    log_in(page, sites, "bob")
    lead(page, sites, url, "an open page")
    is_led_anew.set()
    assert calls_at_last(page) == [named("bob")]
    page.goto(f"{url}?next")
    assert calls(page) == [named("bob")]


EDITOR = "<iframe srcdoc='<body contenteditable>'></iframe><button>Preview</button>"

WITHIN = """<div id=host></div><script>
host.attachShadow({mode: 'open'}).innerHTML = `EDITOR`;
</script>""".replace("EDITOR", EDITOR)


def test_text_typed_into_a_frame_before_share_js_has_loaded_is_not_lost(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(EDITOR))
    text = page.frame_locator("iframe").locator("body")
    text.click()
    page.keyboard.type("Where is my")
    page.evaluate(
        "element => { document.body.append(document.createRange()"
        ".createContextualFragment(element)); }",
        sites.element(),
    )
    assert calls(page) == [named(None)]
    assert text.inner_text() == "Where is my"


def test_a_frame_that_takes_the_focus_by_itself_does_not_prevent_a_trip(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    """Nothing is evaluated before that, since it would count as a click."""
    log_in(page, sites, "ada")
    answers.clear()
    has_focus, is_on_the_way = threading.Event(), threading.Event()
    sites.fault_on_the_way = lambda request: is_on_the_way.set()
    sites.pages["/has-focus"] = noting(has_focus)
    frame = """<!doctype html><input autofocus onfocus="fetch('/has-focus')">"""
    body = f'<iframe srcdoc="{escape(frame)}"></iframe>{sites.element()}'
    set_out(page, sites, sites.at("help") + sites.page(body))
    assert has_focus.wait(10)
    answers.set()
    assert is_on_the_way.wait(10)
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize("editor", [EDITOR, WITHIN])
@pytest.mark.parametrize("then", ["", "and clicked elsewhere"])
def test_text_typed_into_a_frame_is_not_lost(
    page: Page, sites: Sites, then: str, editor: str
) -> None:
    """An editor, or the chat, of which the page itself sees nothing."""
    log_in(page, sites, "ada")
    sites.fault = FAULTS["500"]
    url = sites.at("help") + sites.page(editor + sites.element())
    follow(page, sites, url)
    assert calls(page) == [named(None)]
    sites.fault = None
    text = page.frame_locator("iframe").locator("body")
    text.click()
    page.keyboard.type("Where is my")
    if then:
        page.click("button")
    look_again(page)
    assert calls(page, 2) == [named(None)]
    assert text.inner_text() == "Where is my"
    assert trips(sites) == 0
    page.goto(f"{url}?next")
    assert calls(page) == [named("ada")]


# How the lender may lead back from a trip, and how many trips there are if it always does.
NO_USE = {
    "nothing": ("{to}", 1),
    "a code that it does not take": (f"{{to}}{CODE}old", 1),
    "the hint, where the challenge is taken out of the query": (f"{{to}}{CODE}ask", 2),
    "another page": ("{page}?{trips}", 2),
}


@pytest.mark.parametrize("way", NO_USE)
def test_a_page_whose_trips_bring_no_code_makes_at_most_two_trips(
    page: Page, sites: Sites, way: str
) -> None:
    log_in(page, sites, "ada")
    back, most = NO_USE[way]

    def lead_back(request: Request) -> Response:
        to = request.args["to"]
        place = back.format(to=to, page=to.partition("?")[0], trips=trips(sites))
        return redirect(place, 303)

    sites.fault_on_the_way = lead_back
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls_at_last(page) == [named(None)]
    page.reload()
    assert calls(page) == [named(None)]
    assert trips(sites) == most


def test_a_page_of_the_lender_itself_makes_no_trip(page: Page, sites: Sites) -> None:
    """As where a template that both sites have holds the element."""
    sites.fault = lambda request: Response("{}", mimetype="application/json")
    page.goto(f"{sites.shop}/")
    page.evaluate(
        """source => {
            sessionStorage.setItem(`pavior-share ${new URL('.', source)} trips`, '0');
            const script = document.createElement('script');
            script.addEventListener('pavior-identity', ({detail}) => { seen.identity = detail; });
            script.src = source;
            document.head.append(script);
        }""",
        sites.script,
    )
    wait_for(page, "seen.identity")
    assert trips(sites) == 0


def test_a_page_whose_trip_does_not_navigate_has_a_chat(page: Page, sites: Sites) -> None:
    page.add_init_script(HASTE)
    sites.fault_on_the_way = lambda request: Response(status=204)
    set_out(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named(None)]


def test_a_trip_from_before_the_lender_led_here_again_names_nobody(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    is_on_the_way, is_bob, is_on_the_way_again = (threading.Event() for _ in range(3))

    def wait(request: Request) -> None:
        if is_on_the_way.is_set():
            is_on_the_way_again.set()
            return
        is_on_the_way.set()
        is_on_the_way_again.wait(10)

    sites.fault_on_the_way = wait
    body = once(is_bob, "location.hash = 'pavior-handoff=ask'", sites) + sites.element()
    url = sites.at("help") + sites.page(body)
    set_out(page, sites, url)
    assert is_on_the_way.wait(10)
    log_in(page, sites, "bob")
    is_bob.set()
    assert calls_at_last(page) == [named("bob")]
    assert trips(sites) == 2


def test_a_failed_trip_is_forgotten_once_the_tab_knows_its_user(page: Page, sites: Sites) -> None:
    """Or whom the lender leads there next would be taken for who is back from it."""
    log_in(page, sites, "ada")
    sites.fault_on_the_way = lambda request: Response(status=204)
    url = sites.at("help") + sites.page(sites.element())
    with page.expect_response(lambda response: response.status == 204):
        set_out(page, sites, url)
    sites.fault = lambda request: answer(request, '{"id": "7"}', str(SECONDS))
    look_again(page)
    assert calls(page, 2) == [["init", {"teamVanityId": TEAM, "id": "7"}]]
    sites.fault = FAULTS["500"]
    lead(page, sites, url, "a script")
    assert calls(page) == [named(None)]


@pytest.mark.parametrize("seconds", [None, "0"])  # for nobody; "0" is certain
def test_a_frame_of_the_same_site_does_not_end_the_trip_of_the_page(
    page: Page, sites: Sites, seconds: str | None
) -> None:
    """They have the same storage, and the page is on its way by the lender."""
    log_in(page, sites, "ada")
    is_on_the_way, frame_has_answer = threading.Event(), threading.Event()

    def answer_the_frame(request: Request) -> Response | None:
        is_its = is_on_the_way.is_set() and not is_code(request)
        return answer(request, "{}", seconds) if is_its else None

    def once_the_frame_has_answer(request: Request) -> None:
        is_on_the_way.set()
        assert frame_has_answer.wait(10)

    sites.fault, sites.fault_on_the_way = answer_the_frame, once_the_frame_has_answer
    sites.pages["/frame-has-answer"] = noting(frame_has_answer)
    report = """<script>
    document.querySelector('[data-init]').addEventListener(
        'pavior-identity', () => fetch('/frame-has-answer'));
    </script>"""
    framed = f"{sites.page(sites.element() + report, '/framed')}#pavior-handoff=ask"
    add = f"""const frame = document.createElement('iframe');
    frame.src = '{framed}';
    document.body.append(frame);"""
    body = once(is_on_the_way, add, sites) + sites.element()
    set_out(page, sites, sites.at("help") + sites.page(body))
    wait_for(page, "window.calls?.length && !document.querySelector('iframe')")
    assert evaluate(page, "calls") == [named("ada")]
    assert trips(sites) == 1


def test_a_frame_with_the_hint_to_ask_ends_no_borrowed_login_of_the_page(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    framed = f"{sites.page(sites.element(), '/framed')}#pavior-handoff=ask"
    follow(page, sites, sites.at("help") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    page.evaluate(
        "url => { const frame = document.createElement('iframe'); frame.src = url;"
        " document.body.append(frame); }",
        framed,
    )
    wait_for(page, "frames[0]?.settled")
    page.reload()
    assert calls(page) == [named("ada")]
    assert trips(sites) == 1


def test_a_reload_does_not_count_as_a_link_of_the_lender(page: Page, sites: Sites) -> None:
    """Its referrer is that of the page, which the lender may have led here."""
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help.shop") + sites.page(sites.element()))
    assert calls(page) == [named("ada")]
    sites.fault = FAULTS["500"]
    page.reload()
    assert calls(page) == [named("ada")]


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_a_code_that_is_being_redeemed_counts_before_a_later_answer(
    page: Page, sites: Sites, name: str
) -> None:
    """Or else a tab that is looked at then is anonymous first, or an older answer counts last."""
    log_in(page, sites, "ada")
    may_go = threading.Event()

    def slow(request: Request) -> Response | None:
        if is_code(request):
            may_go.wait(10)
            return None
        if name == "bob" and may_go.is_set():
            return answer(request, f'{{"email": "{email("bob")}"}}', "60")
        return None

    sites.fault = slow
    with page.expect_request(lambda request: request.method == "POST"):
        follow(page, sites, sites.at("help") + sites.page(BUBBLE + sites.element(bubble="#bubble")))
    look_again(page)
    may_go.set()
    wait_for(page, "settled === 2")
    expected = [email("ada"), email("bob")] if name == "bob" else [email("ada")]
    assert [each["email"] for _, each in evaluate(page, "calls")] == expected
    assert page.locator("iframe").count() == 0
    assert trips(sites) == 1


def test_text_typed_before_share_js_ran_is_not_lost(page: Page, sites: Sites) -> None:
    log_in(page, sites, "ada")
    late = DYNAMIC.format(
        team=TEAM,
        embed=sites.embed,
        script=sites.script,
        late="window.go = () => document.body.append(script);",
    )
    follow(page, sites, sites.at("help") + sites.page(f"<textarea></textarea>{late}"))
    page.type("textarea", "My order")
    page.evaluate("go()")
    assert calls(page) == [named(None)]
    assert page.input_value("textarea") == "My order"


@pytest.mark.parametrize(
    "field",
    [
        "<input value=search autofocus>",
        "<select autofocus><option>a",
        "<button autofocus>Go</button>",
    ],
)
def test_an_untouched_field_with_autofocus_does_not_prevent_a_trip(
    page: Page, sites: Sites, field: str
) -> None:
    log_in(page, sites, "ada")
    follow(page, sites, sites.at("help") + sites.page(field + "</select>" + sites.element()))
    assert calls(page) == [named("ada")]


def test_text_typed_while_the_page_asks_is_not_lost(
    page: Page, sites: Sites, answers: threading.Event
) -> None:
    log_in(page, sites, "ada")
    url = sites.at("help") + sites.page("<input autofocus>" + sites.element())
    answers.clear()
    follow(page, sites, url)
    page.type("input", "My order")
    answers.set()
    assert calls(page) == [named(None)]
    assert page.input_value("input") == "My order"
    assert trips(sites) == 0


def test_a_page_with_an_address_too_long_for_the_lender_makes_no_trip(
    page: Page, sites: Sites
) -> None:
    log_in(page, sites, "ada")
    path = sites.page(sites.element())
    for length, name in ((3000, "ada"), (4000, None)):
        follow(page, sites, f"{sites.at('help')}{path}?{'a' * length}")
        assert calls(page, 1) == [named(name)]
        assert trips(sites) == 1
