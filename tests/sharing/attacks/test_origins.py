"""Attacks on a lender by pages of other origins that try to pass for a borrower.

Each test's docstring says what the attacker has, what they try, and what they do not get.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from demo.ports import LOOPBACK, free_ports
from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH
from tests.support.handing_over import asking_for, referer_of
from tests.support.lender import (
    CROSS,
    DOCS,
    EVIL,
    SAME_ORIGIN,
    SAME_SITE,
    Lender,
    code_in,
    expect_refused_alike,
    origin,
)
from tests.support.origin_tricks import ACCEPTED, ORIGIN_TRICKS
from tests.support.redirect_tricks import REDIRECT_TRICKS, REDIRECTS_ALLOWED
from tests.support.servers import serving_asgi, serving_wsgi
from tests.support.sites import ADA, HELP


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_origin_that_looks_like_a_borrowers_gets_an_identity(lender: Lender, kind: str) -> None:
    """Has: a page on any other origin, and Ada as its visitor.

    Tries: to read share-auth, with each form of `Origin`, in CORS, a preflight, with a code.
    Gets: the refusal that everybody gets, which no page may read; nobody asked who is logged in.
    """
    for trick in ORIGIN_TRICKS[kind]:
        for method in ("GET", "HEAD", "OPTIONS", "POST"):
            expect_refused_alike(lender, method, SHARE_AUTH, origin(trick))
        for more in (CROSS, SAME_SITE, SAME_ORIGIN):
            expect_refused_alike(lender, "GET", SHARE_AUTH, origin(trick), more)


@pytest.mark.parametrize("kind", ORIGIN_TRICKS)
def test_no_parameter_that_looks_like_a_borrowers_origin_gets_a_frame_or_an_identity(
    lender: Lender, kind: str
) -> None:
    """Has: a page that frames the lender's frame, or asks as it does.

    Tries: each form of an origin as the frame's parameter.
    Gets: neither a frame nor an answer to one.
    """
    for trick in ORIGIN_TRICKS[kind]:
        query = f"?origin={quote(trick.encode('latin-1'), safe='')}"
        expect_refused_alike(lender, "GET", SHARE_AUTH + query, SAME_ORIGIN)
        expect_refused_alike(lender, "GET", FRAME + query, ("Sec-Fetch-Dest", "iframe"))


@pytest.mark.parametrize("kind", REDIRECT_TRICKS)
def test_no_address_that_looks_like_a_borrowers_gets_a_code(lender: Lender, kind: str) -> None:
    """Has: a link that Ada follows. Tries: to have her led elsewhere. Gets: no redirect at all."""
    for trick in REDIRECT_TRICKS[kind]:
        target = f"{HANDOFF}?to={quote(trick, safe='')}"
        expect_refused_alike(lender, "GET", target)
        expect_refused_alike(lender, "GET", target, CROSS, ("Sec-Fetch-Mode", "navigate"))


def test_an_odd_address_that_is_allowed_leads_where_it_says(lender: Lender) -> None:
    """Has: a link to an odd address of a borrower's. Tries: that it leads to another site.

    Gets: the very address, up to its fragment, with the code of the user who follows the link.
    """
    for to in REDIRECTS_ALLOWED:
        for user in (ADA, None):
            got = lender.ask("GET", asking_for(to), ("Referer", referer_of(to)), user=user)
            page, _, _ = to.partition("#")
            assert got.status == 303
            location = got.field("location") or ""
            assert location.startswith(f"{page}#pavior-handoff=")
            assert bool(code_in(location)) == (user is ADA)


def sample(tricks: Sequence[str]) -> list[str]:
    return [each for each in tricks[:: max(1, len(tricks) // 5)] if not set("\r\n") & set(each)]


SAMPLE = [trick for tricks in ORIGIN_TRICKS.values() for trick in sample(tricks)]


def test_no_server_makes_a_borrower_of_another_origin(adapter: str) -> None:
    """Has: a page on another origin; the lender runs under a real server, which strips blanks.

    Tries: a sample of the same origins. Gets: what others get, logged in or not; a stripped one
    that is whitelisted is answered as what it is then, and never as it was sent.
    """
    lender = Lender(adapter)
    (port,) = free_ports([0])
    serving = serving_wsgi if adapter == "wsgi" else serving_asgi
    with serving(lender.made, port):
        for trick in SAMPLE:
            answers = []
            for user in (ADA, None):
                lender.user, lender.asked = user, 0
                answers.append(raw_request(port, f"GET {SHARE_AUTH}", trick))
            status = int(answers[0].split()[1])
            if status == 200:
                allowed = f"access-control-allow-origin: {trick.strip()}\r\n".encode()
                assert trick.strip() in (*ACCEPTED, DOCS), trick
                assert allowed in answers[0].lower()
                continue
            assert status in (400, 403, 431), trick
            assert answers[0] == answers[1], trick
            assert lender.asked == 0
            assert b"access-control-" not in answers[0].lower()


def raw_request(port: int, request: str, origin: str) -> bytes:
    """Send a request with an `Origin` of any bytes; return what comes back, except for the date."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
        connection.sendall(
            f"{request} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
            f"Origin: {origin}\r\n\r\n".encode("latin-1")
        )
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:  # the server has not read all of it
            pass
    return re.sub(rb"(?i)^date:[^\r]*\r\n", b"", received, flags=re.MULTILINE)


def test_several_origin_fields_are_refused(lender: Lender) -> None:
    """Has: a proxy that adds a field, or a client of their own. Tries: `Origin` more than once.

    Gets: a refusal, also if both are whitelisted, and if the parameter names one as well.
    """
    for pair in ((HELP, HELP), (HELP, EVIL), (EVIL, HELP), (HELP, DOCS), (HELP, "")):
        fields = [origin(each) for each in pair]
        for method in ("GET", "OPTIONS", "POST"):
            expect_refused_alike(lender, method, SHARE_AUTH, *fields)
        expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?origin={HELP}", *fields, SAME_ORIGIN)


@pytest.mark.parametrize(
    "query",
    [
        f"origin={HELP}&origin={EVIL}",
        f"origin={EVIL}&origin={HELP}",
        f"origin={HELP}&origin={HELP}",
        f"origin={HELP}&origin=",
        f"origin={HELP}&or%69gin={EVIL}",
        f"origin={HELP};origin={EVIL}",
        f"origin={HELP}%00",
        f"origin={HELP}%20",
        f"origin={HELP}%0d%0aSet-Cookie:%20a=b",
        f"origin={HELP};%20script-src%20*",
        "origin",
        "origin=",
        f"origin[]={HELP}&origin=",
    ],
)
def test_a_parameter_that_comes_twice_or_with_more_opens_no_frame(
    lender: Lender, query: str
) -> None:
    """Has: the query. Tries: two readings of it, or fields and policies of their own.

    Gets: no frame, and no answer for one.
    """
    expect_refused_alike(lender, "GET", f"{FRAME}?{query}", ("Sec-Fetch-Dest", "iframe"))
    if query != "origin":
        expect_refused_alike(lender, "GET", f"{SHARE_AUTH}?{query}", SAME_ORIGIN)


@pytest.mark.parametrize("query", ["to={}&to=https://evil.test/", "to=https://evil.test/&to={}"])
def test_a_destination_that_comes_twice_is_refused(lender: Lender, query: str) -> None:
    """Has: the query. Tries: that one destination is checked and the other followed. Gets: 403."""
    expect_refused_alike(lender, "GET", f"{HANDOFF}?{query.format(HELP)}")
