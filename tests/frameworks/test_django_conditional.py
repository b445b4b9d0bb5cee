"""Django: pages that are made twice for one request, below the middleware alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import RequestFactory
from django.views.decorators.http import etag

from pavior_middleware.django import PaviorMiddleware
from tests.frameworks.conftest import Overriding
from tests.frameworks.django_browsers import Browser
from tests.frameworks.test_django import OURS, PAGE, middleware_with
from tests.support.pages import init_call, init_calls

Routes = Callable[..., None]
PART = {"Content-Range": "bytes 0-9/80", "Content-Type": "text/html; charset=utf-8"}
WANTS_PART = {"range": "bytes=0-9"}
UPPER = "tests.frameworks.test_django_conditional.Upper"


def part_or_whole(request: Any, page: str = PAGE) -> Any:
    """Answer as an app that knows ranges."""
    if "Range" in request.headers:
        return HttpResponse(page[:10], status=206, headers=PART)
    return HttpResponse(page)


class Upper:
    """A middleware above ours, which writes down what it sees of each request afterwards."""

    seen: list[Any] = []  # noqa: RUF012

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        self.seen.append(request)
        return response


def above(*paths: str) -> list[str]:
    listed = middleware_with()
    place = listed.index(OURS)
    return [*listed[:place], *paths, *listed[place:]]


def test_a_304_is_for_the_user_whose_copy_it_is(browser: Browser, mode: str) -> None:
    tag = browser.log_in("ada").get("/tagged").headers["ETag"]
    assert browser.get("/tagged", if_none_match=tag).status == 304
    for other in (Browser(mode), Browser(mode).log_in("bob")):
        seen = other.get("/tagged", if_none_match=tag)
        assert seen.status == 200
        assert init_call(seen.body).get("id") != "7"


def test_djangos_own_conditional_middleware_answers_with_304_behind_ours(
    browser: Browser, overriding: Overriding
) -> None:
    overriding(MIDDLEWARE=middleware_with("django.middleware.http.ConditionalGetMiddleware"))
    tag = browser.log_in("ada").get().headers["ETag"]
    seen = browser.get(if_none_match=tag)
    assert (seen.status, seen.body, seen.headers["ETag"]) == (304, b"", tag)
    browser.log_in("bob")
    assert init_call(browser.get(if_none_match=tag).body)["id"] == "8"


def test_a_part_of_a_page_is_asked_for_as_a_whole(browser: Browser, routes: Routes) -> None:
    routes(home=part_or_whole)
    seen = browser.log_in("ada").get(**WANTS_PART)
    assert seen.status == 200
    assert init_call(seen.body)["id"] == "7"


def test_a_304_goes_out_where_the_whole_answer_is_no_page(browser: Browser, routes: Routes) -> None:
    def view(request: Any) -> Any:
        response = HttpResponse("text", content_type="text/plain")
        if "If-Modified-Since" in request.headers:
            response = HttpResponse(status=304, headers={"X-Answer": "first"})
        response.set_cookie(f"of-{response.status_code}", "1")
        return response

    routes(home=view)
    seen = browser.get(if_modified_since="Sat, 01 Jan 2000 00:00:00 GMT")
    assert (seen.status, seen.body, seen.headers["X-Answer"]) == (304, b"", "first")
    assert set(seen.cookies) == {"of-304", "of-200"}


def test_the_second_page_shows_the_messages_and_the_next_one_does_not(
    browser: Browser, routes: Routes
) -> None:
    def add(request: Any) -> Any:
        messages.info(request, "It is saved.")
        return HttpResponse("")

    def show(request: Any) -> Any:
        shown = "".join(str(each) for each in messages.get_messages(request))
        return part_or_whole(request, PAGE.replace("Hello", shown))

    routes(add=add, home=show)
    browser.log_in("ada").get("/add")
    assert b"It is saved." in browser.get(**WANTS_PART).body
    assert b"It is saved." not in browser.get().body


def test_a_message_of_a_page_that_is_made_twice_is_kept_once(
    browser: Browser, routes: Routes
) -> None:
    def add(request: Any) -> Any:
        messages.info(request, "It is saved.")
        return part_or_whole(request)

    def show(request: Any) -> Any:
        return HttpResponse(",".join(str(each) for each in messages.get_messages(request)))

    routes(add=add, show=show)
    browser.log_in("ada").get("/add", **WANTS_PART)
    assert browser.get("/show", sec_fetch_dest="empty").body == b"It is saved."


def test_the_session_is_saved_after_the_second_page(browser: Browser, routes: Routes) -> None:
    def count(request: Any) -> Any:
        request.session["count"] = request.session.get("count", 0) + 1
        return part_or_whole(request, PAGE.replace("Hello", str(request.session["count"])))

    routes(home=count)
    assert b"<h1>2</h1>" in browser.log_in("ada").get(**WANTS_PART).body
    assert b"<h1>3</h1>" in browser.get().body


def test_each_of_the_two_pages_has_a_transaction_of_its_own(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    from django.contrib.auth.models import Group
    from django.db import connection

    seen: list[tuple[bool, int]] = []

    def view(request: Any) -> Any:
        Group.objects.create(name=f"group {len(seen)}")
        seen.append((connection.in_atomic_block, Group.objects.count()))
        return part_or_whole(request)

    routes(home=view)
    kept = connection.settings_dict["ATOMIC_REQUESTS"]
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        assert browser.get(**WANTS_PART).status == 200
        assert seen == [(True, 1), (True, 2)]
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = kept
        Group.objects.all().delete()


def test_the_layers_above_see_one_request_and_what_the_second_page_left_in_it(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    from django.middleware.csrf import _does_token_match, _unmask_cipher_token

    def view(request: Any) -> Any:
        request.marks = [*getattr(request, "marks", ()), request.headers.get("Range")]
        token = get_token(request)
        return part_or_whole(request, PAGE.replace("Hello", token))

    Upper.seen.clear()
    routes(home=view)
    overriding(MIDDLEWARE=above(UPPER))
    seen = browser.get(**WANTS_PART)
    (request,) = Upper.seen
    assert request.headers["Range"] == "bytes=0-9"
    assert request.marks == [None]  # those of the first answer are not in the second request
    token = seen.body.partition(b"<h1>")[2].partition(b"</h1>")[0].decode()
    assert _does_token_match(token, seen.cookies["csrftoken"].value)
    assert _unmask_cipher_token(token) == seen.cookies["csrftoken"].value


def test_the_layers_above_see_the_conditions_as_the_client_has_sent_them(
    browser: Browser, overriding: Overriding, routes: Routes
) -> None:
    of_view: list[str] = []

    @etag(lambda request: '"1"')  # type: ignore[untyped-decorator]  # Django is untyped
    def view(request: Any) -> Any:
        return HttpResponse(PAGE)

    def conditional(request: Any) -> Any:
        of_view.append(request.headers.get("If-None-Match"))
        return view(request)

    Upper.seen.clear()
    routes(home=conditional)
    overriding(MIDDLEWARE=above(UPPER))
    tag = browser.get().headers["ETag"]
    assert browser.get(if_none_match=tag).status == 304
    assert of_view == [None, '"1"']
    assert Upper.seen[-1].headers["If-None-Match"] == tag


def test_the_second_request_is_a_new_one_without_what_the_first_has_left(
    overriding: Overriding,
) -> None:
    asked: list[Any] = []

    def get_response(request: Any) -> Any:
        assert not hasattr(request, "left")
        assert "LEFT" not in request.META
        assert request.body == b""
        request.left = request.META["LEFT"] = "by the first"
        asked.append(request)
        response = part_or_whole(request)
        if len(asked) == 1:
            response.set_cookie("first", "1")
        response.set_cookie("both", str(len(asked)))
        return response

    request = RequestFactory().get("/", HTTP_RANGE="bytes=0-9", HTTP_COOKIE="own=1")
    request.kept = "by the layers above"
    response = PaviorMiddleware(get_response)(request)
    first, second = asked
    assert first is request
    assert second is not request
    assert second.kept == request.kept
    assert second.COOKIES == {"own": "1", "first": "1", "both": "1"}
    assert {name: each.value for name, each in response.cookies.items()} == {
        "first": "1",
        "both": "2",
    }
    assert len(init_calls(response.content)) == 1


def test_a_dropped_response_is_closed_without_a_request_finished_signal(
    overriding: Overriding,
) -> None:
    from django.core.signals import request_finished

    closed: list[str] = []
    finished: list[Any] = []

    def get_response(request: Any) -> Any:
        response = part_or_whole(request)
        response._resource_closers.append(lambda: closed.append(str(response.status_code)))
        return response

    def on_end(**_: Any) -> None:
        finished.append(1)

    request_finished.connect(on_end)
    try:
        request = RequestFactory().get("/", HTTP_RANGE="bytes=0-9")
        response = PaviorMiddleware(get_response)(request)
        assert (closed, finished) == (["206"], [])
        response.close()
    finally:
        request_finished.disconnect(on_end)
    assert (closed, finished) == (["206", "200"], [1])
