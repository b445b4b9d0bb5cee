"""The login cookie: it follows who is logged in, page by page, and no cache stores it."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer
from webtest import TestApp

from pavior_middleware import Identity, Settings, sign, wsgi
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._model.visitor import Visitor
from pavior_middleware._share.login_cookie import LoginCookie
from pavior_middleware._share.tokens import Tokens
from tests.support.adapters import HTML_TYPE, PAGE, App, Fetch, Reply, Seen, fetch_asgi
from tests.support.login_cookies import DELETION, SETTINGS, site, timeless, with_hmac
from tests.support.pages import init_call
from tests.support.sites import ADA, API_KEY, BOB, HELP, LEAD, LOGIN_COOKIE, SECRET_KEY, TEAM

REFUSED = Identity("boss@bank.com")

HELD = {"Cookie": f"theme=dark; {LOGIN_COOKIE}=whatever"}


def login_cookie_of(identity: Identity, age: int = 0) -> dict[str, str]:
    """Return the field with the cookie of somebody."""
    cookie = Tokens([SECRET_KEY], 3600, lambda: time.time() - age).cookie(identity)
    return {"Cookie": f"theme=dark; {LOGIN_COOKIE}={cookie}"}


JSON = Reply([b"{}"], [("Content-Type", "application/json")])

DOCUMENT = {"Sec-Fetch-Dest": "document"}

CACHEABLE = [
    ("Cache-Control", "public, max-age=60, s-maxage=600, immutable"),
    ("CDN-Cache-Control", "max-age=600"),
    ("Surrogate-Control", "max-age=600"),
    ("Expires", "Tue, 24 Nov 2026 07:00:00 GMT"),
    ("Last-Modified", "Tue, 24 Nov 2026 06:00:00 GMT"),
]


def cookies(seen: Seen) -> list[str]:
    return timeless(seen.headers.getlist("Set-Cookie"))


def value(seen: Seen) -> str:
    """Return the value of the only cookie that is set."""
    (field,) = cookies(seen)
    name, _, rest = field.partition("=")
    assert name == LOGIN_COOKIE
    return rest.partition(";")[0]


def borrowed_by(fetch: Fetch, cookie: str, settings: Settings = SETTINGS) -> dict[str, str]:
    """Return what a borrower gets where the login cookie alone comes along."""
    headers = {"Origin": HELP, "Cookie": f"{LOGIN_COOKIE}={cookie}"}
    answer: dict[str, str] = json.loads(
        fetch(JSON, settings, path=SHARE_AUTH, headers=headers).body
    )
    return answer


# ── Who gets it ────────────────────────────────────────────────────────────────────────────────
def test_a_page_that_names_a_user_sets_the_login_cookie(fetch: Fetch) -> None:
    seen = fetch(Reply(), SETTINGS, ADA)
    assert init_call(seen.body)["id"] == "7"
    (field,) = cookies(seen)
    attributes = field.split("; ")
    assert attributes[0] == f"{LOGIN_COOKIE}={value(seen)}"
    assert sorted(attributes[1:]) == [
        *("HttpOnly", "Max-Age=3600", "Path=/", "SameSite=None", "Secure"),
    ]
    assert borrowed_by(fetch, value(seen)) == with_hmac(ADA)


def test_the_login_cookie_lasts_for_the_seconds_of_the_setting(fetch: Fetch) -> None:
    settings = site(
        shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY, shared_auth_seconds=120
    )
    assert "; Max-Age=120;" in cookies(fetch(Reply(), settings, ADA))[0]


def test_the_login_cookie_holds_the_identity_and_no_hmac(fetch: Fetch) -> None:
    cookie = value(fetch(Reply(), SETTINGS, ADA))
    _, claims = URLSafeSerializer("any key").loads_unsafe(cookie)
    made = claims.pop("at")
    assert 0 <= time.time() - made < 60
    assert claims == {"id": "7", "email": "ada@example.com", "vouched": True}
    assert API_KEY not in str(claims) + cookie
    assert sign(API_KEY, "7") not in str(claims) + cookie


def test_a_page_that_names_nobody_sets_no_login_cookie(fetch: Fetch) -> None:
    assert cookies(fetch(Reply(), SETTINGS)) == []
    assert cookies(fetch(Reply(), SETTINGS, Identity())) == []


@pytest.mark.parametrize(
    "settings",
    [
        site(),
        site(secret_key=SECRET_KEY),
        site(shared_auth_domains=["help.example.com"]),
        site(shared_auth_domains=["help.example.com"], secret_key=""),
        site(shared_auth_domains=["help.example.com"], secret_key=[]),
        Settings(TEAM, share_auth="auth.example.com", secret_key=SECRET_KEY),
    ],
    ids=["nothing", "no whitelist", "no key", "empty key", "empty list of keys", "borrows"],
)
@pytest.mark.parametrize("reply", [Reply(), Reply([], [("Location", "/")], status=303)])
def test_a_site_that_lends_no_login_neither_sets_nor_deletes_a_login_cookie(
    fetch: Fetch, settings: Settings, reply: Reply
) -> None:
    for identity in (ADA, None):
        for method in ("GET", "POST"):
            seen = fetch(reply, settings, identity, method=method, headers=HELD)
            assert cookies(seen) == []


@pytest.mark.parametrize("identity", [ADA, None])
def test_a_cacheable_page_neither_sets_nor_deletes_a_login_cookie(
    fetch: Fetch, identity: Identity | None
) -> None:
    settings = site(
        shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY, cacheable_pages=True
    )
    reply = Reply(headers=[HTML_TYPE, *CACHEABLE])
    for headers in ({}, HELD, {**HELD, **DOCUMENT}):
        seen = fetch(reply, settings, identity, headers=headers)
        assert cookies(seen) == []
        assert seen.headers["Cache-Control"] == CACHEABLE[0][1]


TEXT = ("Content-Type", "text/plain")

NO_PAGES = {
    "JSON": JSON,
    "a picture": Reply([b"\x89PNG"], [("Content-Type", "image/png")]),
    "XHTML": Reply([PAGE], [("Content-Type", "application/xhtml+xml")]),
    "text": Reply([PAGE], [TEXT]),
    "nothing": Reply([], [], status=204),
    "a redirect": Reply([], [("Location", "/"), HTML_TYPE], status=302),
    "a download": Reply(headers=[HTML_TYPE, ("Content-Disposition", "attachment")]),
    "a sandbox": Reply(headers=[HTML_TYPE, ("Content-Security-Policy", "sandbox")]),
    "a page that is skipped": Reply(headers=[HTML_TYPE, ("Pavior-Skip", "1")]),
    "a 304 that is the app's own": Reply([], [("ETag", '"1"')], status=304),
}


@pytest.mark.parametrize("reply", NO_PAGES.values(), ids=list(NO_PAGES))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_response_that_is_no_page_renews_no_login_cookie(
    fetch: Fetch, reply: Reply, method: str
) -> None:
    for headers in ({}, login_cookie_of(ADA, 100)):
        assert cookies(fetch(reply, SETTINGS, ADA, method=method, headers=headers)) == []


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object", "image", "script"])
def test_a_frame_or_subresource_neither_sets_nor_deletes_a_login_cookie(
    fetch: Fetch, destination: str
) -> None:
    headers = {"Sec-Fetch-Dest": destination}
    assert cookies(fetch(Reply(), SETTINGS, ADA, headers=headers)) == []
    assert cookies(fetch(Reply(), SETTINGS, None, headers={**headers, **HELD})) == []


def test_a_frame_with_a_chat_of_its_own_sets_the_login_cookie(fetch: Fetch) -> None:
    settings = site(
        shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY, inject_in_frames=True
    )
    seen = fetch(Reply(), settings, ADA, headers={"Sec-Fetch-Dest": "iframe"})
    assert borrowed_by(fetch, value(seen)) == with_hmac(ADA)


@pytest.mark.parametrize("destination", ["empty", None])
def test_a_fragment_sets_no_login_cookie_and_a_whole_page_does(
    fetch: Fetch, destination: str | None
) -> None:
    headers = {} if destination is None else {"Sec-Fetch-Dest": destination}
    part = fetch(Reply([b"<tr><td>", b"One more row"]), SETTINGS, ADA, headers=headers)
    assert (part.body, cookies(part)) == (b"<tr><td>One more row", [])
    assert "Cache-Control" not in part.headers
    assert value(fetch(Reply(), SETTINGS, ADA, headers=headers))


def test_a_skipped_path_neither_sets_nor_deletes_a_login_cookie(fetch: Fetch) -> None:
    settings = site(
        shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY, skip_paths=["/admin/*"]
    )
    for identity in (ADA, None):
        for method in ("GET", "POST"):
            seen = fetch(Reply(), settings, identity, method=method, path="/admin/x", headers=HELD)
            assert cookies(seen) == []
            assert seen.body == PAGE


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_any_status_and_method_sets_and_deletes_the_login_cookie(
    fetch: Fetch, status: int, method: str
) -> None:
    reply = Reply([b"<!doctype html>", b"<title>A</title>", b"<p>A"], status=status)
    assert borrowed_by(fetch, value(fetch(reply, SETTINGS, ADA, method=method))) == with_hmac(ADA)
    seen = fetch(reply, SETTINGS, method=method, headers=HELD)
    assert cookies(seen) == [DELETION]


def test_head_sets_and_deletes_the_login_cookie_as_get_does(fetch: Fetch) -> None:
    assert borrowed_by(fetch, value(fetch(Reply(), SETTINGS, ADA, method="HEAD"))) == with_hmac(ADA)
    assert cookies(fetch(Reply(), SETTINGS, method="HEAD", headers=HELD)) == [DELETION]


@pytest.mark.parametrize("site", ["none", "cross-site"])
def test_a_page_for_another_user_replaces_the_login_cookie(fetch: Fetch, site: str) -> None:
    adas = value(fetch(Reply(), SETTINGS, ADA))
    headers = {"Cookie": f"{LOGIN_COOKIE}={adas}", "Sec-Fetch-Site": site}
    seen = fetch(Reply(), SETTINGS, BOB, headers=headers)
    assert borrowed_by(fetch, value(seen)) == with_hmac(BOB)


@pytest.mark.parametrize(("age", "is_renewed"), [(0, False), (350, False), (361, True)])
def test_a_page_renews_the_login_cookie_after_a_tenth_of_its_life(
    fetch: Fetch, age: int, is_renewed: bool
) -> None:
    tokens = Tokens(SETTINGS.secret_keys, 3600, lambda: time.time() - age)
    headers = {"Cookie": f"session=1; {LOGIN_COOKIE}={tokens.cookie(ADA)}; theme=dark"}
    seen = fetch(Reply(), SETTINGS, ADA, headers=headers)
    assert bool(cookies(seen)) == is_renewed
    if is_renewed:
        assert borrowed_by(fetch, value(seen)) == with_hmac(ADA)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("identity", [BOB, None])
def test_a_login_cookie_is_found_in_cookie_fields_that_http2_has_split(
    method: str, identity: Identity | None
) -> None:
    """RFC 9113 section 8.2.3."""
    pieces = [("cookie", piece) for piece in login_cookie_of(ADA)["Cookie"].split("; ")]
    for order in (pieces, pieces[::-1]):
        seen = fetch_asgi(Reply(), SETTINGS, identity, method=method, headers=order)
        if identity is None:
            assert cookies(seen) == [DELETION]
        else:
            assert borrowed_by(fetch_asgi, value(seen)) == with_hmac(identity)


def test_a_lead_in_the_login_cookie_stays_a_lead(fetch: Fetch) -> None:
    cookie = value(fetch(Reply(), SETTINGS, LEAD))
    assert borrowed_by(fetch, cookie) == {"email": "lead@example.com"}


def test_a_refused_identity_gets_no_login_cookie_and_loses_an_earlier_one(fetch: Fetch) -> None:
    assert cookies(fetch(Reply(), SETTINGS, REFUSED)) == []
    assert cookies(fetch(Reply(), SETTINGS, REFUSED, headers=HELD)) == [DELETION]
    assert cookies(fetch(Reply(), SETTINGS, Identity("\ud800"))) == []


def random_text(length: int) -> str:
    """Return text that cannot be made shorter."""
    return random.Random(length).randbytes(length).hex()[:length]


def test_an_id_too_long_for_a_login_cookie_sets_none_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    long = Identity(random_text(8000))
    app = TestApp(wsgi.PaviorMiddleware(page, SETTINGS, identity=lambda environ: long))
    for _ in range(2):
        response = app.get("/")
        assert init_call(response.body)["id"] == long.id
        assert "Set-Cookie" not in response.headers
    assert timeless(app.get("/", headers=HELD).headers.getall("Set-Cookie")) == [DELETION]
    (record,) = caplog.records
    assert "too long for a cookie" in record.getMessage()
    assert str(long.id) not in record.getMessage()


def page(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [HTML_TYPE])
    return [PAGE]


def test_no_login_cookie_is_longer_than_browsers_keep(fetch: Fetch) -> None:
    lengths: list[int] = []
    for length in range(4800, 5400, 25):
        lengths.extend(map(len, cookies(fetch(Reply(), SETTINGS, Identity(random_text(length))))))
    assert 0 < len(lengths) < 24
    assert 4000 < max(lengths) <= 4096


# ── Who loses it ───────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", None])
def test_the_first_page_after_a_logout_deletes_the_login_cookie(
    fetch: Fetch, site: str | None
) -> None:
    headers = {**HELD, **DOCUMENT} | ({} if site is None else {"Sec-Fetch-Site": site})
    assert cookies(fetch(Reply(), SETTINGS, headers=headers)) == [DELETION]


@pytest.mark.parametrize("headers", [{}, {"Cookie": "theme=dark"}, {"Cookie": "pavior-share=x"}])
def test_a_logged_out_visitor_without_a_login_cookie_gets_no_deletion(
    fetch: Fetch, headers: dict[str, str]
) -> None:
    redirect = Reply([], [("Location", "/")], status=302)
    for reply in (Reply(), JSON, redirect):
        for method in ("GET", "POST"):
            assert cookies(fetch(reply, SETTINGS, method=method, headers=headers)) == []


REDIRECTS = [Reply([], [("Location", "/")], status) for status in (301, 302, 303, 307, 308)]


@pytest.mark.parametrize("reply", REDIRECTS, ids=lambda reply: str(reply.status))
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_redirect_for_a_logged_out_visitor_deletes_the_login_cookie(
    fetch: Fetch, reply: Reply, method: str
) -> None:
    seen = fetch(reply, SETTINGS, method=method, headers=HELD)
    assert (seen.status, seen.headers["Location"]) == (reply.status, "/")
    assert cookies(seen) == [DELETION]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("reply", [JSON, Reply([], [], status=204)])
def test_the_response_to_a_logout_by_a_script_deletes_the_login_cookie(
    fetch: Fetch, method: str, reply: Reply
) -> None:
    seen = fetch(reply, SETTINGS, method=method, headers={**HELD, "Sec-Fetch-Dest": "empty"})
    assert (seen.status, seen.body) == (reply.status, b"".join(reply.chunks))
    assert cookies(seen) == [DELETION]
    assert seen.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_safe_request_that_gets_json_deletes_no_login_cookie(fetch: Fetch, method: str) -> None:
    expected = fetch(JSON, site(), method=method)
    assert fetch(JSON, SETTINGS, method=method, headers=HELD) == expected


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_skipped_page_deletes_no_login_cookie(fetch: Fetch, method: str) -> None:
    skipped = Reply(headers=[HTML_TYPE, ("Pavior-Skip", "1")])
    seen = fetch(skipped, SETTINGS, method=method, headers=HELD)
    assert (seen.body, cookies(seen)) == (PAGE, [])


@pytest.mark.parametrize("reply", [JSON, REDIRECTS[1]], ids=["json", "redirect"])
def test_the_response_to_a_post_keeps_the_login_cookie_of_a_logged_in_user(
    fetch: Fetch, reply: Reply
) -> None:
    seen = fetch(reply, SETTINGS, ADA, method="POST", headers=login_cookie_of(ADA))
    assert seen == fetch(reply, site(), ADA, method="POST")


@pytest.mark.parametrize("reply", [JSON, REDIRECTS[1]], ids=["json", "redirect"])
@pytest.mark.parametrize(
    "cookie",
    [
        login_cookie_of(BOB),
        login_cookie_of(ADA, 3700),
        login_cookie_of(Identity("7", "ada@example.com", authenticated=False)),
        HELD,
    ],
    ids=["another user's", "too old", "a lead's", "nobody's"],
)
def test_a_login_by_post_sets_the_login_cookie_at_once(
    fetch: Fetch, reply: Reply, cookie: dict[str, str]
) -> None:
    """A page in which one logs in by a script may lead to a help center without another page."""
    seen = fetch(reply, SETTINGS, ADA, method="POST", headers=cookie)
    assert borrowed_by(fetch, value(seen)) == with_hmac(ADA)
    assert seen.headers["Cache-Control"] == "private, no-cache"
    assert cookies(fetch(reply, SETTINGS, REFUSED, method="POST", headers=cookie)) == [DELETION]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_after_a_login_sets_the_login_cookie(fetch: Fetch, method: str) -> None:
    seen = fetch(REDIRECTS[1], SETTINGS, ADA, method=method, headers=login_cookie_of(BOB))
    assert borrowed_by(fetch, value(seen)) == with_hmac(ADA)


@pytest.mark.parametrize("reply", [Reply(), JSON, REDIRECTS[1]], ids=["page", "json", "redirect"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_cross_site_request_deletes_no_login_cookie(
    fetch: Fetch, reply: Reply, method: str
) -> None:
    headers = {**HELD, "Sec-Fetch-Site": "cross-site"}
    seen = fetch(reply, SETTINGS, method=method, headers=headers)
    assert seen == fetch(reply, SETTINGS, method=method, headers={"Sec-Fetch-Site": "cross-site"})
    assert cookies(seen) == []


@pytest.mark.parametrize("reply", [JSON, REDIRECTS[1]], ids=["json", "redirect"])
def test_a_request_from_a_frame_in_another_sites_page_deletes_no_login_cookie(
    fetch: Fetch, reply: Reply
) -> None:
    """There `SameSite=Lax` cookies of the app stay away, in any request of the frame."""
    frame = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Storage-Access": "active"}
    seen = fetch(reply, SETTINGS, method="POST", headers={**HELD, **frame})
    assert cookies(seen) == []


def test_an_anonymous_fragment_deletes_the_login_cookie(fetch: Fetch) -> None:
    headers = {**HELD, "Sec-Fetch-Dest": "empty"}
    seen = fetch(Reply([b"<tr><td>", b"A"]), SETTINGS, headers=headers)
    assert (seen.body, cookies(seen)) == (b"<tr><td>A", [DELETION])
    assert seen.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("reply", [Reply(), JSON, REDIRECTS[2]], ids=["page", "json", "redirect"])
def test_without_consent_the_login_cookie_is_deleted_and_never_set(
    fetch: Fetch, reply: Reply
) -> None:
    seen = fetch(reply, SETTINGS, ADA, consent=False, method="POST")
    assert (seen.body, cookies(seen)) == (b"".join(reply.chunks), [])
    seen = fetch(reply, SETTINGS, ADA, consent=False, method="POST", headers=HELD)
    assert (seen.body, cookies(seen)) == (b"".join(reply.chunks), [DELETION])
    assert seen.headers["Cache-Control"] == "private, no-cache"


def test_an_identity_without_consent_has_no_login_cookie() -> None:
    cookie = LoginCookie(SETTINGS, Tokens(SETTINGS.secret_keys, 3600))
    visitor = Visitor(ADA, consents=False)
    assert cookie.update(visitor, "") is None
    for field in (HELD["Cookie"], login_cookie_of(ADA)["Cookie"]):
        fields = {"cookie": field}
        for deleted in (
            cookie.update(visitor, field),
            cookie.after(visitor, fields, bool, is_page=True, is_safe=True),
            cookie.after(visitor, fields, bool, is_page=False, is_safe=True),
        ):
            assert timeless([deleted or ""]) == [DELETION]


def test_with_consent_the_login_cookie_is_set(fetch: Fetch) -> None:
    assert borrowed_by(fetch, value(fetch(Reply(), SETTINGS, ADA, consent=True))) == with_hmac(ADA)


# ── Caches, and what the app says ──────────────────────────────────────────────────────────────
CSV = ("Content-Type", "text/csv")


@pytest.mark.parametrize(
    ("identity", "headers", "method", "content"),
    [
        (ADA, {}, "GET", HTML_TYPE),
        (ADA, {}, "HEAD", HTML_TYPE),
        (None, HELD, "GET", HTML_TYPE),
        (None, HELD, "HEAD", HTML_TYPE),
        (None, HELD, "POST", HTML_TYPE),
        (None, HELD, "POST", CSV),
    ],
)
def test_no_cache_stores_a_response_that_sets_or_deletes_the_login_cookie(
    fetch: Fetch,
    identity: Identity | None,
    headers: dict[str, str],
    method: str,
    content: tuple[str, str],
) -> None:
    reply = Reply(headers=[content, *CACHEABLE])
    seen = fetch(reply, SETTINGS, identity, method=method, headers=headers)
    assert len(cookies(seen)) == 1
    assert set(seen.headers["Cache-Control"].split(", ")) == {"private", "no-cache", "max-age=60"}
    for name in ("CDN-Cache-Control", "Surrogate-Control", "Expires", "Last-Modified"):
        assert name not in seen.headers


@pytest.mark.parametrize("status", [302, 308])
def test_no_cache_stores_a_redirect_that_deletes_the_login_cookie(
    fetch: Fetch, status: int
) -> None:
    reply = Reply([], [("Location", "/"), *CACHEABLE], status=status)
    seen = fetch(reply, SETTINGS, headers=HELD)
    assert set(seen.headers["Cache-Control"].split(", ")) == {"private", "no-cache", "max-age=60"}
    assert "CDN-Cache-Control" not in seen.headers


@pytest.mark.parametrize("headers", [{}, {"Cookie": "theme=dark"}, DOCUMENT])
def test_an_anonymous_page_of_a_lender_stays_as_cacheable_as_the_app_made_it(
    fetch: Fetch, headers: dict[str, str]
) -> None:
    reply = Reply(headers=[HTML_TYPE, *CACHEABLE, ("ETag", '"1"')])
    seen = fetch(reply, SETTINGS, headers=headers)
    lower = [(name.lower(), value) for name, value in seen.headers]
    for name, expected in CACHEABLE:
        assert (name.lower(), expected) in lower
    assert sorted(name for name, _ in lower) == sorted(
        [
            *(name.lower() for name, _ in CACHEABLE),
            *("content-type", "etag", "vary"),
        ]
    )


@pytest.mark.parametrize(
    ("identity", "headers"),
    [(ADA, {}), (BOB, login_cookie_of(ADA)), (None, HELD)],
    ids=["set", "again", "deleted"],
)
@pytest.mark.parametrize("reply", [Reply(), JSON], ids=["page", "json"])
def test_the_apps_own_cookies_stay_unchanged(
    fetch: Fetch, identity: Identity | None, headers: dict[str, str], reply: Reply
) -> None:
    own = [
        'session="a b"; Path=/;HttpOnly ; expires=Tue, 24-Nov-2026 06:00:00 GMT',
        f"{LOGIN_COOKIE}-not=1",
        "caf\xe9=\xfc; Partitioned",
        "a=b",
        "a=b",
        "",
    ]
    fields = [*reply.headers, *(("Set-Cookie", each) for each in own)]
    seen = fetch(Reply(reply.chunks, fields), SETTINGS, identity, method="POST", headers=headers)
    sent = cookies(seen)
    assert sent[: len(own)] == own
    ours = sent[len(own) :]
    assert len(ours) == (0 if reply is JSON and not headers else 1)
    assert all(each.startswith(f"{LOGIN_COOKIE}=") for each in ours)


def validated(fields: dict[str, str]) -> Reply:
    """An app that answers 304 if the client holds its page."""
    if fields.get("if-none-match") == '"1"':
        return Reply([], [("ETag", '"1"'), ("Cache-Control", "public")], status=304)
    return Reply(headers=[HTML_TYPE, ("ETag", '"1"'), ("Cache-Control", "public")])


VALIDATED: App = validated


@pytest.mark.parametrize(("identity", "headers"), [(ADA, {}), (ADA, HELD), (None, HELD)])
def test_a_304_sets_or_deletes_the_login_cookie(
    fetch: Fetch, identity: Identity | None, headers: dict[str, str]
) -> None:
    first = fetch(VALIDATED, SETTINGS, identity, headers={**DOCUMENT, **headers})
    again = {**DOCUMENT, **headers, "If-None-Match": first.headers["ETag"]}
    seen = fetch(VALIDATED, SETTINGS, identity, headers=again)
    assert seen.status == 304
    assert seen.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-cache"
    if identity is None:
        assert cookies(seen) == [DELETION]
    else:
        assert borrowed_by(fetch, value(seen)) == with_hmac(identity)


def test_an_anonymous_304_of_a_lender_stays_unchanged(fetch: Fetch) -> None:
    first = fetch(VALIDATED, SETTINGS, headers=DOCUMENT)
    seen = fetch(VALIDATED, SETTINGS, headers={**DOCUMENT, "If-None-Match": first.headers["ETag"]})
    assert (seen.status, seen.headers["Cache-Control"], cookies(seen)) == (304, "public", [])


def test_a_revalidation_after_a_logout_gets_a_fresh_page_that_deletes_the_login_cookie(
    fetch: Fetch,
) -> None:
    first = fetch(VALIDATED, SETTINGS, ADA, headers=DOCUMENT)
    headers = {**DOCUMENT, **HELD, "If-None-Match": first.headers["ETag"]}
    seen = fetch(VALIDATED, SETTINGS, None, headers=headers)
    assert (seen.status, cookies(seen)) == (200, [DELETION])
    assert "id" not in init_call(seen.body)


# ── What the site asks itself ──────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("cacheable_pages", [True, False])
def test_a_share_auth_request_of_the_sites_own_page_updates_the_login_cookie(
    fetch: Fetch, cacheable_pages: bool
) -> None:
    settings = site(
        shared_auth_domains=["help.example.com"],
        secret_key=SECRET_KEY,
        cacheable_pages=cacheable_pages,
    )
    ask = partial(fetch, JSON, settings, path=SHARE_AUTH)
    for site_field in ({}, {"Sec-Fetch-Site": "same-origin"}):
        assert borrowed_by(fetch, value(ask(ADA, headers=site_field))) == with_hmac(ADA)
        seen = ask(BOB, headers={**site_field, **HELD})
        assert borrowed_by(fetch, value(seen)) == with_hmac(BOB)
        assert cookies(ask(None, headers=site_field)) == []
        assert cookies(ask(None, headers={**site_field, **HELD})) == [DELETION]
        assert cookies(ask(REFUSED, headers={**site_field, **HELD})) == [DELETION]


@pytest.mark.parametrize("access", ["none", "inactive", "active"])
def test_a_share_auth_request_from_a_frame_in_another_sites_page_deletes_no_login_cookie(
    fetch: Fetch, access: str
) -> None:
    headers = {**HELD, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Storage-Access": access}
    assert cookies(fetch(JSON, SETTINGS, path=SHARE_AUTH, headers=headers)) == []


def test_a_share_auth_request_without_consent_deletes_the_login_cookie(fetch: Fetch) -> None:
    ask = partial(fetch, JSON, SETTINGS, ADA, consent=False, path=SHARE_AUTH)
    assert cookies(ask(headers={})) == []
    assert cookies(ask(headers=HELD)) == [DELETION]


def test_a_share_auth_request_of_another_site_leaves_the_login_cookie_alone(fetch: Fetch) -> None:
    for identity in (ADA, None):
        headers = {**HELD, "Origin": HELP}
        assert cookies(fetch(JSON, SETTINGS, identity, path=SHARE_AUTH, headers=headers)) == []


def test_share_auth_names_the_user_on_a_site_without_a_login_cookie(fetch: Fetch) -> None:
    seen = fetch(JSON, site(), ADA, path=SHARE_AUTH, headers=HELD)
    assert (json.loads(seen.body)["id"], cookies(seen)) == ("7", [])


# ── What share-auth makes of it ────────────────────────────────────────────────────────────────
def test_a_borrowed_login_is_as_old_as_the_login_cookie(fetch: Fetch) -> None:
    cookie = Tokens([SECRET_KEY], 3600, lambda: time.time() - 1000).cookie(ADA)
    headers = {"Origin": HELP, "Cookie": f"{LOGIN_COOKIE}={cookie}"}
    seen = fetch(JSON, SETTINGS, path=SHARE_AUTH, headers=headers)
    assert json.loads(seen.body) == with_hmac(ADA)
    assert 2590 <= int(seen.headers["Pavior-Expires-In"]) <= 2600


def test_a_login_cookie_that_is_too_old_names_nobody(fetch: Fetch) -> None:
    cookie = Tokens([SECRET_KEY], 3600, lambda: time.time() - 3700).cookie(ADA)
    assert borrowed_by(fetch, cookie) == {}


def test_two_login_cookies_name_nobody(fetch: Fetch) -> None:
    adas, bobs = (value(fetch(Reply(), SETTINGS, each)) for each in (ADA, BOB))
    assert borrowed_by(fetch, adas) == with_hmac(ADA)
    assert borrowed_by(fetch, f"{adas}; {LOGIN_COOKIE}={bobs}") == {}
    assert borrowed_by(fetch, f"{adas}; {LOGIN_COOKIE}={adas}") == {}


def test_other_cookies_beside_the_login_cookie_do_not_matter(fetch: Fetch) -> None:
    adas = value(fetch(Reply(), SETTINGS, ADA))
    assert borrowed_by(fetch, f"{adas}; a=b; c; {LOGIN_COOKIE}2=x") == with_hmac(ADA)


def test_cookies_of_any_bytes_fail_no_request(fetch: Fetch) -> None:
    adas = value(fetch(Reply(), SETTINGS, ADA))
    assert borrowed_by(fetch, f"{adas}; a=\xe9\xff") == with_hmac(ADA)


@pytest.mark.parametrize("cookie", ["", "x", "a.b", '"', "whatever"])
def test_a_forged_login_cookie_names_nobody(fetch: Fetch, cookie: str) -> None:
    assert borrowed_by(fetch, cookie) == {}


def test_a_value_that_no_browser_keeps_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(SETTINGS.secret_keys, 3600)
    monkeypatch.setattr(tokens, "read_cookie", pytest.fail)
    assert LoginCookie(SETTINGS, tokens).read([f"{LOGIN_COOKIE}={'x' * 4097}"]) is None


# ── Pages in frames, foreign requests, signatures ──────────────────────────────────────────────


@pytest.mark.parametrize("reply", [Reply(), JSON], ids=["page", "json"])
def test_a_form_in_a_frame_that_logs_out_takes_the_login_cookie_away(
    fetch: Fetch, reply: Reply
) -> None:
    headers = {**login_cookie_of(ADA), "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}
    seen = fetch(reply, SETTINGS, None, method="POST", headers=headers)
    assert seen.body == b"".join(reply.chunks)
    assert cookies(seen) == [DELETION]


@pytest.mark.parametrize("identity", [BOB, None], ids=["another user", "nobody"])
@pytest.mark.parametrize("page", [b"<!doctype html><p>A", b"<p>A"], ids=["document", "part"])
def test_a_foreign_request_without_fetch_metadata_leaves_the_login_cookie_unchanged(
    fetch: Fetch, identity: Identity | None, page: bytes
) -> None:
    headers = {**login_cookie_of(ADA), "Origin": "https://evil.example"}
    seen = fetch(Reply([page]), SETTINGS, identity, headers=headers)
    assert cookies(seen) == []


@pytest.mark.parametrize("identity", [BOB, None], ids=["another user", "nobody"])
def test_a_foreign_form_leaves_the_login_cookie_unchanged_on_a_site_of_cacheable_pages(
    fetch: Fetch, identity: Identity | None
) -> None:
    headers = {**login_cookie_of(ADA), "Origin": "https://evil.example"}
    cacheable = replace(SETTINGS, cacheable_pages=True)
    seen = fetch(JSON, cacheable, identity, method="POST", headers=headers)
    assert cookies(seen) == []


def test_a_signature_of_fields_that_change_with_the_login_cookie_is_removed(fetch: Fetch) -> None:
    signed = ("Signature-Input", 's=("cache-control");created=1'), ("Signature", "s=:AAAA:")
    redirect = Reply([b""], [("Location", "/"), *signed], 303)
    headers = login_cookie_of(ADA)
    seen = fetch(redirect, SETTINGS, BOB, method="POST", headers=headers)
    assert cookies(seen) != []
    assert "Signature" not in seen.headers
    assert "Signature-Input" not in seen.headers
    unchanged = fetch(redirect, SETTINGS, ADA, method="POST", headers=headers)
    assert cookies(unchanged) == []
    assert unchanged.headers["Signature"] == "s=:AAAA:"


def test_a_signature_of_cookies_is_removed_from_a_page_that_gains_one(fetch: Fetch) -> None:
    signed = ("Signature-Input", 's=("set-cookie");created=1'), ("Signature", "s=:AAAA:")
    seen = fetch(Reply(headers=[HTML_TYPE, *signed]), SETTINGS, ADA)
    assert cookies(seen) != []
    assert "Signature" not in seen.headers
