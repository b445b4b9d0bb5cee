"""What the emulator remembers: contacts, their sessions and messages, the text box."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from ._database import Database
from ._records import Contact, Entry, Init, Listing, Message, Page, Session, Visit
from ._repetition import Note
from ._verification import Status

_MESSAGES = (
    "SELECT message.*, contact.anonymous, contact.identifier FROM message"
    " JOIN contact ON contact.number = message.contact"
)
_ENTRIES = (
    "SELECT contact.*, message.text, message.authenticated, message.reason, message.sent_at"
    " FROM contact LEFT JOIN message ON message.number = contact.newest_message"
)
_LATER_THAN_ALL = 2**63 - 1

_FLAGS: Mapping[Status, tuple[bool, bool]] = {
    "anonymous": (True, False),
    "lead": (False, False),
    "signup": (False, True),
}
"""A status as the columns `anonymous` and `signup`."""


class Store:
    """The emulator's memory in one database. Any thread may call it.

    Each method raises `StorageError` if the database fails, and then nothing has changed.
    """

    def __init__(self, database: str) -> None:
        self._database = Database(database)

    @property
    def is_file(self) -> bool:
        """Whether it outlives the process."""
        return self._database.is_file

    @property
    def path(self) -> str:
        """The database's path, or `:memory:`."""
        return self._database.path

    def kept_for_one_server(self) -> AbstractContextManager[None]:
        """Keep other emulators from serving the same file meanwhile."""
        return self._database.kept_for_one_server()

    # Written

    def begin_session(self, visit: Visit) -> Session:
        """Remember an init, and its contact if new."""
        token = secrets.token_urlsafe(32)
        with self._database.writing() as database:
            contact = _contact_of(database, visit)
            database.execute(
                "INSERT INTO session (token, contact, visitor, authenticated, reason, options,"
                " page_url, page_title, began_at, note, note_warns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                    visit.note and visit.note.text,
                    visit.note is not None and visit.note.is_warning,
                ),
            )
        return Session(token, contact)

    def add_message(self, token: str, text: str, at: str) -> int | None:
        """Remember a session's message; return its number, or None if there is no such session.

        Whether the message is authenticated was decided when its session began.
        """
        with self._database.writing() as database:
            added = database.execute(
                "INSERT INTO message (contact, visitor, text, authenticated, reason, sent_at)"
                " SELECT session.contact, visitor, ?, authenticated,"
                " CASE WHEN anonymous THEN NULL ELSE reason END, ?"
                " FROM session JOIN contact ON contact.number = session.contact WHERE token = ?",
                (text, at, token),
            )
            if added.rowcount != 1:
                return None
            database.execute(
                "UPDATE contact SET last_seen = ?, newest_message = ?, wrote = TRUE,"
                " message_count = message_count + 1, activity = ?"
                " WHERE number = (SELECT contact FROM session WHERE token = ?)",
                (at, added.lastrowid, _activity(database) + 1, token),
            )
            return added.lastrowid

    def save_shared_auth_domains(self, domains: Sequence[str]) -> None:
        """Replace the domains of the text box."""
        with self._database.writing() as database:
            database.execute("DELETE FROM shared_auth_domain")
            database.executemany(
                "INSERT INTO shared_auth_domain VALUES (?)", [(domain,) for domain in domains]
            )

    def clear(self) -> None:
        """Delete every contact, session and message; the text box stays."""
        with self._database.writing() as database:
            for table in ("message", "session", "contact"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608  # names from the line above

    # Read

    def conversation(self, token: str, *, before: int | None, limit: int) -> Page:
        """Return the newest messages that a session's page may show, or those before a number.

        An unauthenticated page has only claimed an identity. So it sees only what this browser has
        written without authentication.
        """
        sought = (token, before or _LATER_THAN_ALL, limit + 1)
        select = (
            "SELECT * FROM (SELECT message.*, contact.anonymous, contact.identifier FROM session"
            " JOIN contact ON contact.number = session.contact"
            " JOIN message ON message.contact = session.contact"
            " WHERE token = ? AND message.number < ? AND {} ORDER BY message.number DESC LIMIT ?)"
        )
        with self._database.reading() as database:
            rows = database.execute(
                select.format("session.authenticated AND message.authenticated = 1")
                + " UNION ALL "
                + select.format("message.visitor = session.visitor AND message.authenticated = 0")
                + " ORDER BY number DESC LIMIT ?",
                (*sought, *sought, limit + 1),
            ).fetchall()
        return _page(rows, limit)

    def messages(self, contact: int, *, before: int | None, limit: int) -> Page:
        """Return a contact's newest messages, or those before a number."""
        with self._database.reading() as database:
            rows = database.execute(
                f"{_MESSAGES} WHERE message.contact = ? AND message.number < ?"
                " ORDER BY message.number DESC LIMIT ?",
                (contact, before or _LATER_THAN_ALL, limit + 1),
            ).fetchall()
        return _page(rows, limit)

    def messages_after(self, contact: int, number: int, limit: int) -> list[Message]:
        """Return a contact's messages after a number, the oldest first."""
        with self._database.reading() as database:
            rows = database.execute(
                f"{_MESSAGES} WHERE message.contact = ? AND message.number > ?"
                " ORDER BY message.number LIMIT ?",
                (contact, number, limit),
            ).fetchall()
        return [_message(row) for row in rows]

    def entries(self, listing: Listing, limit: int) -> list[Entry]:
        """Return the contacts of a list, the most recently active first."""
        conditions = {"activity < ?": listing.before or _LATER_THAN_ALL}
        if listing.wrote is not None:
            conditions["wrote = ?"] = listing.wrote
        if listing.status is not None:
            anonymous, signup = _FLAGS[listing.status]
            conditions |= {"anonymous = ?": anonymous, "signup = ?": signup}
        with self._database.reading() as database:
            rows = database.execute(
                f"{_ENTRIES} WHERE {' AND '.join(conditions)} ORDER BY activity DESC LIMIT ?",
                (*conditions.values(), limit),
            ).fetchall()
        return [_entry(row) for row in rows]

    def changed_entries(self, since: int, limit: int) -> list[Entry]:
        """Return the contacts with a higher activity than `since`, the earliest first."""
        with self._database.reading() as database:
            rows = database.execute(
                f"{_ENTRIES} WHERE activity > ? ORDER BY activity LIMIT ?", (since, limit)
            ).fetchall()
        return [_entry(row) for row in rows]

    def activity(self) -> int:
        """Return the activity of the contact who was active last; 0 without contacts."""
        with self._database.reading() as database:
            return _activity(database)

    def counts(self) -> Mapping[tuple[Status, bool], int]:
        """Return how many contacts of each status have written, and how many have not."""
        with self._database.reading() as database:
            rows = database.execute(
                "SELECT anonymous, signup, wrote, count(*) AS contacts FROM contact"
                " GROUP BY anonymous, signup, wrote"
            ).fetchall()
        return {(_status(row), bool(row["wrote"])): row["contacts"] for row in rows}

    def contact(self, number: int, *, newest: int) -> Contact | None:
        """Return a contact with its `newest` last messages, or None."""
        with self._database.reading() as database:
            row = database.execute("SELECT * FROM contact WHERE number = ?", (number,)).fetchone()
            init = database.execute(
                "SELECT * FROM session WHERE contact = ? ORDER BY number DESC LIMIT 1", (number,)
            ).fetchone()
        if row is None or init is None:
            return None
        page = self.messages(number, before=None, limit=newest)
        return _contact(row, page.messages, _init(init))

    def contacts(self) -> list[Contact]:
        """Return everybody who was here, with their messages, the most recently active first."""
        with self._database.reading() as database:
            people = database.execute("SELECT * FROM contact ORDER BY activity DESC").fetchall()
            inits = database.execute(
                "SELECT * FROM session WHERE number IN"
                " (SELECT max(number) FROM session GROUP BY contact)"
            ).fetchall()
            messages = database.execute(f"{_MESSAGES} ORDER BY message.number").fetchall()
        last_inits = {row["contact"]: _init(row) for row in inits}
        written: dict[int, list[Message]] = {row["number"]: [] for row in people}
        for row in messages:
            written[row["contact"]].append(_message(row))
        return [_contact(row, written[row["number"]], last_inits[row["number"]]) for row in people]

    def shared_auth_domains(self) -> tuple[str, ...]:
        """Return the text box's domains, as they were entered."""
        with self._database.reading() as database:
            rows = database.execute("SELECT domain FROM shared_auth_domain ORDER BY rowid")
            return tuple(row["domain"] for row in rows)


def _contact_of(database: sqlite3.Connection, visit: Visit) -> int:
    """Create or update the visit's contact and return its number.

    A forged init must not change what a signup's own inits said.
    """
    outcome = visit.outcome
    key = (outcome.identifier is None, outcome.identifier or visit.visitor)
    database.execute(
        "INSERT INTO contact (anonymous, identifier, first_seen, last_seen, activity)"
        " VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (anonymous, identifier) DO UPDATE"
        " SET last_seen = excluded.last_seen, activity = excluded.activity",
        (*key, visit.at, visit.at, _activity(database) + 1),
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


def _activity(database: sqlite3.Connection) -> int:
    (activity,) = database.execute("SELECT coalesce(max(activity), 0) FROM contact").fetchone()
    return int(activity)


def _page(newest_first: Sequence[sqlite3.Row], limit: int) -> Page:
    """Return a page of rows; a row beyond the limit means that there are earlier ones."""
    shown = [_message(row) for row in reversed(newest_first[:limit])]
    return Page(shown, len(newest_first) > limit)


def _status(row: sqlite3.Row) -> Status:
    return "anonymous" if row["anonymous"] else "signup" if row["signup"] else "lead"


def _contact(row: sqlite3.Row, messages: Sequence[Message], last_init: Init) -> Contact:
    return Contact(
        number=row["number"],
        identifier=row["identifier"],
        status=_status(row),
        id=row["id"],
        email=row["email"],
        attributes=json.loads(row["attributes"]),
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        message_count=row["message_count"],
        messages=tuple(messages),
        last_init=last_init,
    )


def _entry(row: sqlite3.Row) -> Entry:
    newest = row["newest_message"]
    return Entry(
        number=row["number"],
        identifier=row["identifier"],
        status=_status(row),
        email=row["email"],
        attributes=json.loads(row["attributes"]),
        last_seen=row["last_seen"],
        activity=row["activity"],
        message_count=row["message_count"],
        newest=None if newest is None else _message(row, newest),
    )


def _message(row: sqlite3.Row, number: int | None = None) -> Message:
    return Message(
        number=row["number"] if number is None else number,
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
        note=Note(row["note"], bool(row["note_warns"])) if row["note"] else None,
    )
