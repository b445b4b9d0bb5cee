"""The cheap looks at a response agree with its plan: a no is never wrong, a yes may be in vain."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Settings
from pavior_middleware._adapters.site import Site
from pavior_middleware._http.headers import WSGI_FORM
from pavior_middleware._page.plan import Pass
from pavior_middleware._page.request import PageRequest
from tests.support.covering import first_of
from tests.support.sites import API_KEY, SECRET_KEY, SETTINGS, TEAM

LENDING: dict[str, Any] = {
    "shared_auth_domains": ["help.example.com"],
    "secret_key": SECRET_KEY,
}
SITES = {
    "plain": SETTINGS,
    "lending": Settings(TEAM, API_KEY, **LENDING),
    "lending cacheable": Settings(TEAM, API_KEY, cacheable_pages=True, **LENDING),
    "with pages in frames": Settings(TEAM, API_KEY, inject_in_frames=True),
    "that skips": Settings(TEAM, API_KEY, skip_paths=["/"], **LENDING),
}
MADE: dict[str, Site[str]] = {
    name: Site(settings, WSGI_FORM, identity=None, default_identity=lambda _: None, consent=None)
    for name, settings in SITES.items()
}

fields = st.fixed_dictionaries(
    {},
    optional={
        "cookie": st.sampled_from(["sid=1", "__Host-pavior-share=1"]),
        "if-none-match": st.sampled_from(['"v1"', '"pavior.0123456789abcdefghijkl.s.v1"', "*"]),
        "range": st.just("bytes=0-9"),
        "sec-fetch-dest": st.sampled_from(["document", "iframe", "empty", "image"]),
        "sec-fetch-site": st.sampled_from(["same-origin", "cross-site"]),
    },
)
statuses = st.sampled_from([200, 204, 206, 302, 303, 304, 404, 500])
types = st.sampled_from(["text/html", "text/html; charset=utf-8", "TEXT/HTML", "application/json"])
heads = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": types,
        "Content-Disposition": st.sampled_from(["inline", "attachment"]),
        "Content-Encoding": st.sampled_from(["gzip", "unheard-of"]),
        "Content-Range": st.just("bytes 0-9/20"),
        "Content-Security-Policy": st.sampled_from(["default-src 'self'", "sandbox"]),
        "Pavior-Skip": st.just("1"),
    },
)


@pytest.mark.parametrize("name", first_of(SITES))
@hypothesis.settings(max_examples=300)
@given(method=st.sampled_from(["GET", "HEAD", "POST"]), fields=fields, status=statuses, head=heads)
def test_what_a_cheap_look_lets_pass_has_a_plan_that_changes_nothing(
    name: str, method: str, fields: dict[str, str], status: int, head: dict[str, str]
) -> None:
    site = MADE[name]
    request = PageRequest(site.pages.rules, method, "https", "/", "", fields, is_conditional=True)
    headers = list(head.items())
    read, _, _ = site.pages.reader.read(status, site.pages.reader.layout(headers), headers)
    decided, _ = site.pages.plan(request.kind, read)
    if site.pages.begin(request, status, headers) is None:
        assert isinstance(decided, Pass)
    if not site.pages.may_need_visitor(request, status, headers):
        assert not decided.needs_visitor
