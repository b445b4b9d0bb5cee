"""`{{ pavior_snippet() }}` in a real Chromium: the chat runs there, and users' text stays text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import flask
import pytest
from flask import Flask
from markupsafe import Markup
from playwright.sync_api import Browser, Page

from demo.ports import free_ports
from pavior_middleware import Settings, sign
from pavior_middleware.flask import Pavior
from tests.support.embeds import EMBED
from tests.support.servers import serving_wsgi
from tests.support.sites import ADA, API_KEY, TEAM

ADAS = {"id": "7", "hmac": sign(API_KEY, "7")}

# What users write is in the strings of a script, in which "</" is all that must be escaped.
TEMPLATE = """<!doctype html><html><head><title>Search</title>
<script>var found = {{ as_script([request.args.a, request.args.b]) }};</script>
{{ pavior_snippet() }}</head><body><p>{{ request.args.a }}"""

PLACES = {
    "in the head": "<head>PLACE<title>A</title></head><body><p>caf\xe9",
    "in the head, before the charset": "<head>PLACE<meta charset=utf-8></head><body><p>caf\xe9",
    "in the body": "<head><meta charset=utf-8></head><body><p>caf\xe9</p>PLACE<p>B",
    "at the end, behind a mail's": "<head><meta charset=utf-8></head><body><p>caf\xe9</p>PLACE",
}


@pytest.fixture
def site() -> Iterator[str]:
    """Run a site whose pages place the script; give its origin."""
    (port,) = free_ports([0])
    origin = f"http://localhost:{port}"
    app = Flask(__name__)
    settings = Settings(TEAM, API_KEY, embed_url=f"{origin}/embed")
    Pavior(app, settings, identity=lambda environ: ADA)
    app.jinja_env.globals["as_script"] = as_script

    @app.get("/embed")
    def embed() -> flask.Response:
        return flask.Response(EMBED, content_type="text/javascript")

    @app.get("/search")
    def search() -> str:
        return flask.render_template_string(TEMPLATE)

    @app.get("/text")
    def text() -> flask.Response:
        placeholder = flask.render_template_string("{{ pavior_snippet() }}")
        return flask.Response(placeholder, content_type="text/plain")

    @app.get("/placed/<name>")
    def placed(name: str) -> flask.Response:
        template = "<!doctype html>" + PLACES[name].replace("PLACE", "{{ pavior_snippet() }}")
        if "mail" in name:
            flask.render_template_string(template)
        page = flask.render_template_string(template)
        return flask.Response(page, content_type="text/html" if "charset" in page else None)

    with serving_wsgi(app, port):
        yield origin


def as_script(value: object) -> Markup:
    return Markup(json.dumps(value).replace("</", "<\\/"))


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:  # closed before the site, which waits
    with browser.new_context() as context:
        yield context.new_page()


ATTACK = "<img src=x onerror=window.attacked=1>"


@pytest.mark.parametrize("text", ["the constant of old", "that of an earlier request"])
def test_text_like_a_placeholder_moves_no_script_into_a_string(
    page: Page, site: str, text: str
) -> None:
    """A user has a string of a page's script hold what a placeholder looks like, and markup."""
    page.goto(f"{site}/text")
    earlier = page.inner_text("pre")
    assert earlier.startswith("<!-- ")
    guess = "<!-- pavior-middleware: the script goes here -->" if "old" in text else earlier
    page.goto(f"{site}/search?a={quote(guess)}&b={quote(ATTACK)}")
    page.wait_for_function("window.calls?.length")
    assert page.evaluate("found") == [guess, ATTACK]
    assert page.evaluate("[document.images.length, window.attacked]") == [0, None]
    assert page.inner_text("p") == guess
    assert page.evaluate("calls") == [{**page.evaluate("calls[0]"), **ADAS}]


@pytest.mark.parametrize("name", PLACES)
def test_the_chat_runs_where_a_template_places_it(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/placed/{quote(name)}")
    page.wait_for_function("window.calls?.length")
    assert page.evaluate("calls") == [{**page.evaluate("calls[0]"), **ADAS}]
    assert page.inner_text("p >> nth=0") == "caf\xe9"
    assert page.evaluate("document.characterSet") == "UTF-8"
    assert "<!--" not in page.content()
