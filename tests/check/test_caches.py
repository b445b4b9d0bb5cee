"""The doctor finds a cache that serves one visitor's page to another, or would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Response

from tests.support.doctor import Site, checked, with_fields


def keeping(
    key: Callable[[Any], str | None], says: str = "X-Cache", hit: str = "HIT", miss: str = "MISS"
) -> Any:
    """Return a cache that keeps responses by a key and ignores their header fields."""

    def wrap(app: Any) -> Any:
        kept: dict[str, tuple[str, list[tuple[str, str]], bytes]] = {}

        def wrapped(environ: Any, start_response: Any) -> Any:
            name = key(environ)
            is_hit = name in kept
            if is_hit and name is not None:
                response = kept[name]
            else:
                made = Response.from_app(app, environ)
                response = (made.status, list(made.headers), made.get_data())
                if name is not None:
                    kept[name] = response
            status, headers, body = response
            fields = [(says, hit if is_hit else miss)] if says else []
            start_response(status, [*headers, *fields])
            return [body]

        return wrapped

    return wrap


def whole_url(environ: Any) -> str:
    return f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"


def pages_alone(environ: Any) -> str | None:
    return None if "/.well-known/" in environ["PATH_INFO"] else whole_url(environ)


def path_alone(environ: Any) -> str | None:
    return None if "/.well-known/" in environ["PATH_INFO"] else environ["PATH_INFO"]


def by_cookie(environ: Any) -> str | None:
    page = pages_alone(environ)
    cookie = environ.get("HTTP_COOKIE", "")
    return None if page is None or "of-ada" in cookie else f"{page} {cookie}"


def test_a_cache_that_keeps_named_pages_is_found() -> None:
    found = checked(Site(outside=keeping(pages_alone)))
    assert "cache-serves-others" in found.problems
    assert found.status == 1


def test_a_cache_without_cache_fields_is_found_with_the_cookie_of_a_login() -> None:
    found = checked(Site(outside=keeping(pages_alone, says="")))
    assert {"cache-serves-others", "cache-serves-nobody"} <= set(found.problems)


def test_a_cache_that_keeps_the_answer_of_share_auth_is_found() -> None:
    found = checked(Site(outside=keeping(whole_url)))
    what = [each["what"] for each in found.report["findings"]]
    assert any("share-auth of somebody" in text for text in what)


@pytest.mark.parametrize(
    ("field", "hit", "miss"),
    [
        ("X-Cache", "HIT", "MISS"),
        ("X-Cache", "Hit from cloudfront", "Miss from cloudfront"),
        ("X-Cache", "MISS, HIT", "MISS, MISS"),
        ("CF-Cache-Status", "HIT", "DYNAMIC"),
        ("Age", "17", "0"),
        ("Cache-Status", "ExampleCache; hit", "ExampleCache; fwd=miss"),
        ("X-Varnish", "32770 3", "32770"),
    ],
)
def test_a_cache_that_ignores_cookies_gets_advice_without_a_login(
    field: str, hit: str, miss: str
) -> None:
    site = Site(outside=keeping(pages_alone, says=field, hit=hit, miss=miss))
    found = checked(site, cookie="")
    assert found.codes == ["cache-serves-nobody"]
    assert found.status == 0


def test_a_cache_that_ignores_queries_is_found() -> None:
    found = checked(Site(outside=keeping(path_alone)))
    assert "cache-serves-nobody" in found.problems


def test_a_cache_that_distinguishes_cookies_gives_no_finding() -> None:
    assert checked(Site(outside=keeping(by_cookie))).codes == []


def test_a_cache_of_cacheable_pages_gives_no_finding() -> None:
    site = Site(outside=keeping(pages_alone), settings={"cacheable_pages": True})
    assert checked(site).codes == []


def test_a_vary_that_was_removed_is_found() -> None:
    site = Site(
        fields={"Cache-Control": "public, max-age=60"},
        outside=with_fields(Vary="Accept-Encoding"),
    )
    assert checked(site).problems == ["vary-lost"]


def test_a_cache_control_that_was_replaced_is_found() -> None:
    site = Site(outside=with_fields(Cache_Control="public, max-age=600"))
    found = checked(site)
    assert "named-page-storable" in found.problems
    assert "share-auth-cached" in found.problems
    assert "public, max-age=600" in found.finding("named-page-storable")["what"]


def test_a_field_for_a_cdn_that_was_added_is_found() -> None:
    site = Site(outside=with_fields(CDN_Cache_Control="max-age=600"))
    assert checked(site).problems == ["named-page-storable"]
