"""What the emulator remembers, in SQLite: contacts, their sessions and messages, the text box."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ._verification import Outcome, Status

SCHEMA = """
CREATE TABLE IF NOT EXISTS contact (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    anonymous INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    signup INTEGER NOT NULL DEFAULT 0,
    id TEXT,
    email TEXT,
    attributes TEXT NOT NULL DEFAULT '{}',
    first_seen TEXT NOT NULL,
    last_seen TEXT NOT NULL,
    UNIQUE (anonymous, identifier)
);
CREATE TABLE IF NOT EXISTS session (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    contact INTEGER NOT NULL REFERENCES contact (number),
    visitor TEXT NOT NULL,
    authenticated INTEGER NOT NULL,
    reason TEXT,
    options TEXT NOT NULL,
    page_url TEXT,
    page_title TEXT,
    began_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS session_contact ON session (contact, number);
CREATE TABLE IF NOT EXISTS message (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact (number),
    visitor TEXT NOT NULL,
    text TEXT NOT NULL,
    authenticated INTEGER NOT NULL,
    reason TEXT,
    sent_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_contact ON message (contact, number);
CREATE TABLE IF NOT EXISTS shared_auth_domain (domain TEXT PRIMARY KEY);
"""


@dataclass(frozen=True)
class Visit:
    """An init to remember: what was decided of it, what it said, and from which page.

    `visitor` names the browser. `options` and `attributes` are JSON objects. Times are ISO 8601.
    """

    outcome: Outcome
    visitor: str
    options: Mapping[str, object]
    attributes: Mapping[str, object]
    page_url: str | None
    page_title: str | None
    at: str


@dataclass(frozen=True)
class Init:
    """The newest init of a contact."""

    options: Mapping[str, object]
    authenticated: bool
    reason: str | None
    page_url: str | None
    page_title: str | None
    at: str


@dataclass(frozen=True)
class Message:
    """What somebody wrote; `identifier` is None if they were anonymous."""

    number: int
    text: str
    identifier: str | None
    authenticated: bool
    reason: str | None
    sent_at: str


@dataclass(frozen=True)
class Contact:
    """Somebody who was here; `identifier` is the visitor's key if they are anonymous."""

    number: int
    identifier: str
    status: Status
    id: str | None
    email: str | None
    attributes: Mapping[str, object]
    first_seen: str
    last_seen: str
    messages: Sequence[Message]
    last_init: Init


class Store:
    """The emulator's memory in one SQLite database, a file's or `:memory:`.

    Any thread may call it. Raises `sqlite3.Error` if the database cannot be opened.
    """

    def __init__(self, database: str) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(database, check_same_thread=False)
        # an app has no sure last moment, so the connection closes with the object that owns it
        weakref.finalize(self, self._connection.close)
        self._connection.row_factory = sqlite3.Row
        self._connection.executescript(SCHEMA)

    def begin_session(self, visit: Visit) -> str:
        """Remember an init, and its contact if new; return the session's secret token."""
        token = secrets.token_urlsafe(32)
        with self._transaction() as database:
            contact = _contact_of(database, visit)
            database.execute(
                "INSERT INTO session (token, contact, visitor, authenticated, reason, options,"
                " page_url, page_title, began_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    token,
                    contact,
                    visit.visitor,
                    visit.outcome.authenticated,
                    visit.outcome.reason,
                    json.dumps(visit.options),
                    visit.page_url,
                    visit.page_title,
                    visit.at,
                ),
            )
        return token

    def add_message(self, token: str, text: str, at: str) -> int | None:
        """Remember a session's message; return its number, or None if there is no such session.

        Whether the message is authenticated was decided when its session began.
        """
        with self._transaction() as database:
            added = database.execute(
                "INSERT INTO message (contact, visitor, text, authenticated, reason, sent_at)"
                " SELECT session.contact, visitor, ?, authenticated,"
                " CASE WHEN anonymous THEN NULL ELSE reason END, ?"
                " FROM session JOIN contact ON contact.number = session.contact WHERE token = ?",
                (text, at, token),
            )
            database.execute(
                "UPDATE contact SET last_seen = ?"
                " WHERE number = (SELECT contact FROM session WHERE token = ?)",
                (at, token),
            )
        return added.lastrowid if added.rowcount == 1 else None

    def conversation(self, token: str) -> list[Message]:
        """Return the messages that a session's page may show, oldest first.

        An unauthenticated page has only said who it is for, so it sees no more than what this same
        browser wrote unauthenticated.
        """
        with self._transaction() as database:
            rows = database.execute(
                "SELECT message.*, contact.anonymous, contact.identifier FROM message"
                " JOIN contact ON contact.number = message.contact"
                " JOIN session ON session.contact = message.contact"
                " WHERE token = ? AND CASE WHEN message.authenticated"
                " THEN session.authenticated ELSE session.visitor = message.visitor END"
                " ORDER BY message.number",
                (token,),
            ).fetchall()
        return [_message(row) for row in rows]

    def contacts(self) -> list[Contact]:
        """Return everybody who was here, with their messages, the most recently active first."""
        with self._transaction() as database:
            people = database.execute(
                "SELECT * FROM contact ORDER BY last_seen DESC, number DESC"
            ).fetchall()
            inits = database.execute(
                "SELECT * FROM session WHERE number IN"
                " (SELECT max(number) FROM session GROUP BY contact)"
            ).fetchall()
            messages = database.execute(
                "SELECT message.*, contact.anonymous, contact.identifier FROM message"
                " JOIN contact ON contact.number = message.contact ORDER BY message.number"
            ).fetchall()
        last_inits = {row["contact"]: _init(row) for row in inits}
        written: dict[int, list[Message]] = {row["number"]: [] for row in people}
        for row in messages:
            written[row["contact"]].append(_message(row))
        return [_contact(row, written[row["number"]], last_inits[row["number"]]) for row in people]

    def shared_auth_domains(self) -> tuple[str, ...]:
        """Return the text box's domains, as they were entered."""
        with self._transaction() as database:
            rows = database.execute("SELECT domain FROM shared_auth_domain ORDER BY rowid")
            return tuple(row["domain"] for row in rows)

    def save_shared_auth_domains(self, domains: Sequence[str]) -> None:
        """Put these domains in the place of those there were."""
        with self._transaction() as database:
            database.execute("DELETE FROM shared_auth_domain")
            database.executemany(
                "INSERT INTO shared_auth_domain VALUES (?)", [(domain,) for domain in domains]
            )

    def clear(self) -> None:
        """Forget every contact, session and message; the text box stays."""
        with self._transaction() as database:
            for table in ("message", "session", "contact"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608  # names from the line above

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            yield self._connection


def _contact_of(database: sqlite3.Connection, visit: Visit) -> int:
    """Create or update the visit's contact and return its number.

    Nothing that a forged init says may change what a signup's own inits said.
    """
    outcome = visit.outcome
    key = (outcome.identifier is None, outcome.identifier or visit.visitor)
    database.execute(
        "INSERT INTO contact (anonymous, identifier, first_seen, last_seen) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (anonymous, identifier) DO UPDATE SET last_seen = excluded.last_seen",
        (*key, visit.at, visit.at),
    )
    database.execute(
        "UPDATE contact SET signup = ?, id = ?, email = ?, attributes = ?"
        " WHERE anonymous = ? AND identifier = ? AND (? OR NOT signup)",
        (
            outcome.authenticated,
            outcome.id,
            outcome.email,
            json.dumps(visit.attributes),
            *key,
            outcome.authenticated,
        ),
    )
    row = database.execute(
        "SELECT number FROM contact WHERE anonymous = ? AND identifier = ?", key
    ).fetchone()
    return int(row["number"])


def _contact(row: sqlite3.Row, messages: Sequence[Message], last_init: Init) -> Contact:
    status: Status = "anonymous" if row["anonymous"] else "signup" if row["signup"] else "lead"
    return Contact(
        number=row["number"],
        identifier=row["identifier"],
        status=status,
        id=row["id"],
        email=row["email"],
        attributes=json.loads(row["attributes"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        messages=tuple(messages),
        last_init=last_init,
    )


def _message(row: sqlite3.Row) -> Message:
    return Message(
        number=row["number"],
        text=row["text"],
        identifier=None if row["anonymous"] else row["identifier"],
        authenticated=bool(row["authenticated"]),
        reason=row["reason"],
        sent_at=row["sent_at"],
    )


def _init(row: sqlite3.Row) -> Init:
    return Init(
        options=json.loads(row["options"]),
        authenticated=bool(row["authenticated"]),
        reason=row["reason"],
        page_url=row["page_url"],
        page_title=row["page_title"],
        at=row["began_at"],
    )
