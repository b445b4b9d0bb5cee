"""The emulator as tests have it: a server on this machine, and its inbox as Python objects."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from flask import Flask

from pavior_middleware import Identity, Settings
from pavior_middleware.flask import Pavior
from pavior_middleware.testing import Emulator
from tests.support.adapters import Reply
from tests.support.clients import by_webtest
from tests.support.covering import first_of
from tests.support.repository import ROOT
from tests.support.sites import ADA, BOB, LEAD


def test_a_user_whom_the_site_vouches_for_is_authenticated(emulator: Emulator) -> None:
    chat = emulator.open_chat(by_webtest(Reply(), emulator.settings, ADA))
    assert (chat.status, chat.authenticated, chat.reason) == ("signup", True, None)
    (contact,) = emulator.contacts
    assert (contact.id, contact.email, contact.attributes) == ("7", ADA.email, {"firstName": "Ada"})
    assert contact.status == "signup"
    assert contact.last_init.authenticated


def test_a_user_whom_the_site_signs_with_another_key_is_a_lead_and_the_chat_says_why(
    emulator: Emulator,
) -> None:
    settings = replace(emulator.settings, api_key="another-key-for-the-tests-only")
    chat = emulator.open_chat(by_webtest(Reply(), settings, ADA))
    assert (chat.status, chat.authenticated) == ("lead", False)
    assert chat.reason == "hmac does not match the id"
    assert repr(chat) == "Chat(lead, authenticated=False, reason='hmac does not match the id')"
    (contact,) = emulator.contacts
    assert (contact.status, contact.last_init.reason) == ("lead", "hmac does not match the id")


@pytest.mark.parametrize(
    ("identity", "status"), [(ADA, "signup"), (LEAD, "lead"), (None, "anonymous")]
)
def test_a_message_is_as_authenticated_as_its_page(
    emulator: Emulator, identity: Identity | None, status: str
) -> None:
    chat = emulator.open_chat(by_webtest(Reply(), emulator.settings, identity))
    chat.say("Where is my order?")
    (message,) = emulator.messages
    assert message.text == "Where is my order?"
    assert message.identifier == (identity and identity.identifier)
    assert message.authenticated == chat.authenticated == (status == "signup")
    assert chat.status == status


def test_messages_of_all_contacts_come_in_the_order_in_which_they_were_sent(
    emulator: Emulator,
) -> None:
    ada, bob = (
        emulator.open_chat(by_webtest(Reply(), emulator.settings, each)) for each in (ADA, BOB)
    )
    for chat, text in ((ada, "first"), (bob, "second"), (ada, "third")):
        chat.say(text)
    assert [message.text for message in emulator.messages] == ["first", "second", "third"]
    assert {message.identifier for message in emulator.messages} == {"7", "8"}


@pytest.mark.parametrize("name", ["ada", "bob"])
def test_each_test_begins_with_an_empty_inbox(emulator: Emulator, name: str) -> None:
    assert (list(emulator.contacts), list(emulator.messages)) == ([], [])
    emulator.open_chat(by_webtest(Reply(), emulator.settings, Identity(name)))


def test_all_tests_of_a_run_have_the_same_server(
    emulator: Emulator, emulator_server: Emulator
) -> None:
    assert emulator is emulator_server


def test_a_message_that_the_emulator_refuses_is_an_error(emulator: Emulator) -> None:
    chat = emulator.open_chat(by_webtest(Reply(), emulator.settings, ADA))
    with pytest.raises(ValueError, match=r"the emulator answers 400: .*not empty"):
        chat.say(" ")
    emulator.clear()
    with pytest.raises(ValueError, match="410: there is no such session"):
        chat.say("still there?")


def test_a_page_without_the_chat_opens_none(emulator: Emulator) -> None:
    response = by_webtest(Reply([b"{}"], [("Content-Type", "text/plain")]), emulator.settings, ADA)
    with pytest.raises(AssertionError, match=r"no chat \(status 200, Content-Type text/plain"):
        emulator.open_chat(response)


def test_the_config_of_an_app_is_that_of_the_settings(emulator: Emulator) -> None:
    assert Settings.from_mapping(emulator.config) == emulator.settings
    app = Flask(__name__)
    app.config.update(emulator.config)
    Pavior(app, identity=lambda _: ADA)
    app.add_url_rule("/", view_func=lambda: "<!doctype html><title>A</title>")
    assert emulator.open_chat(app.test_client().get("/")).authenticated


def test_the_emulator_serves_its_script_and_its_inbox(emulator: Emulator) -> None:
    with urlopen(emulator.embed_url) as embed, urlopen(emulator.origin) as inbox:
        assert embed.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert emulator.embed_url in inbox.read().decode()


def test_an_emulator_of_ones_own_has_the_team_the_key_and_the_port_that_one_gives() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with Emulator(team_vanity_id="acme", api_key="a-key-of-a-test", port=port) as emulator:
        assert emulator.embed_url == f"http://127.0.0.1:{port}/embed"
        settings = Settings("acme", "a-key-of-a-test")
        assert emulator.open_chat(by_webtest(Reply(), settings, ADA)).authenticated
    with pytest.raises(OSError, match="refused"):
        urlopen(emulator.embed_url)


def test_a_port_that_is_taken_is_an_error() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="use"),
        Emulator(port=taken.getsockname()[1]),
    ):
        pass


def test_no_text_of_an_emulator_shows_its_key(emulator: Emulator) -> None:
    assert emulator.config["PAVIOR_API_KEY"] not in f"{emulator!r}{emulator.settings!r}"


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import pytest
sys.exit(pytest.main(["-p", "no:cacheprovider", "--tb=short", sys.argv[2]]))
"""


def output_of(test: Path, *, without: str = "nothing") -> str:
    """Run pytest with a file of tests, as where a module is not installed; return its output."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, without, str(test)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.mark.parametrize("missing", first_of(["uvicorn", "starlette", "jinja2"]))
def test_without_the_extra_the_fixture_says_what_to_install(tmp_path: Path, missing: str) -> None:
    test = tmp_path / "test_site.py"
    test.write_text("def test_site(emulator): pass")
    output = output_of(test, without=missing)
    assert f'the emulator needs {missing}: pip install "pavior-middleware[emulator]"' in output
    assert "1 error" in output


def test_a_run_of_pytest_without_the_fixture_does_not_import_the_package(tmp_path: Path) -> None:
    test = tmp_path / "test_site.py"
    test.write_text(
        "import sys\n"
        "def test_site(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.has_plugin('pavior')\n"
        "    assert not [name for name in sys.modules if name.startswith('pavior_middleware')]\n"
    )
    assert "1 passed" in output_of(test)
