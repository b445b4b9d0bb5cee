"""The API key in a page, and a second call of init, are logged once, and never shown."""

from __future__ import annotations

import gzip
import html
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from pavior_middleware import Settings, wsgi
from pavior_middleware._page.page_watch import (
    FIRST_PAGES,
    KEY_IN_PAGE,
    ONE_PAGE_OF,
    SECOND_INIT,
    PageWatch,
)
from pavior_middleware.placement import Inserter
from tests.support.adapters import HTML_TYPE, Fetch, Reply
from tests.support.sites import ADA, API_KEY, SETTINGS, TEAM

HEAD = b"<!doctype html><title>A shop</title><p>"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("is_coded", [False, True])
@pytest.mark.parametrize("cut", [0, 5, len(API_KEY) - 1])
def test_the_api_key_in_a_page_is_logged_and_not_shown(
    fetch: Fetch, cut: int, is_coded: bool, caplog: pytest.LogCaptureFixture
) -> None:
    key = API_KEY.encode()
    chunks = [HEAD, b"<script>key = '" + key[:cut], key[cut:], b"'</script>", b"more"]
    headers = [HTML_TYPE]
    if is_coded:
        whole = gzip.compress(b"".join(chunks))
        chunks = [whole[:cut], whole[cut:]]
        headers.append(("Content-Encoding", "gzip"))
    seen = fetch(Reply(chunks, headers), SETTINGS, ADA)
    assert seen.status == 200
    assert lines(caplog) == [KEY_IN_PAGE]
    assert API_KEY not in caplog.text


@pytest.mark.parametrize("call", [b"Pavior('init'", b'Pavior("init"', b"Pavior(\n   'init'"])
@pytest.mark.parametrize("cut", [0, 3, 8, 10])
def test_a_second_call_of_init_in_a_page_is_logged(
    fetch: Fetch, call: bytes, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply([HEAD + b"<script>" + call[:cut], call[cut:], b", {})</script>"]), SETTINGS, ADA)
    assert lines(caplog) == [SECOND_INIT]


def test_the_warning_of_a_second_init_is_true_of_a_page_that_shows_one_as_text(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply([HEAD + b"<pre>Pavior('init', {})</pre>"]), SETTINGS, ADA)
    (line,) = lines(caplog)
    assert line.startswith("A page calls or shows Pavior('init', …) itself")
    assert "If the page shows it as text, all is well" in line


def test_a_page_without_a_mistake_is_not_logged(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    fetch(Reply([HEAD, b"Pavior('show')", API_KEY[:-1].encode()]), SETTINGS, ADA)
    assert lines(caplog) == []


def test_a_key_too_short_to_be_found_by_chance_alone_is_not_looked_for_in_pages(
    fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(TEAM, "a")
    caplog.clear()
    fetch(Reply([HEAD + b"a"]), settings, ADA)
    assert lines(caplog) == []


def test_each_mistake_is_logged_once_by_a_site(caplog: pytest.LogCaptureFixture) -> None:
    page = HEAD + API_KEY.encode() + b"Pavior('init', {})"

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML_TYPE])
        return [page]

    client = Client(wsgi.PaviorMiddleware(app, SETTINGS, identity=lambda environ: None))
    assert all(len(client.get("/").data) > len(page) for _ in range(3))
    assert sorted(lines(caplog)) == sorted([KEY_IN_PAGE, SECOND_INIT])


def found_in(pieces: list[bytes], key: str) -> list[str]:
    found: list[str] = []
    document = PageWatch(key, found.append).over(Inserter(b"<script></script>"))
    for piece in pieces:
        document.feed(piece)
        document.flush()
    document.finish()
    return found


@given(data=st.data())
def test_the_key_is_found_however_the_page_is_cut(data: st.DataObject) -> None:
    text = HEAD + b"x" * data.draw(st.integers(0, 99)) + API_KEY.encode() + b"</p>"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=len(text))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert found_in(pieces, API_KEY) == [KEY_IN_PAGE]


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=8))
@pytest.mark.parametrize(
    "written", [str, html.escape, lambda key: quote(key, safe=""), lambda key: json.dumps(key)]
)
def test_the_key_is_found_as_templates_write_it(written: Any, key: str) -> None:
    assert found_in([HEAD, written(key).encode()], key) == [KEY_IN_PAGE]


def test_the_document_passes_as_it_would_without_the_watch() -> None:
    plain, found = Inserter(b"<script></script>"), list[str]()
    watched = PageWatch(API_KEY, found.append).over(Inserter(b"<script></script>"))
    for piece in (b"<!doc", b"type html><ti", b"tle>A</title>", b"<p>text"):
        assert watched.feed(piece) + watched.flush() == plain.feed(piece) + plain.flush()
        assert (watched.added, watched.stays) == (plain.added, plain.stays)
    assert watched.finish() == plain.finish()
    assert (watched.is_determined, watched.is_fragment) == (plain.is_determined, plain.is_fragment)


def test_the_first_pages_of_a_process_are_looked_through_and_then_one_of_many() -> None:
    is_due: Iterator[bool] = iter(PageWatch(API_KEY, print).is_due, None)
    assert all(islice(is_due, FIRST_PAGES))
    for _ in range(3):
        assert list(islice(is_due, ONE_PAGE_OF)) == [True] + [False] * (ONE_PAGE_OF - 1)
