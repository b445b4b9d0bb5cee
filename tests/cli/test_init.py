"""`pavior init`: the lines and settings with which an app begins."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest

from pavior_middleware import Settings
from pavior_middleware._cli.beginning.frameworks import FRAMEWORKS
from pavior_middleware._cli.beginning.needs import Needs
from pavior_middleware._cli.beginning.steps import DOCUMENTS, steps
from tests.cli.command import on_terminal, pavior
from tests.frameworks.recipes import blocks
from tests.support.repository import ROOT

LENDING = Needs(
    team_vanity_id="acme",
    lends_to=("help.example.com", "*.example.org"),
    email_confirmed="profile.email_confirmed",
    cache=True,
    emulator=True,
)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_lines_are_those_of_the_frameworks_document(name: str) -> None:
    assert FRAMEWORKS[name].lines == blocks(name)[0]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_package_is_installed_as_in_the_frameworks_document(name: str) -> None:
    assert steps(name, Needs()).install in (ROOT / "docs/frameworks" / f"{name}.md").read_text()


def test_each_adapter_has_a_framework() -> None:
    documents = {path.stem for path in (ROOT / "docs" / "frameworks").glob("*.md")}
    modules = {path.stem for path in (ROOT / "pavior_middleware").iterdir()}
    assert set(FRAMEWORKS) == documents & modules


@pytest.mark.parametrize(("name", "consent"), list(product(FRAMEWORKS, [False, True])))
def test_the_lines_are_python_that_asks_for_consent_where_it_is_needed(
    name: str, consent: bool
) -> None:
    found = steps(name, Needs(consent=consent))
    compile(found.lines, name, "exec", dont_inherit=True)
    settings = " ".join(found.settings)
    assert ("consent" in found.lines.lower() + settings) is consent
    imported = re.findall(r"import (.+)", found.lines)
    for each in filter(None, re.split(r", ", ", ".join(imported))):
        assert found.lines.count(each) > 1, "an import that nothing uses"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_settings_are_settings_once_the_keys_are_filled_in(name: str) -> None:
    found = steps(name, LENDING)
    secret = FRAMEWORKS[name].own_secret
    given: dict[str, object] = {
        re.sub(r".*PAVIOR_|pavior\.", "PAVIOR_", setting).upper(): value or f"a-key-of-{setting}"
        for setting, value in found.settings.items()
        if setting != secret
    }
    if FRAMEWORKS[name].style == "python":
        module: dict[str, object] = {"INSTALLED_APPS": [], "MIDDLEWARE": []}
        exec(found.lines.replace('os.environ["PAVIOR_API_KEY"]', "'a-key-of-the-module'"), module)
        given |= module
    settings = Settings.from_mapping(given)
    assert settings.team_vanity_id == "acme"
    assert settings.shared_auth_domains == ("help.example.com", "*.example.org")
    assert settings.cacheable_pages is True
    assert settings.embed_url == "http://localhost:8990/embed"
    reads_users = FRAMEWORKS[name].reads_users
    assert settings.email_confirmed == ("profile.email_confirmed" if reads_users else None)
    assert settings.secret_keys or secret is not None
    assert reads_users or any("profile.email_confirmed" in note for note in found.notes)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_site_that_borrows_its_login_needs_no_key(name: str) -> None:
    found = steps(name, Needs(borrows_from="www.example.com"))
    assert not [each for each in found.settings if "key" in each.lower()]
    assert "PAVIOR_API_KEY" not in found.lines
    assert "www.example.com" in found.lines + "".join(found.settings.values())


def test_the_addresses_of_the_notes_are_documents_of_the_repository() -> None:
    notes = " ".join(note for name in FRAMEWORKS for note in steps(name, Needs(cache=True)).notes)
    addresses = re.findall(rf"{re.escape(DOCUMENTS)}/(\S+)", notes)
    assert len(addresses) == 2 * len(FRAMEWORKS)
    assert [each for each in addresses if not (ROOT / "docs" / each).is_file()] == []


def test_the_command_prints_what_to_install_add_and_set_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = pavior("init", "flask", "--team-vanity-id", "acme", "--lend-to", "help.example.com")
    assert (done.stderr, done.status) == ("", 0)
    assert done.stdout.startswith('# Install\npip install "pavior-middleware[flask]"\n')
    assert blocks("flask")[0] in done.stdout
    assert (
        "# Write into .env\n"
        "PAVIOR_TEAM_VANITY_ID=acme\n"
        "PAVIOR_API_KEY=\n"
        "PAVIOR_SHARED_AUTH_DOMAINS=help.example.com\n"
        "FLASK_SECRET_KEY=\n"
    ) in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_command_answers_in_json_from_options_alone() -> None:
    done = pavior("init", "fastapi", "--json", "--consent", "--emulator", "--cache")
    assert (done.stderr, done.status) == ("", 0)
    found = json.loads(done.stdout)
    assert set(found) == {"install", "place", "lines", "settings_place", "settings", "notes"}
    assert found["settings"] == {
        "PAVIOR_TEAM_VANITY_ID": "YOUR_TEAM_ID",
        "PAVIOR_API_KEY": "",
        "PAVIOR_EMBED_URL": "http://localhost:8990/embed",
        "PAVIOR_CACHEABLE_PAGES": "true",
    }


def test_the_command_asks_on_a_terminal_and_prints_what_the_options_print() -> None:
    answers = [
        (b"Which framework?", "django"),
        (b"team's id", "acme"),
        (b"borrow its login", ""),
        (b"help center", "help.example.com help.example.org"),
        (b"email is confirmed", ""),
        (b"consent", "y"),
        (b"cache", "n"),
        (b"emulator", "n"),
    ]
    done = on_terminal("init", answers=answers)
    assert done.status == 0
    domains = ("--lend-to", "help.example.com", "--lend-to", "help.example.org")
    options = ("django", "--team-vanity-id", "acme", *domains, "--consent")
    assert done.stdout == pavior("init", *options).stdout
    assert 'PAVIOR_SHARED_AUTH_DOMAINS = ["help.example.com", "help.example.org"]' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "pass one of aiohttp"),
        (["--json"], "pass one of aiohttp"),
        (["rails"], "invalid choice"),
        (["flask", "--lend-to", "https://help.example.com"], "is a URL"),
        (["flask", "--lend-to", "a.example", "--borrow-from", "b.example"], "both set"),
    ],
)
def test_needs_that_cannot_be_met_are_named(arguments: list[str], message: str) -> None:
    done = pavior("init", *arguments)
    assert done.status == 2
    assert message in done.stderr
    if "--json" in arguments:
        assert message in json.loads(done.stdout)["error"]


def test_the_line_that_reads_the_file_runs_the_application_that_the_lines_define() -> None:
    notes = " ".join(steps("asgi", Needs()).notes)
    assert "application = " in steps("asgi", Needs()).lines
    assert "`uvicorn --env-file .env app:application` reads the file, if python-dotenv" in notes
