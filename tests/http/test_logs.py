"""What is logged names nobody."""

from __future__ import annotations

import logging

import pytest

from pavior_middleware import Identity, Settings, sign
from pavior_middleware._model.paths import SHARE_AUTH
from pavior_middleware._share.tokens import Tokens
from tests.support.adapters import ADAPTERS, HTML_TYPE, Reply
from tests.support.handing_over import asking_for
from tests.support.sites import API_KEY, SECRET_KEY, TEAM

HELP = "https://help.example.net"
ADA = Identity("ada-1815", "lovelace@example.com")
BOB = Identity("bob-1916", "hawk@example.com")
USERS = {
    "named": ADA,
    "with an address as id": Identity("boss@bank.example", ADA.email),
    "with an email that is no address": Identity(ADA.id, "lovelace"),
    "with attributes that are not JSON": Identity(ADA.id, attributes={"name": {"lovelace"}}),
    "with attributes that are reserved": Identity(ADA.id, attributes={"hmac": "lovelace"}),
    "with an id too long for a cookie": Identity("".join(map("ada-1815{}".format, range(5000)))),
}
CODED = [HTML_TYPE, ("Content-Encoding", "gzip")]
COOKIE = f"__Host-pavior-share={Tokens([SECRET_KEY], 3600).cookie(BOB)}"
REQUESTS: list[tuple[str, dict[str, str]]] = [
    ("/", {}),
    ("/", {"Origin": HELP}),
    (SHARE_AUTH, {}),
    (SHARE_AUTH, {"Origin": HELP}),
    (SHARE_AUTH, {"Cookie": COOKIE}),
    (asking_for(f"{HELP}/"), {"Referer": f"{HELP}/"}),
]


@pytest.mark.parametrize("user", USERS)
def test_no_log_line_holds_an_id_an_email_or_an_hmac(
    adapter: str, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pavior_middleware")
    settings = Settings(
        TEAM, API_KEY, shared_auth_domains=["help.example.net"], secret_key=SECRET_KEY
    )
    for path, headers in REQUESTS:
        for reply in (Reply(), Reply([b"<title>lovelace</title>"], CODED)):
            ADAPTERS[adapter](reply, settings, USERS[user], path=path, headers=headers)
    assert caplog.records
    hmacs = [sign(API_KEY, each) for each in (ADA.id, ADA.email, BOB.id) if each]
    for secret in ("ada-1815", "lovelace", "boss@", "bob-1916", "hawk", *hmacs):
        assert secret not in caplog.text
