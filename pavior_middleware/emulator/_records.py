"""What the emulator remembers of its visitors, as immutable records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ._repetition import Note
from ._verification import Outcome, Status


@dataclass(frozen=True)
class Visit:
    """An init to remember: its options, its page, and what was decided about it.

    `visitor` names the browser. `options` and `attributes` are JSON objects. `note` says that this
    page has called init as somebody else before. Times are ISO 8601.
    """

    outcome: Outcome
    visitor: str
    options: Mapping[str, object]
    attributes: Mapping[str, object]
    page_url: str | None
    page_title: str | None
    at: str
    note: Note | None = None


@dataclass(frozen=True)
class Init:
    """The newest init of a contact.

    `note` says that the same page has called init as somebody else before; it is None otherwise.
    """

    options: Mapping[str, object]
    authenticated: bool
    reason: str | None
    page_url: str | None
    page_title: str | None
    at: str
    note: Note | None = None

    @property
    def signed_option(self) -> Literal["id", "email"] | None:
        """The one option that the hmac covers; None if the init is not authenticated."""
        if not self.authenticated:
            return None
        return "email" if self.options.get("id") in (None, "") else "id"


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
class Entry:
    """A contact as a line of the inbox's list: `message_count` messages, and the newest of them.

    `activity` grows with each init and each message of anybody, so that it orders the list.
    """

    number: int
    identifier: str
    status: Status
    email: str | None
    attributes: Mapping[str, object]
    last_seen: str
    activity: int
    message_count: int
    newest: Message | None


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
    message_count: int
    messages: Sequence[Message]
    last_init: Init


class Page(NamedTuple):
    """Some messages, the oldest first, and whether there are earlier ones."""

    messages: Sequence[Message]
    has_earlier: bool


class Listing(NamedTuple):
    """Which contacts a list shows: of one status, only those who wrote, or only those who did not.

    None means all of them. With `before`, only contacts whose activity is lower than that.
    """

    status: Status | None
    wrote: bool | None
    before: int | None = None


class Session(NamedTuple):
    """An init that was remembered: the secret token by which its page writes, and its contact."""

    token: str
    contact: int
