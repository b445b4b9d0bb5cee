"""Coverage-guided fuzzing of the placement: any bytes, cut anywhere, give one and the same page.

    pip install atheris
    python fuzz/fuzz_placement.py -dict=fuzz/html.dict -max_total_time=600 -timeout=5

Arguments are libFuzzer's; with a folder as the first, it keeps the inputs it found there.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any

import atheris

with atheris.instrument_imports():
    from pavior_middleware.placement import Inserter

SNIPPET = b"\x01snippet\x02"
EARLY = b"\x01before a policy\x02"
LIMIT = 64
"""The limit of bytes that are held: so low that short inputs exceed it."""

SEEDS = (
    b"<!doctype html><html><head><title>A</title><meta charset=utf-8></head><body>",
    b"<script><!--<script>--></script><style></style><!-- --!><noscript></noscript>",
    b"<meta http-equiv=Content-Security-Policy content=x><meta charset=utf-8><p>",
    b"<link rel=stylesheet><style></style><meta charset=utf-8></head>",
    b"<style></style><meta http-equiv=Content-Security-Policy content=x><template>",
    b"<!doctype html><html amp lang=en><link rel='icon stylesheet'>",
    b"<?xml?></ x><![CDATA[>]]>&#32;<template><link a='>' b=\"x\" c=d/></br>",
)


def check(data: bytes) -> None:
    """Raise `AssertionError` if the rules for documents and cuts do not hold for one input."""
    provider = atheris.FuzzedDataProvider(data)
    flushes = provider.ConsumeBool()
    options: dict[str, Any] = {
        "documents_only": provider.ConsumeBool(),
        "charset_is_known": provider.ConsumeBool(),
    }
    forms: dict[str, Any] = {"snippet_before_policy": EARLY} if provider.ConsumeBool() else {}
    if provider.ConsumeBool():
        options["limit"] = LIMIT
    count = provider.ConsumeIntInRange(0, 8)
    sizes = [provider.ConsumeIntInRange(0, 64) for _ in range(count)]
    document = provider.ConsumeBytes(sys.maxsize)
    cuts = [0, *sorted(size for size in sizes if size < len(document)), len(document)]
    pieces = [document[start:end] for start, end in pairwise(cuts)]

    inserter = Inserter(SNIPPET, **forms, **options)
    streamed = b""
    for piece in pieces:
        streamed += inserter.feed(piece)
        if flushes:
            streamed += inserter.flush()
    streamed += inserter.finish()

    assert inserter.added == len(streamed) - len(document), "`added` is not the growth"
    if inserter.added == 0:
        assert streamed == document, "a document that should stay unchanged has changed"
        return
    form = EARLY if EARLY in streamed and EARLY not in document else SNIPPET
    before, found, after = streamed.partition(form)
    assert found, "the snippet is missing"
    assert document.endswith(after), "what follows the snippet has changed"
    assert before.startswith(document[: len(document) - len(after)]), "what precedes it has changed"
    if not flushes and "limit" not in options:
        whole = Inserter(SNIPPET, **forms, charset_is_known=options["charset_is_known"])
        expected = whole.feed(document) + whole.finish()
        assert streamed == expected, "the cuts have changed the place"


def main() -> None:
    """Run libFuzzer with the command line's arguments."""
    for seed in SEEDS:
        check(bytes(5) + seed)
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
