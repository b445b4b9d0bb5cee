"""What borrowers load: the script, the frame, and what share-auth answers to each of them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from functools import partial
from typing import Any
from urllib.parse import quote

import anyio
import html5lib
import pytest
from werkzeug.http import parse_csp_header

from pavior_middleware import Identity, Settings, _assets, asgi, sign
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from pavior_middleware._share.tokens import Tokens
from tests.support.adapters import ADAPTERS, Fetch, Reply, Seen
from tests.support.origin_tricks import ORIGIN_TRICKS, WHITELISTED
from tests.support.pages import HTML
from tests.support.sites import ADA, API_KEY, BOB, HELP, SECRET_KEY, TEAM

CARDS = "https://a.cards.example.com"

site = partial(Settings, TEAM, API_KEY)
SETTINGS = site(shared_auth_domains=WHITELISTED, secret_key=SECRET_KEY)
JSON = Reply([b'{"of": "the app"}'], [("Content-Type", "application/json"), ("Set-Cookie", "a=b")])
SHARE_JS = _assets.read("share.js").encode()


def unasked(fields: dict[str, str]) -> Reply:
    raise AssertionError("the app was asked")


def fields(seen: Seen) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in seen.headers)


# ── share.js ───────────────────────────────────────────────────────────────────────────────────


def script(fetch: Fetch, settings: Settings = SETTINGS, **more: Any) -> Seen:
    return fetch(unasked, settings, ADA, path=SHARE_SCRIPT, **more)


def test_share_js_may_be_loaded_and_stored_by_everyone(fetch: Fetch) -> None:
    seen = script(fetch)
    etag = seen.headers["ETag"]
    assert re.fullmatch(r'"[A-Za-z0-9_-]{22}"', etag)
    assert fields(seen) == [
        ("access-control-allow-origin", "*"),
        ("cache-control", "public, max-age=3600"),
        ("content-length", str(len(seen.body))),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("content-type", "text/javascript; charset=utf-8"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("etag", etag),
        ("referrer-policy", "no-referrer"),
        ("vary", "Accept-Encoding"),
        ("x-content-type-options", "nosniff"),
    ]


def test_share_js_is_the_built_file_and_compresses_to_3500_bytes(fetch: Fetch) -> None:
    seen = script(fetch)
    assert seen.body == SHARE_JS
    assert 2000 < len(gzip.compress(seen.body, 6)) <= 3500  # as a proxy may send it


@pytest.mark.parametrize("without", [{"secret_key": None}, {"handoff": False}])
def test_a_lender_without_a_handoff_serves_a_share_js_without_one(
    fetch: Fetch, without: dict[str, Any]
) -> None:
    settings = site(**{"shared_auth_domains": WHITELISTED, "secret_key": SECRET_KEY, **without})
    seen, usual = script(fetch, settings), script(fetch)
    assert seen.body == _assets.read("share-without-handoff.js").encode()
    assert (b"handoff?" in seen.body, b"handoff?" in usual.body) == (False, True)
    assert b"share-auth" in seen.body
    assert seen.headers["ETag"] != usual.headers["ETag"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": HELP},
        {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"},
        {"Cookie": "session=x; __Host-pavior-share=x"},
        {"Range": "bytes=0-4"},
    ],
)
def test_share_js_is_the_same_for_every_caller_and_site(
    fetch: Fetch, headers: dict[str, str]
) -> None:
    other = site(shared_auth_domains=["docs.example.com"], secret_key="another key")
    expected = script(fetch)
    assert script(fetch, headers=headers) == expected
    assert script(fetch, other, headers=headers) == expected
    assert script(fetch, site(shared_auth_domains=WHITELISTED, secret_key=SECRET_KEY)) == expected
    assert fetch(unasked, SETTINGS, path=SHARE_SCRIPT, consent=False) == expected
    for secret in (TEAM, API_KEY, SECRET_KEY, "help.example.com", "ada@example.com"):
        assert secret.encode() not in expected.body.replace(b"https://auth.example.com", b"")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_matching_entity_tag_of_share_js_gets_a_304(fetch: Fetch, form: str) -> None:
    first = script(fetch)
    seen = script(fetch, headers={"If-None-Match": form.format(first.headers["ETag"])})
    assert (seen.status, seen.body) == (304, b"")
    assert fields(seen) == [
        field for field in fields(first) if field[0] not in ("content-type", "content-length")
    ]


@pytest.mark.parametrize("field", ['"other"', "", "x"])
def test_another_entity_tag_gets_the_whole_share_js(fetch: Fetch, field: str) -> None:
    assert script(fetch, headers={"If-None-Match": field}) == script(fetch)


@pytest.mark.parametrize("path", [SHARE_SCRIPT, f"{FRAME}?origin={HELP}"])
def test_head_gets_the_fields_of_share_js_and_the_frame_without_a_body(
    fetch: Fetch, path: str
) -> None:
    get, head = (
        fetch(unasked, SETTINGS, ADA, path=path, method=method) for method in ("GET", "HEAD")
    )
    assert (head.status, head.body) == (200, b"")
    assert fields(head) == fields(get)
    assert head.headers["Content-Length"] == str(len(get.body))


@pytest.mark.parametrize("path", [SHARE_SCRIPT, f"{FRAME}?origin={HELP}"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_share_js_and_the_frame_allow_get_and_head_alone(
    fetch: Fetch, path: str, method: str
) -> None:
    seen = fetch(unasked, SETTINGS, ADA, path=path, method=method)
    assert (seen.status, seen.body, seen.headers["Allow"]) == (405, b"", "GET, HEAD")


@pytest.mark.parametrize(
    "settings", [site(secret_key=SECRET_KEY), Settings(TEAM, share_auth="a.example")]
)
@pytest.mark.parametrize("path", [SHARE_SCRIPT, f"{FRAME}?origin={HELP}"])
def test_a_site_that_lends_no_login_leaves_the_paths_of_share_js_and_the_frame_to_the_app(
    fetch: Fetch, settings: Settings, path: str
) -> None:
    assert fetch(JSON, settings, ADA, path=path).body == JSON.chunks[0]


# ── The frame ──────────────────────────────────────────────────────────────────────────────────


def frame(fetch: Fetch, origin: str = HELP, **headers: str) -> Seen:
    return fetch(unasked, SETTINGS, ADA, path=f"{FRAME}?origin={origin}", headers=headers)


def text_of(seen: Seen, tag: str) -> str:
    tree = html5lib.HTMLParser(strict=True).parse(seen.body, scripting=True)
    (element,) = tree.iter(f"{HTML}{tag}")
    return element.text or ""


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("origin", [HELP, f"{HELP}:8443", CARDS, "http://localhost:8003"])
def test_the_frame_may_be_in_pages_of_one_origin_alone(fetch: Fetch, origin: str) -> None:
    seen = frame(fetch, origin)
    assert seen.status == 200
    assert seen.headers.getlist("Content-Security-Policy") == [
        f"default-src 'none'; script-src {hash_of(text_of(seen, 'script'))};"
        f" style-src {hash_of(text_of(seen, 'style'))}; connect-src 'self'; base-uri 'none';"
        f" form-action 'none'; frame-ancestors {origin}"
    ]
    tree = html5lib.HTMLParser().parse(seen.body)
    assert [each.get("data-origin") for each in tree.iter(f"{HTML}button")] == [origin]


def test_the_frame_loads_into_isolated_pages_and_is_not_stored(fetch: Fetch) -> None:
    seen = frame(fetch)
    policies = ("content-security-policy", "content-length")
    assert [field for field in fields(seen) if field[0] not in policies] == [
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("referrer-policy", "no-referrer"),
        ("vary", "Origin, Sec-Fetch-Site, Sec-Fetch-Storage-Access"),
        ("x-content-type-options", "nosniff"),
    ]
    assert seen.headers["Content-Length"] == str(len(seen.body))


def test_the_frame_holds_no_identity_and_no_key(fetch: Fetch) -> None:
    cookie = f"__Host-pavior-share={Tokens([SECRET_KEY], 3600).cookie(ADA)}"
    seen = frame(fetch, Cookie=cookie)
    assert seen == frame(fetch)
    for secret in (API_KEY, SECRET_KEY, "ada@example.com", "__Host"):
        assert secret.encode() not in seen.body


def test_nothing_in_the_script_of_the_frame_ends_its_element(fetch: Fetch) -> None:
    source = text_of(frame(fetch), "script")
    assert source == _assets.read("frame.js")
    assert "</" not in source
    assert "<!--" not in source


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?origin=",
        "?origin=null",
        "?origin=*",
        "?origin=https://evil.test",
        "?origin=http://help.example.com",
        f"?origin={HELP}/",
        f"?origin={HELP}&origin={HELP}",
        f"?origin={HELP}&origin=https://evil.test",
        f"?origin={HELP}%20https://evil.test",
        f"?origin={HELP};%20script-src%20*",
        f"?ORIGIN={HELP}",
        "?origin=https://cards.example.com",
        f"?origin={HELP}&{'a&' * 20}a=b&" + "&".join(f"a{n}=b" for n in range(17)),
    ],
)
def test_an_origin_that_is_not_whitelisted_gets_no_frame(fetch: Fetch, query: str) -> None:
    seen = fetch(unasked, SETTINGS, ADA, path=FRAME + query)
    assert seen.status == 403
    assert seen.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
    assert seen.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert b"<" not in seen.body


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_form_of_another_origin_gets_a_frame_or_an_identity(kind: str) -> None:
    for origin in ORIGIN_TRICKS[kind]:
        query = f"?origin={quote(origin, safe='')}"
        assert ADAPTERS["wsgi"](unasked, SETTINGS, ADA, path=FRAME + query).status == 403, origin
        assert ADAPTERS["wsgi"](unasked, SETTINGS, ADA, path=SHARE_AUTH + query).status == 403, (
            origin
        )


@pytest.mark.parametrize(
    ("destination", "status"),
    [("iframe", 200), (None, 200), ("document", 403), ("embed", 403), ("empty", 403), ("", 403)],
)
def test_the_frame_is_served_to_iframes_alone(
    fetch: Fetch, destination: str | None, status: int
) -> None:
    headers = {} if destination is None else {"Sec-Fetch-Dest": destination}
    assert frame(fetch, **headers).status == status


@pytest.mark.parametrize(
    ("access", "activates"), [("inactive", "load"), ("active", None), ("none", None), ("", None)]
)
def test_a_frame_with_storage_access_is_loaded_with_its_cookies(
    fetch: Fetch, access: str, activates: str | None
) -> None:
    seen = frame(fetch, **{"Sec-Fetch-Storage-Access": access})
    assert seen.headers.get("Activate-Storage-Access") == activates
    assert "Activate-Storage-Access" not in frame(fetch).headers


def test_the_policy_of_the_frame_parses_into_the_intended_directives(fetch: Fetch) -> None:
    policy = parse_csp_header(frame(fetch, CARDS).headers["Content-Security-Policy"])
    assert policy.default_src == "'none'"
    assert policy["frame-ancestors"] == CARDS
    assert set(policy) == {
        *("default-src", "script-src", "style-src", "connect-src", "base-uri", "form-action"),
        "frame-ancestors",
    }


# ── share-auth, for borrowers ──────────────────────────────────────────────────────────────────


def identity_fields(identity: Identity) -> dict[str, str | None]:
    assert identity.id is not None
    return {"id": identity.id, "email": identity.email, "hmac": sign(API_KEY, identity.id)}


def login_cookie(identity: Identity, age: int = 0) -> dict[str, str]:
    """Return the field with the login cookie of somebody."""
    cookie = Tokens([SECRET_KEY], 3600, lambda: time.time() - age).cookie(identity)
    return {"Cookie": f"__Host-pavior-share={cookie}"}


def ask(
    fetch: Fetch,
    identity: Identity | None = None,
    *,
    site: str | None = "cross-site",
    access: str | None = None,
    settings: Settings = SETTINGS,
    origin: str = HELP,
    cookie: dict[str, str] | None = None,
) -> Seen:
    sent = {"Origin": origin, **(cookie or {})}
    sent |= {} if site is None else {"Sec-Fetch-Site": site}
    sent |= {} if access is None else {"Sec-Fetch-Storage-Access": access}
    return fetch(JSON, settings, identity, path=SHARE_AUTH, headers=sent)


EXPOSED = "Pavior-Expires-In, Pavior-Storage-Access"


def loan(seen: Seen) -> tuple[Any, str | None]:
    assert seen.status == 200
    return json.loads(seen.body), seen.headers.get("Pavior-Expires-In")


@pytest.mark.parametrize("access", ["active", "inactive", "none", None])
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_the_apps_own_user_is_lent_for_the_whole_time(
    fetch: Fetch, site: str | None, access: str | None
) -> None:
    seen = ask(fetch, ADA, site=site, access=access, cookie=login_cookie(ADA, 100))
    assert loan(seen) == (identity_fields(ADA), "3600")
    assert "Activate-Storage-Access" not in seen.headers
    assert "Pavior-Storage-Access" not in seen.headers
    assert seen.headers["Access-Control-Expose-Headers"] == EXPOSED


@pytest.mark.parametrize("access", ["active", "inactive", "none", None])
@pytest.mark.parametrize("site", ["cross-site", None])
def test_the_login_cookie_names_the_user_where_no_session_comes_along(
    fetch: Fetch, site: str | None, access: str | None
) -> None:
    named, seconds = loan(ask(fetch, site=site, access=access, cookie=login_cookie(BOB, 100)))
    assert named == identity_fields(BOB)
    assert 3490 <= int(seconds or 0) <= 3500


def test_the_login_cookie_names_the_user_where_the_app_names_nobody(fetch: Fetch) -> None:
    somebody = Identity(attributes={"plan": "gold"})
    assert loan(ask(fetch, somebody, cookie=login_cookie(BOB)))[0] == identity_fields(BOB)


def test_the_login_cookie_does_not_count_for_a_borrower_of_the_same_site(fetch: Fetch) -> None:
    assert loan(ask(fetch, site="same-site", cookie=login_cookie(BOB))) == ({}, "0")


@pytest.mark.parametrize(
    ("site", "access", "seconds"),
    [
        ("same-site", None, "0"),
        ("same-site", "none", None),
        ("same-site", "active", None),
        ("cross-site", "active", None),
        (None, "active", None),
        ("cross-site", None, None),
        ("cross-site", "none", None),
        ("cross-site", "inactive", None),
        (None, None, None),
        ("", None, None),
    ],
)
def test_an_anonymous_answer_is_certain_only_where_the_apps_cookies_came_along(
    fetch: Fetch, site: str | None, access: str | None, seconds: str | None
) -> None:
    """The app's own are `SameSite=Lax`, and kept from what another site's page frames, too."""
    seen = ask(fetch, site=site, access=access)
    assert loan(seen) == ({}, seconds)
    assert seen.headers.get("Pavior-Storage-Access") == ("active" if access == "active" else None)


@pytest.mark.parametrize("origin", [HELP, CARDS, "http://localhost:8003"])
def test_a_browser_with_inactive_storage_access_is_asked_to_retry(
    fetch: Fetch, origin: str
) -> None:
    seen = ask(fetch, access="inactive", origin=origin)
    assert seen.headers["Activate-Storage-Access"] == f'retry; allowed-origin="{origin}"'
    for access in ("active", "none", None):
        seen = ask(fetch, access=access, origin=origin)
        assert "Activate-Storage-Access" not in seen.headers


def test_without_a_secret_key_the_login_cookie_names_nobody(fetch: Fetch) -> None:
    settings = site(shared_auth_domains=WHITELISTED)
    assert loan(ask(fetch, settings=settings, cookie=login_cookie(BOB))) == ({}, None)
    assert loan(ask(fetch, ADA, settings=settings)) == (identity_fields(ADA), "3600")


def test_a_lead_of_the_login_cookie_is_lent_without_an_hmac(fetch: Fetch) -> None:
    lead = Identity(email="lead@example.com", authenticated=False)
    assert loan(ask(fetch, cookie=login_cookie(lead)))[0] == {"email": "lead@example.com"}


def test_a_login_cookie_whose_identity_is_refused_now_names_nobody(fetch: Fetch) -> None:
    assert loan(ask(fetch, cookie=login_cookie(Identity("boss@bank.com")))) == ({}, None)


def test_a_borrowed_login_lasts_for_the_seconds_of_the_setting(fetch: Fetch) -> None:
    settings = site(shared_auth_domains=WHITELISTED, secret_key=SECRET_KEY, shared_auth_seconds=120)
    assert loan(ask(fetch, ADA, settings=settings))[1] == "120"
    assert (
        15 <= int(loan(ask(fetch, settings=settings, cookie=login_cookie(BOB, 100)))[1] or 0) <= 20
    )
    assert loan(ask(fetch, settings=settings, cookie=login_cookie(BOB, 130))) == ({}, None)


def test_without_consent_the_login_cookie_alone_is_lent(fetch: Fetch) -> None:
    sent = {"Origin": HELP, **login_cookie(BOB)}
    seen = fetch(JSON, SETTINGS, ADA, consent=False, path=SHARE_AUTH, headers=sent)
    assert loan(seen)[0] == identity_fields(BOB)
    seen = fetch(JSON, SETTINGS, ADA, consent=False, path=SHARE_AUTH, headers={"Origin": HELP})
    assert loan(seen)[0] == {}


# ── share-auth, for the frame ──────────────────────────────────────────────────────────────────


def ask_in_frame(
    fetch: Fetch,
    identity: Identity | None = None,
    query: str = f"?origin={HELP}",
    *,
    site: str | None = "same-origin",
    headers: dict[str, str] | None = None,
) -> Seen:
    sent = (headers or {}) | ({} if site is None else {"Sec-Fetch-Site": site})
    return fetch(JSON, SETTINGS, identity, path=SHARE_AUTH + query, headers=sent)


@pytest.mark.parametrize("site", ["same-origin", None])
def test_the_lenders_own_frame_gets_what_a_borrower_gets(fetch: Fetch, site: str | None) -> None:
    seen = ask_in_frame(fetch, ADA, site=site)
    assert loan(seen) == (identity_fields(ADA), "3600")  # and no attributes
    assert "Set-Cookie" not in seen.headers
    assert not [name for name, _ in seen.headers if name.lower().startswith("access-control")]
    named, seconds = loan(ask_in_frame(fetch, site=site, headers=login_cookie(BOB, 100)))
    assert named == identity_fields(BOB)
    assert 3490 <= int(seconds or 0) <= 3500
    assert loan(ask_in_frame(fetch, ADA, site=site, headers=login_cookie(ADA))) == (
        identity_fields(ADA),
        "3600",
    )


def test_a_frame_with_storage_access_learns_that_there_is_no_login_cookie(fetch: Fetch) -> None:
    active = {"Sec-Fetch-Storage-Access": "active"}
    seen = ask_in_frame(fetch, headers=active)
    assert (loan(seen), seen.headers["Pavior-Storage-Access"]) == (({}, None), "active")
    assert loan(ask_in_frame(fetch)) == ({}, None)
    # It takes no cookie away: that is for the site's own pages.
    seen = ask_in_frame(fetch, headers={"Cookie": "__Host-pavior-share=x", **active})
    assert "Set-Cookie" not in seen.headers


@pytest.mark.parametrize(
    "query",
    [
        "?origin=",
        "?origin=null",
        "?origin=https://evil.test",
        f"?origin={HELP}/",
        f"?origin={HELP}&origin={HELP}",
        "?origin=http://help.example.com",
    ],
)
def test_a_frame_for_an_origin_that_is_not_whitelisted_gets_no_identity(
    fetch: Fetch, query: str
) -> None:
    for identity in (ADA, None):
        seen = ask_in_frame(fetch, identity, query, headers=login_cookie(BOB))
        assert seen.status == 403
        assert not re.search(rb"ada|bob", seen.body)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_a_request_of_another_site_with_the_frames_parameter_gets_no_identity(
    fetch: Fetch, site: str
) -> None:
    assert ask_in_frame(fetch, ADA, site=site).status == 403


def test_the_origin_field_counts_before_the_frames_parameter(fetch: Fetch) -> None:
    query = f"?origin={HELP}"
    assert ask_in_frame(fetch, ADA, query, headers={"Origin": "https://evil.test"}).status == 403
    assert ask_in_frame(fetch, ADA, query, headers={"Origin": "null"}).status == 403
    seen = ask_in_frame(fetch, ADA, query, site="cross-site", headers={"Origin": CARDS})
    assert seen.headers["Access-Control-Allow-Origin"] == CARDS


def test_share_auth_sends_nothing_of_the_apps_response(fetch: Fetch) -> None:
    seen = ask_in_frame(fetch, ADA)
    assert b"of" not in seen.body
    assert "Set-Cookie" not in seen.headers


# ── Fields that come more than once ────────────────────────────────────────────────────────────


def ask_raw(path: str, *raw: tuple[str, str]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Ask with fields that no client would join to one; nobody is logged in."""
    sent: list[asgi.Message] = []

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    async def receive() -> asgi.Message:
        raise AssertionError

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in raw],
    }
    anyio.run(asgi.PaviorMiddleware(app, SETTINGS), scope, receive, send)
    start, body = sent
    return start["status"], start["headers"], body["body"]


def test_a_login_cookie_may_be_in_a_field_of_its_own() -> None:
    (cookie_field,) = login_cookie(BOB).items()
    others = [("Cookie", "a=b"), ("Cookie", "c=d")]
    origin = ("Origin", HELP)
    for place in range(3):
        fields = [*others[:place], cookie_field, *others[place:]]
        assert json.loads(ask_raw(SHARE_AUTH, origin, *fields)[2]) == identity_fields(BOB)
    assert json.loads(ask_raw(SHARE_AUTH, origin, cookie_field, cookie_field)[2]) == {}


def test_a_login_cookie_is_deleted_whichever_field_holds_it() -> None:
    (cookie_field,) = login_cookie(BOB).items()
    for place in range(2):
        fields = [("Cookie", "a=b")]
        fields.insert(place, cookie_field)
        _, headers, _ = ask_raw(SHARE_AUTH, *fields)
        assert [name for name, _ in headers].count(b"set-cookie") == 1


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{HANDOFF}?to={HELP}", ("Sec-Fetch-Mode", "navigate")),
        (f"{HANDOFF}?to={HELP}", ("Sec-Fetch-Dest", "document")),
        (f"{FRAME}?origin={HELP}", ("Sec-Fetch-Dest", "iframe")),
        (SHARE_AUTH, ("Sec-Fetch-Site", "same-origin")),
    ],
)
def test_a_fetch_metadata_field_that_comes_twice_is_refused(
    path: str, field: tuple[str, str]
) -> None:
    assert ask_raw(path, field)[0] in (200, 303)
    assert ask_raw(path, field, field)[0] == 403


def test_if_none_match_may_come_in_several_fields() -> None:
    etag = dict(ask_raw(SHARE_SCRIPT)[1])[b"etag"].decode()
    fields = [("If-None-Match", '"other"'), ("If-None-Match", etag)]
    assert ask_raw(SHARE_SCRIPT, *fields)[0] == 304
    assert ask_raw(SHARE_SCRIPT, fields[0])[0] == 200
