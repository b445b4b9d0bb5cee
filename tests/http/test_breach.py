"""An attack by the lengths of compressed pages that reflect what a request says (BREACH)."""

from __future__ import annotations

import gzip
import random
from html import escape

import pytest
from flask import Flask, request
from flask_compress import Compress
from werkzeug.test import Client

from pavior_middleware import Identity, sign
from pavior_middleware.flask import Pavior
from tests.support.sites import API_KEY, TEAM

pytestmark = pytest.mark.slow

DIGITS = "0123456789abcdef"
BEFORE_HMAC = '.js"],"hmac":"'
FOUND = 3  # digits that an attack has to find; guesses alone do so in 1 of 2,048 runs

# An attacker compares two texts of equal length. Those before them move the end of the compressed
# data over the borders of its bytes.
FILL = ["", "@", "@@", "@?@", "@?@!", "@!?@?", "@!?@!?", "?!@@?!@"]
NO_DIGIT = "~|^"


def site(compresses: str) -> Client:
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="only for tests",
        PAVIOR_TEAM_VANITY_ID=TEAM,
        PAVIOR_API_KEY=API_KEY,
        COMPRESS_MIN_SIZE=0,
    )

    @app.get("/search")
    def search() -> str:
        rows = "".join(f"<p>Row {number} of nothing</p>" for number in range(10))
        text = escape(request.args["q"], quote=False)
        return f"<!doctype html><title>Search</title><h1>Results for {text}</h1>{rows}"

    Pavior(app, identity=lambda environ: Identity("4711", "ada@example.com"))
    if compresses == "the app":
        Compress(app)
    return Client(app)


def length(client: Client, text: str) -> int:
    """Return the length of the page as it is sent, compressed by the app or by a proxy."""
    response = client.get("/search", query_string={"q": text}, headers={"Accept-Encoding": "gzip"})
    if "Content-Encoding" in response.headers:
        return len(response.data)
    return len(gzip.compress(response.data, mtime=0))


def score(client: Client, known: str, digit: str) -> int:
    """Return how much shorter the page is if the digit is behind the known text."""
    tail = (BEFORE_HMAC + known)[-12:]
    return sum(
        length(client, fill + tail + digit + NO_DIGIT)
        - length(client, fill + tail + NO_DIGIT + digit)
        for fill in FILL
    )


def guesses(client: Client) -> list[str]:
    """Return the likeliest beginnings of what is behind the text before the hmac."""
    best = [("", 0)]
    for _ in range(FOUND):
        longer = [
            (known + digit, points + score(client, known, digit))
            for known, points in best
            for digit in DIGITS
        ]
        best = sorted(longer, key=lambda guess: guess[1])[:2]
    return [known for known, _ in best]


compressors = pytest.mark.parametrize("compresses", ["the app", "a proxy"])


@pytest.mark.thorough
@compressors
def test_lengths_of_compressed_pages_reveal_a_constant_text(
    compresses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, that the attack below finds nothing would say nothing."""
    pad = random.Random(1).randbytes(32)
    monkeypatch.setattr("pavior_middleware._page.snippet.new_pad", lambda size: pad[:size])
    assert pad.hex()[:FOUND] in guesses(site(compresses))


@compressors
def test_lengths_of_compressed_pages_reveal_no_digit_of_a_masked_hmac(
    compresses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pads = random.Random(2)
    monkeypatch.setattr("pavior_middleware._page.snippet.new_pad", pads.randbytes)
    hmac = sign(API_KEY, "4711")
    assert not [known for known in guesses(site(compresses)) if hmac.startswith(known[:2])]
