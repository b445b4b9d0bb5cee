"""The handoff: a link that takes the login along, to whitelisted sites and nowhere else."""

from __future__ import annotations

import html
import io
import json
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote, urljoin

import anyio
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from pavior_middleware import Identity, Settings, asgi, wsgi
from pavior_middleware._model.paths import HANDOFF, SHARE_AUTH
from pavior_middleware._share.tokens import Tokens
from pavior_middleware.flask import Pavior
from tests.support.adapters import ADAPTERS, PAGE, Fetch, Reply, Seen
from tests.support.handing_over import CHALLENGE, VERIFIER, asking_for, form, referer_of
from tests.support.redirect_tricks import REDIRECT_TRICKS, REDIRECTS_ALLOWED
from tests.support.sites import ADA, ADAS, API_KEY, HELP, LEAD, SECRET_KEY, TEAM

site = partial(Settings, TEAM, API_KEY)
DOMAINS = ("help.example.com", "help.example.com:8443", "*.cards.example.com", "localhost:8003")
SETTINGS = site(shared_auth_domains=DOMAINS, secret_key=SECRET_KEY)
JSON = Reply([b'{"of": "the app"}'], [("Content-Type", "application/json"), ("Set-Cookie", "a=b")])


def follow(
    fetch: Fetch,
    to: str = f"{HELP}/",
    identity: Identity | None = ADA,
    settings: Settings = SETTINGS,
    **more: Any,
) -> Seen:
    """Ask on the way to a page, as that page does."""
    headers = {"Referer": referer_of(to), **(more.pop("headers", None) or {})}
    return fetch(JSON, settings, identity, path=asking_for(to), headers=headers, **more)


def code_of(seen: Seen) -> str:
    """Return the code that a redirect hands over; it is the first thing in the fragment."""
    assert seen.status == 303
    _, _, fragment = seen.headers["Location"].partition("#")
    name, _, rest = fragment.partition("=")
    assert name == "pavior-handoff"
    return rest.partition("&")[0]


# ── The redirect ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("to", "before", "after"),
    [
        (HELP, HELP, ""),
        (f"{HELP}/", f"{HELP}/", ""),
        (f"{HELP}/a/b?c=d&e=%20", f"{HELP}/a/b?c=d&e=%20", ""),
        (f"{HELP}?a#", f"{HELP}?a", ""),
        (f"{HELP}/#faq", f"{HELP}/", "&faq"),
        (f"{HELP}/#a=b&c=d", f"{HELP}/", "&a=b&c=d"),
        (f"{HELP}/#/route?x=1#y", f"{HELP}/", "&/route?x=1#y"),
        (f"{HELP}/#pavior-handoff=old", f"{HELP}/", ""),
        (f"{HELP}/#pavior-handoff=", f"{HELP}/", ""),
        (f"{HELP}/#pavior-handoff=old&faq", f"{HELP}/", "&faq"),
        (f"{HELP}/#pavior-handoff=old&pavior-handoff=older&faq", f"{HELP}/", "&faq"),
        (f"{HELP}/#pavior-handoff=&", f"{HELP}/", ""),
        (f"{HELP}/?pavior-handoff=a#b", f"{HELP}/?pavior-handoff=a", "&b"),
        (f"{HELP}/#x-pavior-handoff=a", f"{HELP}/", "&x-pavior-handoff=a"),
        (f"{HELP}:8443/", f"{HELP}:8443/", ""),
        ("https://a.b.cards.example.com/x", "https://a.b.cards.example.com/x", ""),
        ("http://localhost:8003/x", "http://localhost:8003/x", ""),
        ("https://localhost:8003/x", "https://localhost:8003/x", ""),
    ],
)
def test_a_user_is_redirected_with_a_code_before_the_fragment(
    fetch: Fetch, to: str, before: str, after: str
) -> None:
    seen = follow(fetch, to)
    assert (seen.status, seen.body) == (303, b"")
    code = code_of(seen)
    assert len(code) > 40
    assert seen.headers["Location"] == f"{before}#pavior-handoff={code}{after}"


def test_the_redirect_is_not_stored_and_sends_no_referrer(fetch: Fetch) -> None:
    headers = follow(fetch).headers
    assert headers.getlist("Referrer-Policy") == ["no-referrer"]
    assert headers.getlist("Cache-Control") == ["no-store"]
    assert headers["Content-Length"] == "0"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert not [name for name, _ in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("identity", "consent"),
    [(None, None), (Identity(), None), (None, True), (ADA, False), (Identity("b@bank.com"), None)],
)
def test_an_anonymous_visitor_is_redirected_with_an_empty_code(
    fetch: Fetch, identity: Identity | None, consent: bool | None
) -> None:
    seen = follow(fetch, f"{HELP}/#faq", identity, consent=consent)
    assert seen.headers["Location"] == f"{HELP}/#pavior-handoff=&faq"
    assert follow(fetch, identity=identity, consent=consent).headers["Location"] == (
        f"{HELP}/#pavior-handoff="
    )


def test_a_refused_identity_is_logged_once_at_the_handoff(caplog: pytest.LogCaptureFixture) -> None:
    refused = Identity("boss@bank.com")
    app = TestApp(wsgi.PaviorMiddleware(no_page, SETTINGS, identity=lambda environ: refused))
    for _ in range(2):
        app.get(asking_for(f"{HELP}/"), headers={"Referer": HELP})
    (record,) = caplog.records
    assert "not shared" in record.getMessage()


def no_page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"mine"]


def test_a_head_request_is_redirected_like_a_get(fetch: Fetch) -> None:
    seen = follow(fetch, method="HEAD")
    assert seen.body == b""
    assert redeem(fetch, code_of(seen)) == ADAS


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_handoff_allows_get_and_head_alone(fetch: Fetch, method: str) -> None:
    seen = follow(fetch, method=method)
    assert (seen.status, seen.body) == (405, b"")
    assert seen.headers["Allow"] == "GET, HEAD"
    assert "Location" not in seen.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Mode": "navigate"}, 303),
        ({"Sec-Fetch-Dest": "document"}, 303),
        ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 303),
        ({"Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Mode": ""}, 403),
        ({"Sec-Fetch-Mode": "navigate, navigate"}, 403),
        ({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Dest": "empty"}, 403),
        ({"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "cors"}, 403),
    ],
)
def test_only_a_top_level_navigation_is_redirected(
    fetch: Fetch, headers: dict[str, str], status: int
) -> None:
    seen = follow(fetch, headers=headers)
    assert seen.status == status
    assert ("Location" in seen.headers) == (status == 303)


@pytest.mark.parametrize(
    "path",
    [
        HANDOFF,
        f"{HANDOFF}?",
        f"{HANDOFF}?to",
        f"{HANDOFF}?to=",
        f"{HANDOFF}?TO={HELP}/",
        f"{HANDOFF}?to={HELP}/&to={HELP}/",
        f"{HANDOFF}?to={HELP}/&to=",
        f"{HANDOFF}?to={HELP}/&t%6f={HELP}/",
        f"{HANDOFF}?to={HELP}/" + "&a=b" * 16,
        f"{HANDOFF}?to={HELP}/%ff",
        f"{HANDOFF}?to={HELP}/%00",
        f"{HANDOFF}?to={HELP}/%0d%0aSet-Cookie:a=b",
        f"{HANDOFF}?to={HELP}/%C3%A9",
    ],
)
def test_a_handoff_without_one_valid_destination_is_refused(fetch: Fetch, path: str) -> None:
    for identity in (ADA, None):
        seen = fetch(JSON, SETTINGS, identity, path=path)
        assert seen.status == 403
        assert "Location" not in seen.headers


@pytest.mark.parametrize(
    "to",
    [
        "http://help.example.com/",
        "https://cards.example.com/",
        "http://a.cards.example.com/",
        "https://help.example.com.evil.test/",
        "https://help.example.com@evil.test/",
        "https://help.example.com\\@evil.test/",
        "https://localhost/",
        "//help.example.com/",
        "/",
    ],
)
def test_a_destination_that_is_not_whitelisted_gets_the_same_403_for_every_user(
    fetch: Fetch, to: str
) -> None:
    seen = follow(fetch, to)
    assert seen.status == 403
    assert seen == follow(fetch, to, None)
    assert "Location" not in seen.headers


@pytest.mark.parametrize("kind", REDIRECT_TRICKS)
def test_no_known_trick_gets_a_redirect_to_another_site(kind: str) -> None:
    app = TestApp(wsgi.PaviorMiddleware(no_page, SETTINGS, identity=lambda environ: ADA))
    for to in REDIRECT_TRICKS[kind]:
        response = app.get(asking_for(to), status="*")
        assert (response.status_int, "Location" in response.headers) == (403, False), to


@pytest.mark.parametrize("to", REDIRECTS_ALLOWED)
def test_an_odd_address_of_a_whitelisted_site_is_kept_unchanged(to: str) -> None:
    seen = follow(ADAPTERS["wsgi"], to)
    page, _, fragment = to.partition("#")
    assert seen.headers["Location"].startswith(f"{page}#pavior-handoff={code_of(seen)}")
    kept = fragment.removeprefix("pavior-handoff=").removeprefix("a.b-c_d&")
    assert seen.headers["Location"].endswith(f"&{kept}" if kept else code_of(seen))


rest = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20)


@given(rest=rest | st.text(max_size=5), mark=st.sampled_from(["", "/", "?", "#"]))
def test_every_redirect_leads_to_the_origin_that_was_checked(rest: str, mark: str) -> None:
    location = follow(ADAPTERS["wsgi"], f"{HELP}{mark}{rest}", None).headers.get("Location", "")
    if location:
        assert location.isascii()
        assert location.isprintable()
        assert not set(' "<>') & set(location)
        assert location.removeprefix(HELP)[0] in "/?#"
        assert "\\" not in location.split("?")[0].split("#")[0]


OFF = {
    "switched off": site(shared_auth_domains=DOMAINS, secret_key=SECRET_KEY, handoff=False),
    "without a key": site(shared_auth_domains=DOMAINS),
}
NOT_LENDING = {
    "without a whitelist": site(secret_key=SECRET_KEY),
    "borrowing": Settings(TEAM, share_auth="auth.example.com", secret_key=SECRET_KEY),
}


@pytest.mark.parametrize("settings", OFF.values(), ids=list(OFF))
def test_a_handoff_that_is_switched_off_redirects_without_a_code(
    fetch: Fetch, settings: Settings
) -> None:
    """Browsers may have a share.js stored that knows of it from before."""
    for to, left in TO_AND_LEFT:
        path = asking_for(to)
        seen = fetch(unasked_reply, settings, ADA, path=path, headers={"Referer": f"{HELP}/"})
        assert (seen.status, seen.headers["Location"]) == (303, left)
    assert follow(fetch, "https://evil.test/", settings=settings).status == 403


@pytest.mark.parametrize("settings", NOT_LENDING.values(), ids=list(NOT_LENDING))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_site_that_lends_no_login_leaves_the_path_of_the_handoff_to_the_app(
    fetch: Fetch, settings: Settings, method: str
) -> None:
    seen = follow(fetch, settings=settings, method=method)
    assert (seen.status, seen.body) == (200, JSON.chunks[0])
    assert seen.headers["Set-Cookie"] == "a=b"


def test_codes_from_before_the_handoff_was_switched_off_are_still_redeemed(fetch: Fetch) -> None:
    code = code_of(follow(fetch))
    assert redeem(fetch, code, OFF["switched off"]) == ADAS
    assert post(fetch, code, OFF["without a key"]).status == 405


def test_the_app_does_not_see_a_handoff_that_is_refused(fetch: Fetch) -> None:
    def app(fields: dict[str, str]) -> Reply:
        raise AssertionError

    assert fetch(app, SETTINGS, ADA, path=asking_for("https://evil.test/")).status == 403
    assert fetch(app, SETTINGS, ADA, path=asking_for(HELP), method="POST").status == 405
    headers = {"Sec-Fetch-Mode": "cors"}
    assert fetch(app, SETTINGS, ADA, path=asking_for(HELP), headers=headers).status == 403


# ── The code ───────────────────────────────────────────────────────────────────────────────────


def post(
    fetch: Fetch,
    code: str | bytes,
    settings: Settings = SETTINGS,
    origin: str | None = HELP,
    headers: dict[str, str] | None = None,
    path: str = SHARE_AUTH,
) -> Seen:
    """Send a code as share.js does; the app is not to be asked."""
    body = form(code) if isinstance(code, str) else code
    sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    sent |= {} if origin is None else {"Origin": origin}
    seen: Seen
    if fetch is ADAPTERS["wsgi"]:
        response = TestApp(wsgi.PaviorMiddleware(unasked, settings)).post(
            path, body, headers=sent, status="*"
        )
        seen = Seen(response.status_int, response.headers, response.body)
    else:
        client = TestClient(asgi.PaviorMiddleware(unasked_asgi, settings))
        answer = client.post(path, content=body, headers=sent)
        seen = Seen(answer.status_code, answer.headers, answer.content)  # type: ignore[arg-type]
    return seen


def unasked(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise AssertionError


async def unasked_asgi(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
    raise AssertionError


def redeem(
    fetch: Fetch, code: str, settings: Settings = SETTINGS, origin: str = HELP
) -> dict[str, str]:
    seen = post(fetch, code, settings, origin)
    assert seen.status == 200
    identity: dict[str, str] = json.loads(seen.body)
    return identity


@pytest.mark.parametrize(
    ("identity", "expected"), [(ADA, ADAS), (LEAD, {"email": "lead@example.com"})]
)
def test_the_origin_of_a_code_redeems_it_for_the_identity(
    fetch: Fetch, identity: Identity, expected: dict[str, str]
) -> None:
    seen = post(fetch, code_of(follow(fetch, identity=identity)))
    assert (seen.status, json.loads(seen.body)) == (200, expected)
    assert 3590 <= int(seen.headers["Pavior-Expires-In"]) <= 3600
    assert seen.headers["Access-Control-Allow-Origin"] == HELP
    assert (
        seen.headers["Access-Control-Expose-Headers"] == "Pavior-Expires-In, Pavior-Storage-Access"
    )
    assert seen.headers["Cache-Control"] == "no-store"
    assert seen.headers["Content-Type"] == "application/json"
    assert "Set-Cookie" not in seen.headers


def test_a_borrowed_login_is_as_old_as_its_code(fetch: Fetch) -> None:
    settings = site(shared_auth_domains=DOMAINS, secret_key=SECRET_KEY, shared_auth_seconds=100)
    code = Tokens([SECRET_KEY], 100, lambda: time.time() - 30).code(ADA, HELP, CHALLENGE)
    assert 60 <= int(post(fetch, code, settings).headers["Pavior-Expires-In"]) <= 70
    settings = site(shared_auth_domains=DOMAINS, secret_key=SECRET_KEY, shared_auth_seconds=10)
    assert post(fetch, code, settings).headers["Pavior-Expires-In"] == "0"


def test_a_login_cookie_redeems_nothing(fetch: Fetch) -> None:
    cookie = Tokens([SECRET_KEY], 3600).cookie(ADA)
    seen = post(fetch, "", headers={"Cookie": f"__Host-pavior-share={cookie}"})
    assert seen.status == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_a_code_is_redeemed_from_content_of_any_media_type(fetch: Fetch, content_type: str) -> None:
    seen = post(fetch, code_of(follow(fetch)), headers={"Content-Type": content_type})
    assert json.loads(seen.body) == ADAS


@pytest.mark.parametrize("origin", [f"{HELP}:8443", "https://a.cards.example.com"])
def test_another_whitelisted_site_cannot_redeem_a_code(fetch: Fetch, origin: str) -> None:
    code = code_of(follow(fetch))
    seen = post(fetch, code, origin=origin)
    assert seen.status == 403
    assert b"ada" not in seen.body
    assert "Pavior-Expires-In" not in seen.headers
    assert seen.headers["Access-Control-Allow-Origin"] == origin  # so that it can read why
    assert redeem(fetch, code_of(follow(fetch, origin)), origin=origin) == ADAS


@pytest.mark.parametrize("origin", [None, "null", "https://evil.test", "http://help.example.com"])
def test_an_origin_that_is_not_whitelisted_cannot_redeem_a_code(
    fetch: Fetch, origin: str | None
) -> None:
    for code in (
        code_of(follow(fetch)),
        Tokens([SECRET_KEY], 3600).code(ADA, origin or "", CHALLENGE),
    ):
        seen = post(fetch, code, origin=origin)
        assert seen.status == 403
        assert "Access-Control-Allow-Origin" not in seen.headers


def test_the_lenders_own_frame_cannot_redeem_a_code(fetch: Fetch) -> None:
    code = code_of(follow(fetch))
    path = f"{SHARE_AUTH}?origin={HELP}"
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        assert post(fetch, code, origin=None, headers=headers, path=path).status == 403


def test_a_code_that_is_too_old_is_refused(fetch: Fetch) -> None:
    seen = post(
        fetch, Tokens([SECRET_KEY], 3600, lambda: time.time() - 62).code(ADA, HELP, CHALLENGE)
    )
    assert (seen.status, b"too old" in seen.body) == (403, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\xff\xfe\x00",
        b"a.b.c",
        b"\n",
        b"{}",
        Tokens([SECRET_KEY], 3600).cookie(ADA).encode(),
        Tokens(["another key"], 3600).code(ADA, HELP, CHALLENGE).encode(),
        Tokens([SECRET_KEY], 3600).code(ADA, HELP, CHALLENGE).encode() + b"\n",
    ],
)
def test_content_that_is_no_code_is_refused(fetch: Fetch, content: bytes) -> None:
    assert post(fetch, content).status == 403


@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_code_that_comes_twice_the_first_one_counts(fetch: Fetch, is_first: bool) -> None:
    good = Tokens([SECRET_KEY], 3600).code(ADA, HELP, CHALLENGE)
    codes = [good, "x"] if is_first else ["x", good]
    content = form(codes[0]) + b"&code=" + codes[1].encode()
    assert post(fetch, content).status == (200 if is_first else 403)


def long_form(length: int) -> bytes:
    """Return content of this number of bytes that would redeem a code if it were shorter."""
    content = form(Tokens([SECRET_KEY], 3600).code(ADA, HELP, CHALLENGE)) + b"&more="
    return content + b"x" * (length - len(content))


TO_AND_LEFT = [
    (f"{HELP}/a", f"{HELP}/a"),
    (f"{HELP}/a#b", f"{HELP}/a#b"),
    (f"{HELP}/a#pavior-handoff=c&b", f"{HELP}/a#b"),
]


@pytest.mark.parametrize(("to", "left"), TO_AND_LEFT)
def test_a_handoff_link_without_a_challenge_has_the_page_ask(
    fetch: Fetch, to: str, left: str
) -> None:
    for identity in (ADA, None):
        seen = fetch(unasked_reply, SETTINGS, identity, path=asking_for(to, challenge=None))
        page, _, fragment = left.partition("#")
        hint = f"{page}#pavior-handoff=ask" + (f"&{fragment}" if fragment else "")
        assert (seen.status, seen.headers["Location"]) == (303, hint)


@pytest.mark.parametrize(("to", "left"), TO_AND_LEFT)
@pytest.mark.parametrize(
    "referer",
    [
        *("", "null", "https://evil.test/", "https://help.example.com.evil.test/"),
        *(
            "https://docs.example.com/",
            "https://help.example.com:8443/",
            "http://help.example.com/",
        ),
        *("https://help.example.com@evil.test/", "https://help.example.com, https://evil.test/"),
        None,
    ],
)
def test_a_handoff_that_a_page_of_another_origin_began_gets_no_code(
    fetch: Fetch, to: str, left: str, referer: str | None
) -> None:
    headers = {} if referer is None else {"Referer": referer}
    for identity in (ADA, None):
        seen = fetch(unasked_reply, SETTINGS, identity, path=asking_for(to), headers=headers)
        assert (seen.status, seen.headers["Location"]) == (303, left)


@pytest.mark.parametrize(("to", "left"), TO_AND_LEFT)
@pytest.mark.parametrize("by_user", ["?1", "?1, ?1", "", "1"])
def test_a_link_on_the_destinations_own_page_gets_no_code_and_has_that_page_ask(
    fetch: Fetch, to: str, left: str, by_user: str
) -> None:
    headers = {"Referer": f"{HELP}/", "Sec-Fetch-User": by_user}
    for identity in (ADA, None):
        for site in ("cross-site", "same-site", "same-origin"):
            asked = {**headers, "Sec-Fetch-Site": site}
            seen = fetch(unasked_reply, SETTINGS, identity, path=asking_for(to), headers=asked)
            page, _, fragment = left.partition("#")
            hint = f"{page}#pavior-handoff=ask" + (f"&{fragment}" if fragment else "")
            assert (seen.status, seen.headers["Location"]) == (303, hint)


def test_a_script_of_the_destinations_own_page_gets_a_code(fetch: Fetch) -> None:
    for headers in ({}, {"Sec-Fetch-User": "?0"}):
        assert redeem(fetch, code_of(follow(fetch, headers=headers))) == ADAS


@pytest.mark.parametrize("challenge", ["", "x", CHALLENGE[:-1], CHALLENGE + "x", "%" + CHALLENGE])
def test_a_bad_challenge_gets_no_code(fetch: Fetch, challenge: str) -> None:
    path = asking_for(f"{HELP}/", challenge=challenge)
    seen = fetch(unasked_reply, SETTINGS, ADA, path=path, headers={"Referer": f"{HELP}/"})
    assert (seen.status, seen.headers["Location"]) == (303, f"{HELP}/")


def test_a_code_is_redeemed_with_the_verifier_of_its_challenge_alone(fetch: Fetch) -> None:
    code = code_of(follow(fetch))
    assert post(fetch, form(code)).status == 200
    for verifier in ("", "x", CHALLENGE, VERIFIER[:-1], f"{VERIFIER}x", VERIFIER.upper()):
        assert post(fetch, form(code, verifier)).status == 403
    assert post(fetch, f"code={code}".encode()).status == 403


def unasked_reply(fields: dict[str, str]) -> Reply:
    raise AssertionError


ACROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


def asked_again(fetch: Fetch, to: str = f"{HELP}/") -> str:
    """Return the address that a page of the site itself asks, as its markup has it."""
    page = follow(fetch, to, None, headers=ACROSS)
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    found = re.search(rb'<meta http-equiv="refresh" content="0;url=([^"]*)">', page.body)
    assert found is not None
    assert b'<meta name="referrer" content="same-origin">' in page.body
    return HANDOFF + html.unescape(found[1].decode())


@pytest.mark.parametrize("to", [f"{HELP}/", f"{HELP}/a?b='c'&again=#d", f"{HELP}/?q=%22%3E"])
def test_a_page_of_the_lender_asks_again_where_strict_cookies_were_withheld(
    fetch: Fetch, to: str
) -> None:
    address = asked_again(fetch, to)
    first = f"https://shop.example.com{asking_for(to)}"
    headers = {**ACROSS, "Sec-Fetch-Site": "same-origin", "Referer": first}
    seen = fetch(JSON, SETTINGS, ADA, path=address, headers=headers)
    assert redeem(fetch, code_of(seen)) == ADAS
    assert code_of(fetch(JSON, SETTINGS, None, path=address, headers=headers)) == ""


def test_a_click_on_the_lenders_page_that_asks_again_gets_a_code(fetch: Fetch) -> None:
    """It has a link for browsers that follow no refresh."""
    address = asked_again(fetch)
    first = f"https://shop.example.com{asking_for(f'{HELP}/')}"
    headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1", "Referer": first}
    assert redeem(fetch, code_of(fetch(JSON, SETTINGS, ADA, path=address, headers=headers))) == (
        ADAS
    )


def test_the_lender_asks_again_for_an_identity_without_id_and_email(fetch: Fetch) -> None:
    plan = Identity(attributes={"plan": "gold"})
    assert b"http-equiv" in follow(fetch, identity=plan, headers=ACROSS).body


def test_the_lender_asks_again_neither_for_a_known_user_nor_on_its_own_site(fetch: Fetch) -> None:
    assert follow(fetch, headers=ACROSS).status == 303
    for near in ("same-origin", "same-site", "none"):
        assert follow(fetch, identity=None, headers={"Sec-Fetch-Site": near}).status == 303


def test_the_login_cookie_does_not_count_at_the_handoff(fetch: Fetch) -> None:
    """The app knows better: after a logout elsewhere, the cookie may still be there."""
    cookie = {"Cookie": f"__Host-pavior-share={Tokens([SECRET_KEY], 3600).cookie(ADA)}"}
    assert code_of(follow(fetch, identity=None, headers=cookie)) == ""
    assert b"http-equiv" in follow(fetch, identity=None, headers={**cookie, **ACROSS}).body


OTHERS = [
    {"Referer": "https://evil.test/"},
    {"Referer": "https://shop.example.com/"},
    {"Referer": f"https://shop.example.com/x{asking_for(HELP)}"},
    {"Referer": f"https://shop.example.com{asking_for(HELP)}x"},
    {"Referer": f"https://shop.example.com{asking_for(HELP)}&again="},
    {"Referer": f"https://shop.example.com{asking_for(f'{HELP}/x')}"},
    {"Referer": asking_for(HELP)},
    {"Referer": ""},
    {},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_asking_again_from_any_other_page_of_the_lender_gets_no_code(
    fetch: Fetch, headers: dict[str, str]
) -> None:
    """Or else a link among the site's pages, with somebody's challenge, would do it, too."""
    near = {"Sec-Fetch-Site": "same-origin", **headers}
    seen = fetch(unasked_reply, SETTINGS, ADA, path=f"{asking_for(HELP)}&again=", headers=near)
    assert (seen.status, seen.headers["Location"]) == (303, HELP)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "", None])
def test_asking_again_from_another_site_gets_no_code(fetch: Fetch, site: str | None) -> None:
    headers = {"Referer": f"https://shop.example.com{asking_for(HELP)}"}
    headers |= {} if site is None else {"Sec-Fetch-Site": site}
    seen = fetch(unasked_reply, SETTINGS, ADA, path=f"{asking_for(HELP)}&again=", headers=headers)
    assert (seen.status, seen.headers["Location"]) == (303, HELP)


def test_a_service_worker_of_the_lender_may_fetch_the_handoff(fetch: Fetch) -> None:
    headers = {"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty"}
    assert follow(fetch, headers={**headers, "Sec-Fetch-Site": "same-origin"}).status == 303
    for site in ("cross-site", "same-site"):
        assert follow(fetch, headers={**headers, "Sec-Fetch-Site": site}).status == 403


def test_content_that_is_too_long_is_refused(fetch: Fetch) -> None:
    assert post(fetch, long_form(8192)).status == 200
    assert post(fetch, long_form(8193)).status == 403
    assert post(fetch, b"x" * 1_000_000).status == 403


def with_input(content: Any, **environ: Any) -> tuple[str, bytes]:
    """Send a WSGI request that is written by hand."""
    middleware = wsgi.PaviorMiddleware(unasked, SETTINGS)
    status = ""

    def start(begun: str, headers: object, exc_info: object = None) -> Callable[[bytes], None]:
        nonlocal status
        status = begun
        return lambda data: None

    base = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": SHARE_AUTH,
        "HTTP_ORIGIN": HELP,
        "wsgi.input": content,
    }
    body = b"".join(middleware({**base, **environ}, start))
    return status, body


def test_content_in_chunks_is_read_where_the_server_ends_it() -> None:
    code = form(code_of(follow(ADAPTERS["wsgi"])))
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    status, body = with_input(io.BytesIO(code), **chunked)
    assert (status, json.loads(body)) == ("200 OK", ADAS)


def test_content_that_comes_slowly_is_read_whole() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 10))

    code = form(code_of(follow(ADAPTERS["wsgi"])))
    status, body = with_input(Slow(code), CONTENT_LENGTH=str(len(code)))
    assert (status, json.loads(body)) == ("200 OK", ADAS)


def test_content_that_is_cut_off_is_refused() -> None:
    assert with_input(io.BytesIO(b"abc"), CONTENT_LENGTH="10")[0] == "403 Forbidden"


def test_content_of_no_known_length_is_not_waited_for() -> None:
    class Endless(io.RawIOBase):
        def readinto(self, buffer: Any) -> int:
            raise AssertionError

    assert with_input(Endless())[0] == "403 Forbidden"


def test_of_content_that_is_too_long_only_the_beginning_is_read() -> None:
    content = io.BytesIO(b"x" * 1_000_000)
    assert with_input(content, CONTENT_LENGTH="1000000")[0] == "403 Forbidden"
    assert content.tell() <= 8193


def asgi_status(messages: list[asgi.Message]) -> tuple[int, int, bytes]:
    """Return what is answered to the messages, after how many of them, and the body."""
    sent: list[asgi.Message] = []
    received = iter(messages)
    count = 0

    async def receive() -> asgi.Message:
        nonlocal count
        count += 1
        return next(received)

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SHARE_AUTH,
        "headers": [(b"origin", HELP.encode())],
    }
    anyio.run(asgi.PaviorMiddleware(unasked_asgi, SETTINGS), scope, receive, send)
    return sent[0]["status"], count, sent[1]["body"]


def part(body: bytes, *, more_body: bool) -> asgi.Message:
    return {"type": "http.request", "body": body, "more_body": more_body}


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_content_in_several_asgi_messages_is_put_together(size: int) -> None:
    code = form(code_of(follow(ADAPTERS["asgi"])))
    pieces = [code[start : start + size] for start in range(0, len(code), size)]
    messages = [part(piece, more_body=True) for piece in pieces]
    for last in (part(b"", more_body=False), {"type": "http.request"}):
        status, count, body = asgi_status([*messages, last])
        assert (status, count, json.loads(body)) == (200, len(pieces) + 1, ADAS)


def test_a_client_that_disconnects_is_answered_without_waiting() -> None:
    messages = [part(b"x", more_body=True), {"type": "http.disconnect"}]
    assert asgi_status(messages)[:2] == (403, 2)


def test_asgi_messages_are_received_until_the_content_is_too_long() -> None:
    messages = [part(b"x" * 1024, more_body=True)] * 1000
    status, count, _ = asgi_status(messages)
    assert (status, count) == (403, 8192 // 1024 + 1)


# ── Below a path ───────────────────────────────────────────────────────────────────────────────


ROOTS = ["/shop", "/caf%C3%A9", "/a%20b", "/a(b)~'c", "/%e2%82%ac"]


def seen_by_app(is_without_cookies: bool) -> Identity | None:
    return None if is_without_cookies else ADA


def flask_app() -> Flask:
    app = Flask(__name__)
    Pavior(app, SETTINGS, identity=lambda environ: seen_by_app("HTTP_STRICTLY" in environ))
    app.add_url_rule("/", view_func=lambda: PAGE)
    return app


def asgi_app() -> Starlette:
    middleware = asgi.PaviorMiddleware(
        HTMLResponse(PAGE),
        SETTINGS,
        identity=lambda scope: seen_by_app("strictly" in Headers(scope=scope)),
    )
    return Starlette(routes=[Mount(unquote(root), middleware) for root in ROOTS])


FROM_HELP = {"Referer": f"{HELP}/"}
Get = Callable[[str, dict[str, str]], tuple[int, str, bytes]]


def flask_get(path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    roots = [unquote(root, "latin-1") for root in ROOTS]  # as WSGI has them
    app = DispatcherMiddleware(NotFound(), dict.fromkeys(roots, flask_app()))
    response = TestApp(app).get(path, headers=headers, status="*")
    return response.status_int, response.headers.get("Location", ""), response.body


def asgi_get(path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    response = TestClient(asgi_app(), follow_redirects=False).get(path, headers=headers)
    return response.status_code, response.headers.get("location", ""), response.content


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("get", [flask_get, asgi_get])
def test_a_lender_below_a_path_asks_again_below_that_path(get: Get, root: str) -> None:
    first = f"{root}{asking_for(f'{HELP}/x')}"
    status, _, page = get(first, {**FROM_HELP, **ACROSS, "Strictly": "1"})
    assert status == 200
    found = re.search(rb"0;url=([^\"]*)", page)
    assert found is not None
    address = urljoin(f"https://shop.test{first}", html.unescape(found[1].decode()))
    near = {"Referer": f"https://shop.test{first}", "Sec-Fetch-Site": "same-origin"}
    status, location, _ = get(address.removeprefix("https://shop.test"), near)
    assert status == 303
    assert redeem(ADAPTERS["wsgi"], location.partition("handoff=")[2]) == ADAS


@pytest.mark.parametrize("get", [flask_get, asgi_get])
def test_the_handoff_is_found_below_the_path_of_a_site(get: Get) -> None:
    status, location, _ = get(f"/shop{asking_for(f'{HELP}/x')}", FROM_HELP)
    assert status == 303
    code = location.removeprefix(f"{HELP}/x#pavior-handoff=")
    assert redeem(ADAPTERS["wsgi"], code) == ADAS
    assert get(f"/shop{asking_for('https://evil.test')}", FROM_HELP)[0] == 403


def test_the_handoff_is_found_however_the_server_splits_the_path() -> None:
    app = TestApp(wsgi.PaviorMiddleware(no_page, SETTINGS, identity=lambda environ: ADA))
    split = {"SCRIPT_NAME": "/.well-known"}
    path = asking_for(HELP).removeprefix("/.well-known")
    from_help = {"Referer": f"{HELP}/"}
    assert app.get(path, headers=from_help, extra_environ=split).status_int == 303
    flask = TestApp(flask_app())
    location = flask.get(path, headers=from_help, extra_environ=split).headers["Location"]
    assert redeem(ADAPTERS["asgi"], location.partition("=")[2]) == ADAS


@pytest.mark.parametrize("path", [f"{HANDOFF}/", f"{HANDOFF}x", f"/x{HANDOFF}", HANDOFF.upper()])
def test_a_path_that_resembles_the_handoffs_is_left_to_the_app(fetch: Fetch, path: str) -> None:
    assert fetch(JSON, SETTINGS, ADA, path=f"{path}?to={HELP}").body == JSON.chunks[0]
