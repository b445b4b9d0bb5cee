"""One SQLite database, in a file or in memory, whose errors say what to do."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ._schema import prepare

MEMORY = ":memory:"
LONGEST_WAIT_SECONDS = 3
"""The number of seconds that a call waits for another program that has locked the file."""

_TO_DO = {
    "is locked": (
        "another program has locked it for more than"
        f" {LONGEST_WAIT_SECONDS} seconds: end that program's transaction, then try again"
    ),
    "is full": "the disk is full: make room, then try again",
    "disk I/O error": (
        "it cannot be read or written, as where the disk is full or a limit of file sizes is"
        " reached: make room, then try again"
    ),
    "readonly": "it cannot be written: change its permissions and those of its folder",
    "unable to open": "it cannot be opened: name a file in a folder that exists and can be written",
    "not a database": "it is not an SQLite database: name another file",
    "malformed": "it is damaged: restore it, or name another file",
}


class StorageError(sqlite3.OperationalError):
    """A read or write has failed; the message names the file and says what to do.

    The database still holds what it held before, and nothing is half written.
    """


class Database:
    """A connection that any thread may use, one after the other.

    `path` is a file's, which is made if it is not there, or `:memory:`. Raises `StorageError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=LONGEST_WAIT_SECONDS, check_same_thread=False, isolation_level=None
            )
            # Apps may end without a shutdown, so the connection closes with the object that owns
            # it.
            weakref.finalize(self, self._connection.close)
            self._connection.row_factory = sqlite3.Row
            # With a write-ahead log, a program that reads the file does not block writes.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self.writing() as connection:
            prepare(connection)

    @property
    def is_file(self) -> bool:
        """Whether the database outlives the process."""
        return self.path != MEMORY

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection to read from. Raises `StorageError`."""
        with self._lock, self._explained():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for one transaction: all changes are kept, or none of them.

        Raises `StorageError`.
        """
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself on some errors
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def kept_for_one_server(self) -> Iterator[None]:
        """Keep other emulators from serving this file meanwhile. Raises `StorageError`.

        The lock is that of an empty database beside the file. So it ends with this process, even
        after a crash, and any program can still read the file itself.
        """
        if not self.is_file:
            yield
            return
        guard = Path(f"{self.path}.lock")
        with self._explained(), closing(sqlite3.connect(guard, timeout=0)) as connection:
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                raise StorageError(
                    f"database {self.path}: another emulator serves it: stop that one, or name"
                    " another file"
                ) from None
            yield
        with suppress(PermissionError):  # Windows keeps a file that another emulator has opened
            guard.unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except sqlite3.DatabaseError as error:
            to_do = next((text for part, text in _TO_DO.items() if part in str(error)), None)
            if to_do is None:
                raise
            raise StorageError(f"database {self.path}: {to_do} ({error})") from error
