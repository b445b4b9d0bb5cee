"""The emulator's database when it cannot be used: clear messages, and nothing is lost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pavior_middleware.emulator import StorageError, create_app, serve_in_thread
from tests.support.repository import ROOT

from .site import API_KEY, TEAM, VISITOR, Site, signature


def site_with(database: Path) -> Site:
    return Site(
        TestClient(create_app(team_vanity_id=TEAM, api_key=API_KEY, database=str(database)))
    )


def texts_in(database: Path) -> list[str]:
    """Return the messages in a file, which must be whole."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [text for (text,) in connection.execute("SELECT text FROM message ORDER BY number")]


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program has a transaction open."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pavior_middleware.emulator._database.LONGEST_WAIT_SECONDS", 0)
    return tmp_path / "inbox.sqlite3"


# A database that another program has locked


def test_a_message_into_a_locked_database_is_refused_and_can_be_sent_again(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = site_with(database)
    answer = site.init(id="7", hmac=signature("7"))
    site.send(answer, "before")
    with locked(database):
        body = {"session": answer["session"], "text": "meanwhile"}
        origin = {"Origin": "https://shop.example.com"}
        refused = site.client.post("/widget/messages", json=body, headers=origin)
        assert refused.status_code == 503
        assert refused.headers["access-control-allow-origin"] == "*"
        assert refused.text.startswith(f"Nothing was saved: database {database}: another program")
        assert "end that program's transaction, then try again" in refused.text
        assert f"database {database}: another program" in caplog.text
        init = {"options": {"teamVanityId": TEAM}}
        assert site.client.post("/widget/init", json=init).status_code == 503
        assert site.client.get("/embed").status_code == 200
    assert site.send(answer, "meanwhile").status_code == 201
    assert texts_in(database) == ["before", "meanwhile"]


def test_the_text_box_cannot_be_saved_into_a_locked_database_and_the_page_says_so(
    database: Path,
) -> None:
    site = site_with(database)
    site.save_domains("help.example.com")
    with locked(database):
        response = site.save_domains("")
        assert response.status_code == 503
        assert "<h1>This did not work</h1>" in response.text
        assert "another program has locked it" in response.text
    assert site.client.get("/api/inbox").json()["shared_auth_domains"] == ["help.example.com"]


def test_an_emulator_does_not_start_with_a_locked_database(database: Path) -> None:
    site = site_with(database)
    site.send(site.init(), "kept")
    with locked(database), pytest.raises(StorageError, match="another program has locked it"):
        site_with(database)
    assert texts_in(database) == ["kept"]


def test_a_program_that_reads_the_database_does_not_block_writes(database: Path) -> None:
    site = site_with(database)
    answer = site.init()
    with closing(sqlite3.connect(database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM message").fetchall()
        assert site.send(answer, "hello").status_code == 201


# A full disk


def test_a_message_into_a_full_database_is_refused_and_can_be_sent_again(database: Path) -> None:
    app = create_app(team_vanity_id=TEAM, api_key=API_KEY, database=str(database))
    site = Site(TestClient(app))
    answer = site.init()
    with app.state.store._database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 1")  # it is raised to what is there
    sent = fill(site, answer)
    refused = site.send(answer, "x" * 9000)
    assert refused.status_code == 503
    assert "the disk is full: make room, then try again" in refused.text
    with app.state.store._database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    assert site.send(answer, "there is room").status_code == 201
    assert texts_in(database) == [*sent, "there is room"]


def fill(site: Site, answer: dict[str, object]) -> list[str]:
    """Send messages until one is refused; return those that were not."""
    sent: list[str] = []
    while site.send(answer, text := f"{len(sent)} " + "x" * 9000).status_code == 201:
        sent.append(text)
        assert len(sent) < 1000
    return sent


FILLING = """
import json, resource, sys
from tests.emulator.test_storage import fill, site_with
from pathlib import Path

database = Path(sys.argv[1])
site = site_with(database)
answer = site.init()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
sent = fill(site, answer)
refused = site.send(answer, "x" * 9000)
page = site.client.get("/")
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
again = site.send(answer, "there is room")
statuses = [refused.status_code, page.status_code, again.status_code]
json.dump([sent, refused.text, statuses], sys.stdout)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_a_write_that_the_system_refuses_loses_nothing(database: Path) -> None:
    output = subprocess.run(
        [sys.executable, "-c", FILLING, database],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    sent, message, statuses = json.loads(output)
    assert statuses == [503, 200, 201]
    assert "a limit of file sizes is reached: make room, then try again" in message
    assert len(sent) > 3
    assert texts_in(database) == [*sent, "there is room"]


NO_ROOM = """
import resource, sys
from pavior_middleware.cli import main

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
sys.exit(main(["emulator", "--port", "0", "--database", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_an_emulator_does_not_start_where_nothing_can_be_written(database: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NO_ROOM, database],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert f"pavior: database {database}: it cannot be read or written" in ended.stderr


# Two emulators on one file


@contextmanager
def emulator_process(database: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `pavior emulator` with a file; give the process and its first line, of JSON."""
    command = [sys.executable, "-m", "pavior_middleware", "emulator", "--json", "--port", "0"]
    with subprocess.Popen(
        [*command, "--database", str(database)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_a_second_emulator_on_a_file_does_not_start_and_the_first_goes_on(database: Path) -> None:
    with emulator_process(database) as (_, first):
        inbox = json.loads(first)["inbox"]
        with emulator_process(database) as (second, output):
            assert json.loads(output)["error"] == (
                f"database {database}: another emulator serves it: stop that one, or name another"
                " file"
            )
            assert second.wait(30) == 2
        assert inbox.startswith("http://127.0.0.1:")
        with emulator_process(database.with_name("other")) as (_, other):
            assert "inbox" in json.loads(other)


def test_an_emulator_that_was_killed_has_kept_all_messages_and_does_not_block_the_next_one(
    database: Path,
) -> None:
    site = site_with(database)
    site.send(site.init(), "kept")
    with emulator_process(database) as (process, first):
        assert "inbox" in json.loads(first)
        process.kill()
        process.wait(30)
        with emulator_process(database) as (_, next_one):
            assert "inbox" in json.loads(next_one)
    assert texts_in(database) == ["kept"]


def test_an_emulator_that_has_stopped_leaves_the_database_alone_in_its_folder(
    database: Path,
) -> None:
    with emulator_process(database) as (process, first):
        assert "inbox" in json.loads(first)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert [each.name for each in database.parent.iterdir()] == [database.name]


def test_two_emulators_of_one_program_cannot_serve_the_same_file(database: Path) -> None:
    apps = [
        create_app(team_vanity_id=TEAM, api_key=API_KEY, database=str(database)) for _ in range(2)
    ]
    with (
        serve_in_thread(apps[0]),
        pytest.raises(StorageError, match="another emulator serves it"),
        serve_in_thread(apps[1]),
    ):
        pass
    with serve_in_thread(apps[1]) as origin:
        assert origin


# Files of other releases


EARLIER = """
CREATE TABLE contact (number INTEGER PRIMARY KEY AUTOINCREMENT, anonymous INTEGER NOT NULL,
    identifier TEXT NOT NULL, signup INTEGER NOT NULL DEFAULT 0, id TEXT, email TEXT,
    attributes TEXT NOT NULL DEFAULT '{}', first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,
    UNIQUE (anonymous, identifier));
CREATE TABLE session (number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE,
    contact INTEGER NOT NULL REFERENCES contact (number), visitor TEXT NOT NULL,
    authenticated INTEGER NOT NULL, reason TEXT, options TEXT NOT NULL, page_url TEXT,
    page_title TEXT, began_at TEXT NOT NULL);
CREATE TABLE message (number INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact (number), visitor TEXT NOT NULL,
    text TEXT NOT NULL, authenticated INTEGER NOT NULL, reason TEXT, sent_at TEXT NOT NULL);
CREATE TABLE shared_auth_domain (domain TEXT PRIMARY KEY);
INSERT INTO contact VALUES
    (1, 0, 'late', 1, 'late', NULL, '{}', '2026-01-01T00:00:00+00:00', '2026-01-03T00:00:00+00:00'),
    (2, 1, 'silent', 0, NULL, NULL, '{}', '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00'),
    (3, 0, 'soon', 0, 'soon', NULL, '{}', '2026-01-01T00:00:00+00:00', '2026-01-01T00:00:00+00:00');
INSERT INTO session SELECT number, 'token' || number, number, 'v', signup, NULL, '{}', NULL, NULL,
    first_seen FROM contact;
INSERT INTO message (contact, visitor, text, authenticated, sent_at) VALUES
    (1, 'v', 'one', 1, '2026-01-03T00:00:00+00:00'),
    (3, 'v', 'two', 0, '2026-01-01T00:00:00+00:00'),
    (1, 'v', 'three', 1, '2026-01-03T00:00:00+00:00');
"""


def test_a_database_of_an_earlier_release_keeps_all_that_it_holds(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(EARLIER)
    site = site_with(database)
    seen = [
        (contact["identifier"], contact["message_count"], [m["text"] for m in contact["messages"]])
        for contact in site.inbox()
    ]
    assert seen == [("late", 2, ["one", "three"]), ("silent", 0, []), ("soon", 1, ["two"])]
    page = site.page()
    assert [tag["data-contact"] for tag in page.select("#entries [data-contact]")] == [
        "late",
        "soon",
    ]
    assert "three" in page.select("#entries .newest")[0].text
    site.init(visitor=VISITOR)
    assert site.inbox()[0]["identifier"] == VISITOR
    assert site_with(database).inbox() == site.inbox()


def test_a_database_of_a_later_release_is_left_unchanged(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("CREATE TABLE theirs (x); PRAGMA user_version = 99")
    with pytest.raises(sqlite3.Error, match="a later release has written the database"):
        site_with(database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
