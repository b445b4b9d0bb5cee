"""The doctor finds a script that is missing, doubled, beside another, or rewritten on its way."""

from __future__ import annotations

from typing import Any

import brotli
import pytest
from werkzeug.wrappers import Response

from pavior_middleware._assets.page_files import FOLDER
from tests.support.doctor import (
    EMBED,
    PAGE,
    Site,
    at_paths,
    check,
    checked,
    rewriting,
    served,
    with_fields,
)

INIT = "Pavior('init', {teamVanityId: 'acme', email: 'ada@example.com'})"


def test_a_site_with_the_middleware_gives_no_finding() -> None:
    found = checked(Site())
    assert found.codes == []
    assert found.status == 0


@pytest.mark.parametrize(
    "site",
    [
        Site(settings={"cacheable_pages": True}),
        Site(fields={"Content-Security-Policy": "default-src 'none'"}),
        Site(fields={"Content-Security-Policy": "script-src 'nonce-abc' 'strict-dynamic'"}),
        Site(fields={"Cache-Control": "public, max-age=60", "ETag": '"1"'}),
        Site(settings={"shared_auth_domains": "help.example.com", "secret_key": "s" * 40}),
    ],
    ids=["cacheable", "policy", "nonce", "cached", "lender"],
)
def test_problems_that_the_middleware_solves_give_no_finding(site: Site) -> None:
    found = checked(site)
    assert found.codes == []
    assert found.status == 0


def test_a_page_without_the_script_is_found() -> None:
    found = checked(Site(settings={"skip_paths": "/*"}))
    assert found.problems == ["no-script"]
    assert found.status == 1


def test_a_page_without_the_script_for_its_sandbox_is_reported_with_that_reason() -> None:
    found = checked(Site(fields={"Content-Security-Policy": "sandbox allow-scripts"}))
    assert "sandbox" in found.finding("no-script")["why"]


def test_a_page_that_has_the_script_only_without_a_coding_is_found() -> None:
    def compressed(environ: object, start_response: object) -> object:
        response = Response(brotli.compress(PAGE.encode()), mimetype="text/html")
        response.content_encoding = "br"
        return response(environ, start_response)  # type: ignore[arg-type]

    def compressing_inside(app: object) -> object:
        def wrapped(environ: dict[str, str], start_response: object) -> object:
            accepts = "br" in environ.get("HTTP_ACCEPT_ENCODING", "")
            is_page = environ["PATH_INFO"] == "/"
            chosen = compressed if accepts and is_page else app
            return chosen(environ, start_response)  # type: ignore[operator]

        return wrapped

    found = checked(Site(outside=compressing_inside))
    assert found.problems == ["no-script-in-coded-page"]


def test_a_page_that_is_not_what_its_coding_says_is_found() -> None:
    found = checked(Site(fields={"Content-Encoding": "gzip"}))
    assert found.problems == ["page-not-decoded"]


def test_two_scripts_are_found() -> None:
    found = checked(Site(outside=rewriting(lambda body: body + body)))
    assert "two-scripts" in found.problems


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_hand_written_init_in_the_page_is_found(quote: str) -> None:
    script = f"<script>{INIT}</script>".replace("'init'", f"{quote}init{quote}")
    found = checked(Site(page=PAGE + script))
    assert found.problems == ["second-init"]


def test_a_hand_written_init_in_a_script_file_is_found() -> None:
    site = Site(page=f"{PAGE}<script src=/app.js></script>", files={"/app.js": f"go(); {INIT}"})
    found = checked(site)
    assert found.problems == ["second-init"]
    assert "/app.js" in found.finding("second-init")["what"]


def test_a_script_that_does_not_call_init_gives_no_finding() -> None:
    site = Site(page=f"{PAGE}<script src=/app.js></script>", files={"/app.js": "go();"})
    assert checked(site).codes == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<script data-astro", b'<script type="1234-text/javascript" data-astro'),
        (b'"v":1,', b'"v":[email&#160;protected],'),
        (b"const d = document", b"const e = document"),
        (b"const d=document", b"const e=document"),
    ],
    ids=["type", "data", "text", "text-built"],
)
def test_an_element_that_was_rewritten_is_found(old: bytes, new: bytes) -> None:
    body = b""

    def change(content: bytes) -> bytes:
        nonlocal body
        body = content if b"data-pavior" in content else body
        return content.replace(old, new)

    found = checked(Site(outside=rewriting(change)))
    assert found.problems == (["element-rewritten"] if old in body else [])


def test_a_hand_written_embed_without_the_middleware_is_reported_as_no_script() -> None:
    def app(environ: object, start_response: object) -> object:
        response = Response(f"{PAGE}<script>{EMBED}{INIT}</script>", mimetype="text/html")
        return response(environ, start_response)  # type: ignore[arg-type]

    with served(app) as origin:
        assert check(origin).problems == ["no-script"]


def test_a_proxy_that_does_not_route_the_paths_is_found() -> None:
    other = Response("Not Found", 404)
    found = checked(Site(outside=at_paths(FOLDER, other)))
    assert found.problems == ["well-known-not-routed"]


def test_a_site_that_answers_every_path_with_a_page_is_found_not_to_route_them() -> None:
    other = Response(PAGE, mimetype="text/html")
    found = checked(Site(outside=at_paths(FOLDER, other)))
    assert found.problems == ["well-known-not-routed"]


def test_a_file_that_was_rewritten_is_found() -> None:
    other = Response("/* minified */", mimetype="text/javascript")
    found = checked(Site(outside=at_paths(f"{FOLDER}page-", other)))
    assert found.problems == ["file-rewritten"]


def test_an_answer_that_was_rewritten_is_found() -> None:
    other = Response("{} <!-- seen -->", mimetype="application/json")
    other.headers["Cache-Control"] = "no-store"
    found = checked(Site(outside=at_paths("share-auth", other)))
    assert "answer-rewritten" in found.problems


def test_an_error_page_and_a_response_that_is_no_page_are_found() -> None:
    with served(Response("Gone", 410, mimetype="text/html")) as origin:
        assert check(origin).problems == ["error-page", "no-script"]
    with served(Response("{}", mimetype="application/json")) as origin:
        found = check(origin)
        assert "not-a-page" in found.problems
        assert found.status == 1


def test_a_field_that_the_middleware_ignores_gives_no_finding() -> None:
    assert checked(Site(outside=with_fields(X_Frame_Options="DENY"))).codes == []


@pytest.mark.parametrize(
    "markup",
    [
        "<script src='http://[bad'></script><base href='http://[worse'>",
        "<script src='http://a:99999/x.js'></script>",
        "<script src='http://\x7f/'></script><script src='javascript:0'></script>",
        "<script src=data:,0></script><script>",
        "<script data-pavior='7'></script>",
        '<script data-pavior=\'{"site":{},"urls":[7]}\'></script>',
        '<script data-pavior=\'{"site":{},"urls":["http://["]}\'></script>',
        '<script data-pavior=\'{"site":{},"urls":["/"],"hmac":"xy"}\'></script>',
        "<meta http-equiv=Content-Security-Policy content=';;script-src'>",
    ],
)
def test_no_markup_makes_the_doctor_fail(markup: str) -> None:
    page = Response(f"<!doctype html><title>.</title>{markup}", mimetype="text/html")
    with served(page) as origin:
        assert check(origin, cookie="session=of-somebody", api_key="k" * 20).status == 1


def test_a_redirect_to_what_is_no_address_cannot_be_checked() -> None:
    for location in ("http://[bad", "javascript:0", "http://a:99999/"):

        def app(environ: Any, start_response: Any, location: str = location) -> list[bytes]:
            start_response("302 Found", [("Location", location)])
            return [b""]

        with served(app) as origin:
            found = check(origin)
        assert found.codes == ["unreachable"]
        assert found.status == 2


def test_texts_of_a_site_are_cut_to_the_length_of_a_line() -> None:
    response = Response("", headers={"Content-Type": f"text/{'x' * 50_000}"})
    with served(response) as origin:
        assert len(check(origin).finding("not-a-page")["what"]) < 2100
