"""What placement costs, beside other ways to insert a script, all in one run.

    python -m benchmarks.placement

Times are the best of several rounds, in microseconds for one page. The contenders take turns within
a round, so other work of the machine slows all of them alike.
"""

from __future__ import annotations

import sys
import timeit
from collections.abc import Callable, Mapping
from functools import partial

from bs4 import BeautifulSoup
from lxml import html
from newrelic.api.html_insertion import insert_html_snippet

from pavior_middleware import Identity, Settings
from pavior_middleware._page.snippet import render
from pavior_middleware.placement import Inserter

SNIPPET = render(
    Settings("acme", "an-api-key-for-the-benchmark"), Identity("7", "a@example.com")
).element()
ROUNDS = 7
SECONDS_A_ROUND = 0.02

START = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    b'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    b"<title>A page like many others</title>\n"
)
PARTS = (
    b'<link rel="stylesheet" href="/static/css/main.css">\n',
    b'<meta property="og:title" content="A page like many others">\n',
    b'<script src="/static/js/app.js" defer></script>\n',
    b"<style>\n" + b".card > .title { margin: 0 auto; color: #333 }\n" * 20 + b"</style>\n",
    b"<script>\n"
    + b'window.shop = {"currency": "EUR", "items": [1, 2, 3]};\n' * 15
    + b"</script>\n",
    b"<!-- the things below are for search engines -->\n",
    b'<link rel="preload" as="font" type="font/woff2" href="/static/font.woff2" crossorigin>\n',
    b'<script type="application/ld+json">{"@type": "Product", "name": "A cloud"}</script>\n',
)
END = b"</head>\n<body>\n"
PARAGRAPH = b"<p class='text'>Some words of the page, and a <a href='/'>link</a>.</p>\n"


def head(size: int) -> bytes:
    """Return the beginning of a page up to its body, of about this size."""
    text, turn = START, 0
    while len(text) + len(END) < size:
        part = PARTS[turn % len(PARTS)]
        turn += 1
        text += part if len(text) + len(part) < size + 50 else b'<link rel="x" href="/y">\n'
    return text + END


def insert(page: bytes) -> bytes:
    """Insert as the middleware does, which looks for a policy up to the end of the head."""
    inserter = Inserter(SNIPPET, snippet_before_policy=SNIPPET)
    return inserter.feed(page) + inserter.finish()


def by_newrelic(page: bytes) -> bytes | None:
    """Insert as New Relic's agent does; return None if it gives up."""
    changed: bytes | None = insert_html_snippet(page, lambda: SNIPPET)
    return changed if changed and SNIPPET in changed else None


def by_find(page: bytes) -> bytes:
    """Insert before the first `</head>`, even inside a comment or a script."""
    place = page.find(b"</head>")
    return page[:place] + SNIPPET + page[place:]


def by_beautifulsoup(page: bytes) -> bytes:
    """Parse the page with html.parser and write it again."""
    soup = BeautifulSoup(page, "html.parser")
    assert soup.head is not None
    soup.head.append(BeautifulSoup(SNIPPET, "html.parser"))
    return soup.encode()


def by_lxml(page: bytes) -> bytes:
    """Parse the page with libxml2 and write it again."""
    tree = html.document_fromstring(page)
    tree.head.append(html.fragment_fromstring(SNIPPET.decode()))
    changed: bytes = html.tostring(tree, encoding="utf-8")
    return changed


CONTENDERS: Mapping[str, Callable[[bytes], bytes | None]] = {
    "this package": insert,
    "New Relic": by_newrelic,
    'find("</head>")': by_find,
    "BeautifulSoup": by_beautifulsoup,
    "lxml": by_lxml,
}


def pieces(page: bytes, size: int) -> list[bytes]:
    """Cut a page into pieces of a size."""
    return [page[start : start + size] for start in range(0, len(page), size)]


def stream(pieces: list[bytes]) -> None:
    """Insert into a page that comes in pieces."""
    inserter = Inserter(SNIPPET, snippet_before_policy=SNIPPET)
    for piece in pieces:
        inserter.feed(piece)
    inserter.finish()


def microseconds(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the time of one call of each, the best of all rounds."""
    timers = {name: timeit.Timer(call) for name, call in calls.items()}
    counts = {
        name: max(1, int(SECONDS_A_ROUND / max(timer.timeit(1), 1e-7)))
        for name, timer in timers.items()
    }
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            best[name] = min(best[name], timer.timeit(counts[name]) / counts[name] * 1e6)
    return best


def show(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Write a table."""
    lines = [columns, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    sys.stdout.write(f"\n{title}\n\n")
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        sys.stdout.write("  " + "  ".join(cells) + "\n")
    sys.stdout.flush()


def compare_heads() -> None:
    """Show what heads of four sizes cost each contender."""
    rows = []
    for size in (300, 3_000, 30_000, 300_000):
        page = head(size) + PARAGRAPH * 100
        calls = {
            name: partial(insert_by, page)
            for name, insert_by in CONTENDERS.items()
            if insert_by(page) is not None
        }
        times = microseconds(calls)
        ours = times["this package"]
        row = [f"{len(head(size)):,} B"]
        for name in CONTENDERS:
            missing = name not in times
            row.append("gives up" if missing else f"{times[name]:,.1f} ({times[name] / ours:.1f}x)")
        rows.append(row)
    show(
        "One page, by the size of its head, µs (and as a multiple of our time)",
        ["head", *CONTENDERS],
        rows,
    )


def compare_bodies() -> None:
    """Show that the body costs no more than one copy of the chunk in which the place lies."""
    rows = []
    for size in (10_000, 100_000, 1_000_000, 10_000_000):
        start, body = head(3_000), PARAGRAPH * (size // len(PARAGRAPH))
        page = start + body

        times = microseconds(
            {
                "whole": partial(insert, page),
                "copy": partial(b"".join, (memoryview(page), SNIPPET)),
                "first": partial(insert, start),
                "stream": partial(stream, pieces(page, 65536)),
            }
        )
        rows.append([f"{size:,} B", *(f"{times[name]:,.1f}" for name in times)])
    columns = [
        "body",
        "as one chunk",
        "one copy of it",
        "its head alone",
        "in 64 KiB chunks",
    ]
    show("One page with a head of 3 kB, by the size of its body, µs", columns, rows)


ADVERSARIES: Mapping[str, Callable[[int], bytes]] = {
    "<<<<…": lambda n: b"<" * n,
    "<head><<<…": lambda n: b"<head>" + b"<" * n,
    "<!-- without end": lambda n: b"<!--" + b"-" * n,
    "<!--a--!><!--a--!>…": lambda n: b"<!--a--!>" * (n // 9),
    "<?><?>…": lambda n: b"<?>" * (n // 3),
    "<!-- -- -- --": lambda n: b"<!--" + b" --" * (n // 3),
    "<meta a a a …>": lambda n: b"<meta" + b" a" * (n // 2) + b">",
    "<meta a=b c='d' …": lambda n: b"<meta" + b" a=b c='d'" * (n // 10),
    '<meta a="b" … \'': lambda n: b"<meta" + b' a="b"' * (n // 6) + b"'>",
    "<title></titl</titl…": lambda n: b"<title>" + b"</titl" * (n // 6),
    "<script><!--<script …": lambda n: b"<script>" + b"<!--<script -->" * (n // 15),
    "<script></s</s…": lambda n: b"<script>" + b"</s" * (n // 3),
    "spaces": lambda n: b" " * n,
    "&#32;&#32;…": lambda n: b"<head>" + b"&#32;" * (n // 5),
}


def compare_adversaries() -> None:
    """Show that ten times the bytes cost about ten times as long, whole and in small chunks."""
    rows = []
    for name, make in ADVERSARIES.items():
        small, large = make(100_000), make(1_000_000)

        times = microseconds(
            {
                "small": partial(insert, small),
                "large": partial(insert, large),
                "small in chunks": partial(stream, pieces(small, 100)),
                "large in chunks": partial(stream, pieces(large, 100)),
            }
        )
        whole, chunked = (
            times["large"] / times["small"],
            times["large in chunks"] / times["small in chunks"],
        )
        row = [name, *(f"{time:,.0f}" for time in times.values())]
        rows.append([*row[:3], f"{whole:.1f}x", *row[3:], f"{chunked:.1f}x"])
    columns = ["head", "100 kB", "1 MB", "ratio", "100 kB", "1 MB in chunks of 100 B", "ratio"]
    show("Heads made to be slow, µs", columns, rows)


if __name__ == "__main__":
    compare_heads()
    compare_bodies()
    compare_adversaries()
