"""Attacks on a lender by requests that another site's page begins.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import pytest

from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH
from tests.support.adapters import PAGE
from tests.support.lender import (
    ACTIVE,
    ADAS_COOKIES,
    CROSS,
    DOCS,
    EVIL,
    METHODS,
    PATHS,
    SAME_ORIGIN,
    SAME_SITE,
    Lender,
    expect_refused_alike,
    origin,
)
from tests.support.origin_tricks import ACCEPTED
from tests.support.sites import ADA, HELP, LOGIN_COOKIE

EMBEDDED = [
    ("no-cors", "image"),
    ("no-cors", "script"),
    ("no-cors", "style"),
    ("no-cors", "empty"),
    ("no-cors", "video"),
    ("navigate", "iframe"),
    ("navigate", "object"),
    ("navigate", "embed"),
    ("navigate", "document"),
    ("same-origin", "empty"),
    ("cors", "script"),
]


@pytest.mark.parametrize("site_field", ["cross-site", "same-site", "none", "", "same-origin, none"])
@pytest.mark.parametrize(("mode", "destination"), EMBEDDED)
def test_a_request_of_another_site_without_cors_is_refused_alike_for_every_user(
    lender: Lender, site_field: str, mode: str, destination: str
) -> None:
    """Has: a page with an image, a script, a frame, a window, a prefetch of the lender's paths.

    Tries: to see from what loads, and how fast, who is logged in.
    Gets: one refusal for all, made without asking.
    """
    metadata = (
        ("Sec-Fetch-Site", site_field),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", destination),
    )
    expect_refused_alike(lender, "GET", SHARE_AUTH, *metadata)
    expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?origin={HELP}", *metadata)
    if (mode, destination) != ("navigate", "document"):
        expect_refused_alike(lender, "GET", f"{HANDOFF}?to={HELP}/", *metadata)
    if destination != "iframe":
        expect_refused_alike(lender, "GET", f"{FRAME}?origin={HELP}", *metadata)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_no_request_of_another_site_sets_a_cookie(lender: Lender, method: str, path: str) -> None:
    """Has: a page that posts forms and loads what it likes, with all cookies along, and none.

    Tries: to have the login cookie set, redeemed or deleted, at each path.
    Gets: nothing set, by any method, with any `Origin` and any `Sec-Fetch-*`.
    """
    query = {HANDOFF: f"?to={HELP}/", FRAME: f"?origin={HELP}"}.get(path, "")
    lender.page = (200, (("Content-Type", "text/plain"), ("Set-Cookie", "session=")), b"app")
    for by in ((), (origin(HELP),), (origin(EVIL),), (origin("null"),)):
        for more in (CROSS, SAME_SITE, ("Sec-Fetch-Site", "none")):
            for user in (ADA, None):
                got = lender.ask(method, path + query, *by, more, ADAS_COOKIES, user=user)
                assert got.field("set-cookie") is None, (by, more)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("status", [200, 302, 303, 307, 401, 404])
def test_no_page_that_another_site_requests_deletes_the_login_cookie(
    lender: Lender, method: str, status: int
) -> None:
    """Has: a page that links to, posts to or frames the shop, so that its session stays at home.

    Tries: that the shop takes Ada for logged out. Gets: no deletion, which her own request gets.
    """
    lender.page = (status, (("Content-Type", "text/html"), ("Location", "/")), PAGE)
    for more in ((CROSS,), (SAME_ORIGIN, ACTIVE), (CROSS, ACTIVE)):
        assert lender.ask(method, "/", *more, ADAS_COOKIES).field("set-cookie") is None
    own = lender.ask(method, "/", SAME_ORIGIN, ADAS_COOKIES).field("set-cookie")
    assert own is not None
    assert own.startswith(f"{LOGIN_COOKIE}=; ")
    assert "Max-Age=0" in own


def test_every_response_stays_out_of_other_pages_and_caches(lender: Lender) -> None:
    """Has: a page that embeds, and a cache on the way. Tries: each path, as anybody.

    Gets: fields that keep every personal answer where it belongs.
    """
    for target in (SHARE_AUTH, f"{SHARE_AUTH}?origin={HELP}", f"{HANDOFF}?to={HELP}/", HANDOFF):
        for by in ((), (origin(HELP),), (origin(EVIL),)):
            for method in METHODS:
                got = lender.ask(method, target, *by, user=ADA)
                assert got.field("cache-control") == "no-store"
                assert got.field("cross-origin-resource-policy") == "same-origin"
                assert got.field("x-content-type-options") == "nosniff"
                assert got.field("content-security-policy") == (
                    "default-src 'none'; frame-ancestors 'none'"
                )
                varies = (got.field("vary") or "").split(", ")
                assert {"Origin", "Sec-Fetch-Site", "Sec-Fetch-Storage-Access"} <= set(varies)
                assert got.field("referrer-policy") == "no-referrer"


def test_the_frame_may_be_in_pages_of_its_one_origin(lender: Lender) -> None:
    """Has: another whitelisted site, or any other, that frames the frame of a borrower.

    Tries: to have it clicked there. Gets: a policy that names the one origin, and one policy.
    """
    for allowed in (*ACCEPTED, DOCS):
        got = lender.ask("GET", f"{FRAME}?origin={allowed}", ADAS_COOKIES, user=ADA)
        policy = got.field("content-security-policy") or ""
        assert policy.endswith(f"; frame-ancestors {allowed}")
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe" not in policy
        assert got.body.count(allowed.encode()) == 1
        assert lender.asked == 0
        assert got == lender.ask("GET", f"{FRAME}?origin={allowed}")
