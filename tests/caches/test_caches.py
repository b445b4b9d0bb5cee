"""nginx and Varnish before real servers: in any order of visitors, nobody gets a page of another.

The Varnish here stores by URL and `Vary` alone: it does not pass requests by for having cookies,
as it does of itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, permutations, product
from pathlib import Path

import pytest
from httpx2 import Client, Response

from demo import servers
from demo.ports import LOOPBACK, free_ports
from pavior_middleware import sign
from tests.support import daemons, nginx, varnish
from tests.support.cache_sites import BODY, FILE_VARIABLE, PAGES, SESSION_FIELD, USERS
from tests.support.pages import init_call
from tests.support.processes import wait_for_responses
from tests.support.sites import API_KEY

pytestmark = pytest.mark.cache

NOBODY = "nobody"
VISITORS = (*USERS, NOBODY)
ORDERS = list(permutations(VISITORS))
LASTING_PAGES = [name for name in PAGES if name != "brief"]
PAGES_WITH_ETAG = [name for name in LASTING_PAGES if PAGES[name].has_etag]
SITES = ("flask", "starlette")
LONGEST_WAIT_SECONDS = 10

NGINX = """
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  proxy_cache_key $host$request_uri;
  proxy_cache_revalidate on;
  proxy_http_version 1.1;
  gzip_min_length 1;
  add_header X-Cache $upstream_cache_status always;

  upstream flask {{ server {host}:{flask}; }}
  upstream starlette {{ server {host}:{starlette}; }}
  server {{
    listen {host}:{port};
    server_name ~^(?<site>.*)\\.nginx$;
    location / {{ proxy_cache pages; proxy_pass http://$site; }}
  }}
  server {{
    listen {host}:{port};
    server_name ~^(?<site>.*)\\.nginx-gzip$;
    gzip on;
    location / {{ proxy_cache pages; proxy_pass http://$site; }}
  }}
  server {{
    listen {host}:{port};
    server_name ~^(?<site>.*)\\.nginx-gzip-only$;
    gzip on;
    location / {{ proxy_pass http://$site; }}
  }}
"""

VARNISH = """
vcl 4.1;
backend flask {{ .host = "{host}"; .port = "{flask}"; }}
backend starlette {{ .host = "{host}"; .port = "{starlette}"; }}
sub vcl_recv {{
  if (req.http.Host ~ "^starlette") {{ set req.backend_hint = starlette; }}
  if (req.method == "GET" || req.method == "HEAD") {{ return (hash); }}
}}
sub vcl_backend_response {{
  set beresp.grace = 0s;
  set beresp.keep = 60s;
  set beresp.http.X-Cache = "MISS";
  if (beresp.was_304) {{ set beresp.http.X-Cache = "REVALIDATED"; }}
}}
sub vcl_deliver {{
  if (obj.hits > 0) {{ set resp.http.X-Cache = "HIT"; }}
}}
"""


@dataclass(frozen=True)
class Cache:
    """What is before a site, and what it makes of requests with conditions."""

    program: str
    stores: bool = True
    confirms_what_it_does_not_store: bool = True
    """Whether a client gets a 304 for a page that it holds and the cache does not store."""


CACHES = {
    "nginx": Cache("nginx", confirms_what_it_does_not_store=False),
    "nginx-gzip": Cache("nginx", confirms_what_it_does_not_store=False),
    "nginx-gzip-only": Cache("nginx", stores=False),
    "varnish": Cache("varnishd"),
}
STORING = {name: cache for name, cache in CACHES.items() if cache.stores}


class Route:
    """The way to one site through one cache."""

    _numbers = count(1)

    def __init__(self, clients: Mapping[str, Client], site: str, cache: str) -> None:
        self.cache = CACHES[cache]
        self.host = f"{site}.{cache}"
        self._client = clients[self.cache.program]

    def new_url(self, page: str) -> str:
        """Return a URL of the page that no cache has seen."""
        return f"/{page}?{next(self._numbers)}"

    def visit(self, visitor: str, url: str, method: str = "GET", **fields: str) -> Response:
        """Request a page as a visitor; see that it is this visitor's, or that it is absent."""
        cookie = {} if visitor == NOBODY else {"Cookie": f"user={visitor}"}
        response = self.request(url, method, {**cookie, **_named(fields)})
        assert response.status_code in (200, 304)
        assert_names_no_other(response, visitor)
        if response.status_code == 200 and method == "GET":
            assert_is_page_of(response, visitor)
        return response

    def request(self, url: str, method: str, fields: Mapping[str, str]) -> Response:
        return self._client.request(method, url, headers={"Host": self.host, **fields})


def _named(fields: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in fields.items()}


def secrets(visitor: str) -> dict[str, str]:
    """Return the init options that are in the pages of this visitor alone."""
    if visitor == NOBODY:
        return {}
    user = USERS[visitor]
    assert user.id is not None
    assert user.email is not None
    return {"id": user.id, "email": user.email, "hmac": sign(API_KEY, user.id)}


def assert_is_page_of(response: Response, visitor: str) -> None:
    assert BODY.partition(b"</title>")[2] in response.content
    options = init_call(response.content)
    assert {name: options.get(name) for name in ("id", "email", "hmac")} == {
        "id": None,
        "email": None,
        "hmac": None,
        **secrets(visitor),
    }


def assert_names_no_other(response: Response, visitor: str) -> None:
    all_of_it = f"{response.headers.multi_items()} {response.text}"
    for other in set(VISITORS) - {visitor}:
        for text in secrets(other).values():
            assert text not in all_of_it


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Run both sites and the caches before them; give the port of each."""
    folder = tmp_path_factory.mktemp("caches")
    (folder / "page.html").write_bytes(BODY)
    names = (*SITES, "nginx", "varnishd")
    found = dict(zip(names, free_ports([0] * len(names)), strict=True))
    environ = {FILE_VARIABLE: str(folder / "page.html")}
    running: list[servers.Server] = []
    try:
        for name, command in _commands(folder, found).items():
            log = folder / f"{name}.log"
            running.append(daemons.start(command, found[name], log, environ))
        wait_for_responses(each for each in running if each.name in SITES)
        for server in running:
            server.wait_until_it_answers()
        yield found
    finally:
        servers.stop(running)


def _commands(folder: Path, found: Mapping[str, int]) -> dict[str, list[str]]:
    places = {"host": LOOPBACK, "folder": folder, "port": found["nginx"]}
    places |= {site: found[site] for site in SITES}
    python = [sys.executable, "-m"]
    gunicorn = [*python, "gunicorn", "tests.support.cache_sites:flask_site()", "--threads", "4"]
    uvicorn = [*python, "uvicorn", "--factory", "tests.support.cache_sites:starlette_site"]
    return {
        "flask": [*gunicorn, "--bind", f"{LOOPBACK}:{found['flask']}"],
        "starlette": [*uvicorn, "--host", LOOPBACK, "--port", str(found["starlette"])],
        "nginx": nginx.command(NGINX.format(**places), folder),
        "varnishd": varnish.command(VARNISH.format(**places), folder, found["varnishd"]),
    }


@pytest.fixture(scope="module")
def clients(ports: dict[str, int]) -> Iterator[dict[str, Client]]:
    with (
        Client(base_url=f"http://{LOOPBACK}:{ports['nginx']}", trust_env=False) as nginx,
        Client(base_url=f"http://{LOOPBACK}:{ports['varnishd']}", trust_env=False) as varnishd,
    ):
        yield {"nginx": nginx, "varnishd": varnishd}


@pytest.fixture(params=product(SITES, CACHES), ids="-".join)
def route(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Route:
    return Route(clients, *request.param)


@pytest.fixture(params=product(SITES, STORING), ids="-".join)
def storing_route(request: pytest.FixtureRequest, clients: dict[str, Client]) -> Route:
    return Route(clients, *request.param)


@pytest.mark.parametrize("page", LASTING_PAGES)
def test_each_visitor_gets_their_own_page_in_any_order_of_visitors(route: Route, page: str) -> None:
    for order in ORDERS:
        url = route.new_url(page)
        for visitor in (*order, *reversed(order)):
            assert route.visit(visitor, url).status_code == 200


@pytest.mark.parametrize("page", LASTING_PAGES)
def test_a_page_that_names_a_user_is_made_anew_for_each_visit(route: Route, page: str) -> None:
    url = route.new_url(page)
    route.visit(NOBODY, url)
    responses = [route.visit(visitor, url) for visitor in ("ada", "ada", "bob", "ada")]
    assert len({response.headers["X-Render"] for response in responses}) == len(responses)
    for response in responses:
        assert response.headers.get("X-Cache", "MISS") == "MISS"
        assert "private" in response.headers["Cache-Control"]
        assert "Last-Modified" not in response.headers  # the same for all users


@pytest.mark.parametrize("page", [name for name in LASTING_PAGES if PAGES[name].is_stored])
def test_a_page_that_names_nobody_comes_from_the_cache(storing_route: Route, page: str) -> None:
    url = storing_route.new_url(page)
    first = storing_route.visit(NOBODY, url)
    storing_route.visit("ada", url)
    second = storing_route.visit(NOBODY, url)
    assert second.headers["X-Cache"] == "HIT"
    assert second.headers["X-Render"] == first.headers["X-Render"]
    assert second.content == first.content


@pytest.mark.parametrize("page", PAGES_WITH_ETAG)
def test_a_304_confirms_a_copy_to_its_own_visitor_alone(route: Route, page: str) -> None:
    url = route.new_url(page)
    etags = {visitor: route.visit(visitor, url).headers["ETag"] for visitor in VISITORS}
    for caller, holder in product(VISITORS, repeat=2):
        for url_asked in (url, route.new_url(page)):  # one the cache knows, and one it does not
            response = route.visit(caller, url_asked, If_None_Match=etags[holder])
            if caller != holder:
                assert response.status_code == 200
            elif url_asked == url:
                assert response.status_code == (304 if _is_confirmed(route, page, caller) else 200)
            assert _opaque(response.headers["ETag"]) == _opaque(etags[caller])


def _opaque(etag: str) -> str:
    """Return what a weak comparison compares (RFC 9110 section 8.8.3.2)."""
    return etag.removeprefix("W/")


def _is_confirmed(route: Route, page: str, visitor: str) -> bool:
    """Whether the visitor's own copy should be confirmed with a 304, not sent again."""
    is_stored = route.cache.stores and PAGES[page].is_stored and visitor == NOBODY
    return is_stored or route.cache.confirms_what_it_does_not_store


@pytest.mark.parametrize("page", PAGES_WITH_ETAG)
def test_the_entity_tags_of_all_other_visitors_get_no_304(route: Route, page: str) -> None:
    url = route.new_url(page)
    etags = {visitor: route.visit(visitor, url).headers["ETag"] for visitor in VISITORS}
    for caller in VISITORS:
        others = ", ".join(etag for visitor, etag in etags.items() if visitor != caller)
        assert route.visit(caller, url, If_None_Match=others).status_code == 200


@pytest.mark.parametrize("page", LASTING_PAGES)
def test_a_date_gets_no_304_for_another_visitors_copy(route: Route, page: str) -> None:
    url = route.new_url(page)
    dates = {
        visitor: route.visit(visitor, url).headers.get("Last-Modified") for visitor in VISITORS
    }
    for caller, holder in product(VISITORS, repeat=2):
        date = dates[holder]
        if caller != holder and date is not None:
            assert route.visit(caller, url, If_Modified_Since=date).status_code == 200


@pytest.mark.parametrize("page", LASTING_PAGES)
def test_head_gets_the_fields_of_get_through_a_cache(route: Route, page: str) -> None:
    for visitor in VISITORS:
        url = route.new_url(page)
        before = route.visit(visitor, url, "HEAD")
        got = route.visit(visitor, url)
        after = route.visit(visitor, url, "HEAD")
        for head in (before, after):
            assert head.content == b""
            assert _described(head) == _described(got)
            assert head.headers.get("Content-Length") in (None, str(got.num_bytes_downloaded))


def _described(response: Response) -> dict[str, str]:
    """Return what a response says of the page, as far as HEAD is to know it.

    The length it need not know (RFC 9110 section 9.3.2), nor then that every byte is determined.
    """
    of_the_message = {
        *("accept-ranges", "age", "connection", "content-length", "date", "expires"),
        *("transfer-encoding", "x-cache", "x-render", "x-varnish"),
    }
    described = {
        name: value for name, value in response.headers.items() if name not in of_the_message
    }
    if "etag" in described:
        described["etag"] = _opaque(described["etag"])
    return described


SESSION = {"Cookie": "session=1"}
"""What a visitor sends before and after a login that the site keeps itself."""


@pytest.fixture(scope="module")
def brief_urls(clients: dict[str, Client]) -> dict[str, tuple[str, str]]:
    """Let each cache take two copies of a page that soon grows stale: at once, to wait but once."""
    urls = {}
    for site, cache in product(SITES, STORING):
        route = Route(clients, site, cache)
        urls[route.host] = route.new_url("brief"), route.new_url("brief")
        for url in urls[route.host]:
            assert_is_page_of(route.request(url, "GET", SESSION), NOBODY)
    return urls


def test_a_stale_copy_that_names_nobody_is_confirmed_to_the_cache(
    storing_route: Route, brief_urls: dict[str, tuple[str, str]]
) -> None:
    url, _ = brief_urls[storing_route.host]
    response = _ask_until_stale(storing_route, url, SESSION)
    assert response.headers["X-Cache"] == "REVALIDATED"
    assert_is_page_of(response, NOBODY)


def test_a_stale_copy_is_not_confirmed_for_a_visitor_who_has_logged_in_since(
    storing_route: Route, brief_urls: dict[str, tuple[str, str]]
) -> None:
    _, url = brief_urls[storing_route.host]
    response = _ask_until_stale(storing_route, url, {**SESSION, SESSION_FIELD: "ada"})
    assert_is_page_of(response, "ada")
    assert "private" in response.headers["Cache-Control"]

    after_logout = storing_route.request(url, "GET", SESSION)
    assert_is_page_of(after_logout, NOBODY)
    assert_names_no_other(after_logout, NOBODY)


def _ask_until_stale(route: Route, url: str, fields: Mapping[str, str]) -> Response:
    """Return the first answer that is not just the cache's copy."""
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while (response := route.request(url, "GET", fields)).headers["X-Cache"] == "HIT":
        assert_is_page_of(response, NOBODY)
        assert time.monotonic() < deadline
        time.sleep(0.05)  # no event says when a copy grows stale
    return response
