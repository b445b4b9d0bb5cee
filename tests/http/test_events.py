"""`Settings(on_event=…)`: what a site hears of its responses, and what it never hears."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from pavior_middleware import Event, Identity, Settings, SettingsError
from pavior_middleware._model.events import Reason
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.flask import Pavior
from pavior_middleware.starlette import PaviorMiddleware
from tests.support.adapters import ADAPTERS, HTML_TYPE, PAGE, Fetch, Reply
from tests.support.handing_over import asking_for
from tests.support.pages import init_call
from tests.support.sites import ADA, API_KEY, HELP, LOGIN_COOKIE, SECRET_KEY, SETTINGS, TEAM

LENDING = replace(SETTINGS, shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY)
ADAS_COOKIE = {"Cookie": f"{LOGIN_COOKIE}={Tokens([SECRET_KEY], 3600).cookie(ADA)}"}
REFUSED = Identity("boss@bank.example", "mallory@evil.test")
BOBS_COPY = {"If-None-Match": '"pavior.0123456789abcdefghijkl.s.v1"'}
ETAG = ("ETag", '"v1"')

INJECTED = Event("injected")
NAMED = Event("injected", is_named=True)


def passed(reason: Reason) -> Event:
    return Event("passed", reason)


def page_with(*headers: tuple[str, str], status: int = 200, body: bytes = PAGE) -> Reply:
    return Reply([body], [HTML_TYPE, *headers], status)


def part_if_wanted(fields: Mapping[str, str]) -> Reply:
    if "range" in fields:
        return page_with(("Content-Range", "bytes 0-4/80"), status=206, body=PAGE[:5])
    return page_with()


def unchanged_if_held(fields: Mapping[str, str]) -> Reply:
    if "if-none-match" in fields:
        return Reply([], [ETAG], 304)
    return page_with(ETAG)


@dataclass
class Case:
    """A request to a site, what its app answers, and the events that follow."""

    events: Sequence[Event]
    reply: Any = field(default_factory=Reply)
    identity: Identity | None = None
    consent: bool | None = None
    settings: Settings = SETTINGS
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


SHARING: dict[str, Any] = {"settings": LENDING, "path": SHARE_AUTH}
CASES = {
    "a page that names nobody": Case([INJECTED]),
    "a page that names its user": Case([NAMED], identity=ADA),
    "a page in a coding": Case(
        [NAMED], page_with(("Content-Encoding", "gzip"), body=gzip.compress(PAGE)), ADA
    ),
    "an error page": Case([INJECTED], page_with(status=500)),
    "a path that is skipped": Case(
        [passed(Reason.SKIP_PATH)], settings=replace(SETTINGS, skip_paths=["/"])
    ),
    "data on a path that is skipped": Case(
        [passed(Reason.SKIP_PATH)],
        Reply([b"{}"], [("Content-Type", "application/json")]),
        settings=replace(SETTINGS, skip_paths=["/"]),
    ),
    "a page that the app skips": Case([passed(Reason.SKIPPED)], page_with(("Pavior-Skip", "1"))),
    "data": Case(
        [passed(Reason.NOT_HTML)], Reply([b"{}"], [("Content-Type", "application/json")]), ADA
    ),
    "a download": Case([passed(Reason.DOWNLOAD)], page_with(("Content-Disposition", "attachment"))),
    "a redirect": Case([passed(Reason.NO_CONTENT)], page_with(("Location", "/"), status=303)),
    "a part that nobody asked for": Case(
        [passed(Reason.PART)], page_with(("Content-Range", "bytes 0-4/80"), status=206)
    ),
    "a part of a page": Case(
        [Event("retried", Reason.PART_OF_PAGE), NAMED],
        part_if_wanted,
        ADA,
        headers={"Range": "bytes=0-4"},
    ),
    "a 304 of the app's own": Case(
        [passed(Reason.NOT_MODIFIED)], unchanged_if_held, headers={"If-None-Match": '"v1"'}
    ),
    "a 304 of another user's copy": Case(
        [Event("retried", Reason.OTHER_COPY), NAMED], unchanged_if_held, ADA, headers=BOBS_COPY
    ),
    "a page whose copy is older than the chat": Case(
        [Event("retried", Reason.UNKNOWN_COPY), NAMED],
        unchanged_if_held,
        ADA,
        headers={"If-None-Match": '"v1"', "Sec-Fetch-Dest": "document"},
    ),
    "a page that the server in front sends": Case(
        [passed(Reason.ELSEWHERE)], page_with(("X-Sendfile", "/srv/a.html"))
    ),
    "a page in an unknown coding": Case(
        [passed(Reason.CODING)], page_with(("Content-Encoding", "x-unknown"))
    ),
    "a page in a sandbox": Case(
        [passed(Reason.SANDBOX)], page_with(("Content-Security-Policy", "sandbox"))
    ),
    "a page in a frame": Case([passed(Reason.FRAME)], headers={"Sec-Fetch-Dest": "iframe"}),
    "a HEAD for a page": Case([passed(Reason.HEAD)], identity=ADA, method="HEAD"),
    "a page without consent": Case([passed(Reason.NO_CONSENT)], identity=ADA, consent=False),
    "a part of a page, as a script fetches it": Case(
        [passed(Reason.UNCHANGED)], Reply([b"<p>A"]), headers={"Sec-Fetch-Dest": "empty"}
    ),
    "a redirect after a logout": Case(
        [passed(Reason.LOGIN_CHANGED)],
        page_with(("Location", "/"), status=303),
        settings=LENDING,
        headers=ADAS_COOKIE,
    ),
    "a redirect after which the same user is logged in": Case(
        [passed(Reason.NO_CONTENT)],
        page_with(("Location", "/"), status=303),
        ADA,
        settings=LENDING,
        headers=ADAS_COOKIE,
    ),
    "an identity that is refused": Case(
        [Event("refused", Reason.IDENTITY), INJECTED], identity=REFUSED
    ),
    "the site's own question": Case([Event("shared", is_named=True)], identity=ADA, **SHARING),
    "the site's own question, while nobody is logged in": Case([Event("shared")], **SHARING),
    "another site's question": Case(
        [Event("shared", is_named=True)], identity=ADA, headers={"Origin": HELP}, **SHARING
    ),
    "another site's question, which the login cookie answers": Case(
        [Event("shared", is_named=True)], headers={"Origin": HELP, **ADAS_COOKIE}, **SHARING
    ),
    "a question about an identity that is refused": Case(
        [Event("refused", Reason.IDENTITY), Event("shared")],
        identity=REFUSED,
        headers={"Origin": HELP},
        **SHARING,
    ),
    "a handoff": Case(
        [Event("shared", is_named=True)],
        identity=ADA,
        settings=LENDING,
        path=asking_for(f"{HELP}/"),
        headers={"Referer": f"{HELP}/"},
    ),
    "a handoff of an identity that is refused": Case(
        [Event("refused", Reason.IDENTITY), Event("shared")],
        identity=REFUSED,
        settings=LENDING,
        path=asking_for(f"{HELP}/"),
        headers={"Referer": f"{HELP}/"},
    ),
    "a question of an origin that is not on the whitelist": Case(
        [Event("refused", Reason.NOT_WHITELISTED)],
        identity=ADA,
        headers={"Origin": "https://evil.test"},
        **SHARING,
    ),
    "a handoff's code that is wrong": Case(
        [Event("refused", Reason.CODE)],
        method="POST",
        headers={"Origin": HELP, "Content-Length": "0"},
        **SHARING,
    ),
}


def ask(fetch: Fetch, case: Case, **changes: Any) -> Any:
    return fetch(
        case.reply,
        replace(case.settings, **changes),
        case.identity,
        consent=case.consent,
        method=case.method,
        path=case.path,
        headers=dict(case.headers),
    )


def without_detail(events: Sequence[Event]) -> list[Event]:
    return [replace(event, detail="") for event in events]


@pytest.mark.parametrize("name", CASES)
def test_a_site_hears_what_happened_and_why(fetch: Fetch, name: str) -> None:
    events: list[Event] = []
    ask(fetch, CASES[name], on_event=events.append)
    assert without_detail(events) == list(CASES[name].events)


@pytest.mark.parametrize("name", CASES)
def test_a_response_does_not_depend_on_whether_anybody_hears_of_it(fetch: Fetch, name: str) -> None:
    heard, unheard = (ask(fetch, CASES[name], on_event=hook) for hook in (print_nothing, None))
    assert (heard.status, heard.body) == (unheard.status, unheard.body)
    assert fields_of(heard) == fields_of(unheard)


DEPEND_ON_THE_SECOND = ("set-cookie", "location", "pavior-expires-in")


def fields_of(response: Any) -> set[tuple[str, str]]:
    """Return a response's fields; of those that depend on the second, the name alone."""
    fields = {(name.lower(), value) for name, value in response.headers}
    return {(name, "" if name in DEPEND_ON_THE_SECOND else value) for name, value in fields}


def print_nothing(event: Event) -> None:
    pass


def test_every_reason_is_heard_in_some_case_and_is_explained() -> None:
    reasons = {event.reason for case in CASES.values() for event in case.events}
    of_their_own_sites = {Reason.FAILED, Reason.TIMEOUT, Reason.INNER}
    assert reasons == set(Reason) - of_their_own_sites
    assert all(reason.text for reason in set(Reason) - {Reason.NONE})


def test_the_documentation_lists_every_reason_with_its_text() -> None:
    page = (Path(__file__).parents[2] / "docs/events.md").read_text()
    for reason in set(Reason) - {Reason.NONE}:
        assert f"| `{reason}` | {reason.text}" in page


def test_an_event_reads_well_in_a_log_and_its_reason_fits_a_metric() -> None:
    event = passed(Reason.NOT_MODIFIED)
    assert str(event) == "passed: the client's copy holds"
    assert (event.reason, f"{event.reason}", str(event.reason)) == ("not_modified",) * 3
    assert str(NAMED) == "injected with a user's name"
    assert str(Event("refused", Reason.IDENTITY, detail="because")) == "refused: because"


def flask_site(settings: Settings, identity: Callable[[Any], Any]) -> Callable[[str], bytes]:
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: PAGE.decode())
    app.add_url_rule("/data", "data", view_func=lambda: {"a": 1})
    Pavior(app, settings, identity=identity)
    client = TestApp(app)
    return lambda path: bytes(client.get(path, expect_errors=True).body)


def starlette_site(settings: Settings, identity: Callable[[Any], Any]) -> Callable[[str], bytes]:
    def page(request: Request) -> Response:
        return HTMLResponse(PAGE)

    def data(request: Request) -> Response:
        return JSONResponse({"a": 1})

    app = Starlette(
        routes=[Route("/", page), Route("/data", data)],
        middleware=[Middleware(PaviorMiddleware, settings=settings, identity=identity)],
    )
    client = TestClient(app)
    return lambda path: client.get(path).content


FRAMEWORKS = pytest.mark.parametrize(
    "site", [flask_site, starlette_site], ids=["flask", "starlette"]
)


@FRAMEWORKS
def test_a_framework_reports_each_response_once(site: Any) -> None:
    events: list[Event] = []
    get = site(replace(LENDING, on_event=events.append), lambda request: ADA)
    for path in ("/", "/data", SHARE_AUTH):
        get(path)
    assert events == [NAMED, passed(Reason.NOT_HTML), Event("shared", is_named=True)]


@FRAMEWORKS
def test_a_callable_that_fails_is_reported_once_for_each_response(site: Any) -> None:
    def fail(request: object) -> Identity:
        raise ConnectionError("no database at lovelace@example.com")

    events: list[Event] = []
    get = site(replace(LENDING, on_event=events.append), fail)
    get("/")
    assert events == [Event("lookup_failed", Reason.FAILED), INJECTED]
    get(SHARE_AUTH)
    assert events[2:] == [Event("lookup_failed", Reason.FAILED)]
    assert "lovelace" not in repr(events)


@FRAMEWORKS
def test_a_hook_that_raises_is_logged_and_fails_no_request(
    site: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def hook(event: Event) -> None:
        raise ConnectionError("no metrics")

    get = site(replace(LENDING, on_event=hook), lambda request: ADA)
    assert init_call(get("/"))["id"] == ADA.id
    assert get("/data").strip() in (b'{"a":1}', b'{\n  "a": 1\n}')
    assert ADA.id is not None
    assert ADA.id.encode() in get(SHARE_AUTH)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "no metrics" in caplog.text
    assert "`on_event` failed" in caplog.text


MARK = "xq7z"
MARKED = st.text(max_size=12).map(lambda text: f"{MARK}{text}")
ODD_IDENTITIES = st.builds(
    Identity,
    st.none() | MARKED | MARKED.map(lambda text: f"{text}@{MARK}.test"),
    st.none() | MARKED | MARKED.map(lambda text: f"{text}@{MARK}.test"),
    authenticated=st.booleans(),
    attributes=st.dictionaries(
        st.sampled_from(["hmac", "firstName", MARK]),
        MARKED | st.just({MARK}) | st.lists(MARKED, max_size=2),
        max_size=2,
    ),
)


@pytest.mark.parametrize("adapter", ADAPTERS)
@given(
    identity=ODD_IDENTITIES,
    path=st.sampled_from([f"/{MARK}?{MARK}", f"{SHARE_AUTH}?{MARK}", asking_for(f"{HELP}/{MARK}")]),
    origin=st.sampled_from([None, HELP, f"https://{MARK}.test"]),
    content_type=st.sampled_from(["text/html", f"text/{MARK}"]),
)
def test_no_event_holds_a_key_an_id_an_email_or_a_url(
    adapter: str, identity: Identity, path: str, origin: str | None, content_type: str
) -> None:
    events: list[Event] = []
    headers = {"Referer": f"{HELP}/{MARK}", "Cookie": MARK}
    if origin is not None:
        headers["Origin"] = origin
    reply = Reply([PAGE, MARK.encode()], [("Content-Type", content_type), ("ETag", f'"{MARK}"')])
    settings = replace(LENDING, api_key=f"{MARK}{API_KEY}", on_event=events.append)
    ADAPTERS[adapter](reply, settings, identity, path=path, headers=headers)
    assert events
    for event in events:
        assert MARK not in f"{event} {event!r} {event.text}"
        assert SECRET_KEY not in repr(event)


def test_a_hook_that_is_no_callable_stops_the_app_at_start_up() -> None:
    with pytest.raises(SettingsError, match=r"PAVIOR_ON_EVENT.*must be a callable") as caught:
        Settings.from_mapping(
            {
                "PAVIOR_TEAM_VANITY_ID": TEAM,
                "PAVIOR_API_KEY": API_KEY,
                "PAVIOR_ON_EVENT": "mymodule:hook",
            }
        )
    assert "mymodule" not in str(caught.value)


def test_a_hook_may_be_a_key_of_a_frameworks_configuration() -> None:
    events: list[Event] = []
    app = Flask(__name__)
    app.config.update(
        PAVIOR_TEAM_VANITY_ID=TEAM, PAVIOR_API_KEY=API_KEY, PAVIOR_ON_EVENT=events.append
    )
    app.add_url_rule("/", view_func=lambda: PAGE.decode())
    Pavior(app)
    TestApp(app).get("/")
    assert events == [INJECTED]


def test_without_a_hook_no_event_is_made_for_pages_and_data(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("an event was made")

    monkeypatch.setattr(Event, "__init__", fail)
    with pytest.raises(AssertionError, match="an event was made"):
        ask(fetch, CASES["data"], on_event=print_nothing)
    for name, case in CASES.items():
        if case.path == "/" and case.identity is not REFUSED:
            assert ask(fetch, CASES[name]).status
