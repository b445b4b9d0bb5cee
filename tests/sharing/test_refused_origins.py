"""The lender's log names each origin that may not borrow the login, once and safely."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pavior_middleware._model.paths import FRAME, HANDOFF, SHARE_AUTH
from pavior_middleware._share.refused_origins import MOST_ORIGINS
from tests.support.handing_over import asking_for
from tests.support.lender import Lender, site
from tests.support.sites import SECRET_KEY

LENDING = site(shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY)
TYPO = "https://help.exmaple.com"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert all(record.levelname == "WARNING" for record in caplog.records)
    return [record.getMessage() for record in caplog.records]


WAYS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "a call": (SHARE_AUTH, (("Origin", TYPO),)),
    "a call of our frame": (f"{SHARE_AUTH}?origin={quote(TYPO, safe='')}", ()),
    "a frame": (f"{FRAME}?origin={quote(TYPO, safe='')}", ()),
    "a frame that says its own origin": (f"{FRAME}?origin={quote(TYPO)}", (("Origin", "null"),)),
    "a handoff": (asking_for(f"{TYPO}/article?x=1#y"), ()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_origin_is_logged_once_with_what_to_do(
    adapter: str, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    target, fields = WAYS[way]
    lender = Lender(adapter, LENDING)
    for _ in range(3):
        assert lender.ask("GET", target, *fields).status == 403
    assert lines(caplog) == [
        f"Pavior's login was not shared with {TYPO}: if the site is yours, add help.exmaple.com to"
        " shared_auth_domains (PAVIOR_SHARED_AUTH_DOMAINS), and to the whitelist in Pavior's"
        " settings"
    ]


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("http://help.example.com", "it is not https. If the site is yours, serve it over https"),
        ("null", "it is an opaque origin, such as that of a sandboxed frame or of a file"),
        ("https://help.example.com:8443", "add help.example.com:8443 to shared_auth_domains"),
    ],
)
def test_the_log_says_why_an_origin_that_resembles_a_listed_one_is_refused(
    adapter: str, origin: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Lender(adapter, LENDING).ask("GET", SHARE_AUTH, ("Origin", origin)).status == 403
    (line,) = lines(caplog)
    assert f"{origin}: " in line
    assert reason in line


def test_a_flood_of_origins_fills_no_log(adapter: str, caplog: pytest.LogCaptureFixture) -> None:
    lender = Lender(adapter, LENDING)
    for number in range(3 * MOST_ORIGINS):
        lender.ask("GET", SHARE_AUTH, ("Origin", f"https://{number}.example.net"))
    *origins, last = lines(caplog)
    assert len(origins) == MOST_ORIGINS
    assert (
        last
        == f"Pavior logs no more than {MOST_ORIGINS} origins with which the login was not shared"
    )


@pytest.mark.parametrize("path", [SHARE_AUTH, FRAME, HANDOFF])
@given(text=st.text(max_size=400), beginning=st.sampled_from(["", "https://", "https://a.example"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_in_the_place_of_an_origin_forges_a_line_of_the_log(
    path: str, text: str, beginning: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    text = quote(beginning + text, safe="", errors="replace")
    lender = Lender("wsgi", LENDING)
    lender.ask("GET", f"{path}?origin={text}&to={text}")
    for line in lines(caplog):
        assert line.isascii()
        assert line.isprintable()
        assert len(line) < 800


@pytest.mark.parametrize("origin", ["https://a.example\r\nERROR x", "https://a b", "x" * 9999, ""])
def test_what_is_no_origin_is_refused_and_not_logged(
    origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Lender("asgi", LENDING).ask("GET", SHARE_AUTH, ("Origin", origin)).status == 403
    assert lines(caplog) == []


def test_an_origin_of_the_whitelist_is_not_logged(
    adapter: str, caplog: pytest.LogCaptureFixture
) -> None:
    lender = Lender(adapter, LENDING)
    for target in (SHARE_AUTH, f"{FRAME}?origin=https%3A%2F%2Fhelp.example.com"):
        lender.ask("GET", target, ("Origin", "https://help.example.com"))
    lender.ask("GET", asking_for("https://help.example.com/"), ("Sec-Fetch-Mode", "cors"))
    assert lines(caplog) == []
