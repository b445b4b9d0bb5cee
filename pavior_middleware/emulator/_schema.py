"""The tables of the emulator's database, and their upgrade from an earlier release."""

from __future__ import annotations

import sqlite3

VERSION = 1

_TABLES = """
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

# Lists and counts read these columns and indexes alone, however many messages there are.
_TO_VERSION_1 = """
ALTER TABLE contact ADD COLUMN message_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN newest_message INTEGER;
ALTER TABLE contact ADD COLUMN wrote INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN activity INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN note TEXT;
ALTER TABLE session ADD COLUMN note_warns INTEGER NOT NULL DEFAULT 0;
UPDATE contact SET
    message_count = (SELECT count(*) FROM message WHERE contact = contact.number),
    newest_message = (SELECT max(number) FROM message WHERE contact = contact.number);
UPDATE contact SET wrote = message_count > 0, activity = sorted.place
    FROM (SELECT number, row_number() OVER (ORDER BY last_seen, number) AS place FROM contact)
    AS sorted WHERE sorted.number = contact.number;
CREATE INDEX contact_activity ON contact (activity);
CREATE INDEX contact_list ON contact (wrote, activity);
CREATE INDEX contact_group ON contact (anonymous, signup, wrote, activity);
CREATE INDEX message_shown ON message (contact, authenticated, number);
CREATE INDEX message_visitor ON message (contact, visitor, authenticated, number);
PRAGMA user_version = 1;
"""


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or change those of an earlier release; call it in a transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.OperationalError(
            f"a later release has written the database (its version is {version}, not {VERSION}):"
            " upgrade pavior-middleware, or name another file"
        )
    statements = _TABLES if version == VERSION else _TABLES + _TO_VERSION_1
    for statement in statements.split(";"):
        connection.execute(statement)  # `executescript` would end the transaction
