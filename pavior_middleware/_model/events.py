"""What `Settings(on_event=…)` is called with: what happened to each response, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Reason(str, Enum):
    """Why something happened: a word that does not change, and `text`, which explains it."""

    text: str

    def __new__(cls, word: str, text: str) -> Reason:
        """Create a member that equals its word and has a text."""
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.text = text
        return reason

    NONE = "", ""
    # Why a response passed unchanged.
    SKIP_PATH = "skip_path", "its path is in skip_paths"
    SKIPPED = "skipped", "the app has skipped it"
    INNER = "inner", "another middleware of this package, inside of this one, has made it"
    NOT_HTML = "not_html", "its Content-Type is not text/html in a charset like ASCII"
    DOWNLOAD = "download", "the browser saves it and does not show it"
    NO_CONTENT = "no_content", "its status says that it holds no page"
    PART = "part", "it is a part of something"
    ELSEWHERE = "elsewhere", "another server sends its body, as X-Accel-Redirect or X-Sendfile says"
    NOT_MODIFIED = "not_modified", "the client's copy holds"
    CODING = "coding", "its content coding cannot be read"
    SANDBOX = "sandbox", "its Content-Security-Policy puts it into a sandbox"
    FRAME = (
        "frame",
        "it is for a frame, or for something else than a page",
    )
    HEAD = "head", "the request was a HEAD, so there is no page"
    NO_CONSENT = "no_consent", "there is no consent to the chat"
    LOGIN_CHANGED = "login_changed", "it is no page, but the login cookie follows the login"
    UNCHANGED = "unchanged", "its text is a part of a page, or a page that gets no script"
    # Why the app was asked again.
    PART_OF_PAGE = "part_of_page", "the app has sent a part of a page that gets the script"
    OTHER_COPY = "other_copy", "the client's copy is not the page that the client gets now"
    UNKNOWN_COPY = "unknown_copy", "the client's copy may be a page without the script"
    # Why something was refused.
    IDENTITY = "identity", "the identity must not be signed"
    NOT_WHITELISTED = "not_whitelisted", "the origin is not in shared_auth_domains"
    CODE = "code", "the code of a handoff is too old, or not for this page"
    # Why a lookup failed.
    FAILED = "failed", "the callable raised, or returned what it must not"
    TIMEOUT = "timeout", "the callable has not returned within identity_timeout"

    def __str__(self) -> str:
        """Return the word."""
        return str.__str__(self)


Outcome = Literal["injected", "passed", "retried", "refused", "lookup_failed", "shared"]


@dataclass(frozen=True)
class Event:
    """What happened to a response, or in the search for its visitor.

    `outcome` is one of

    - `injected`: the page got the script. For a streamed page, the event comes when its head is
      sent, before the whole page is known;
    - `passed`: the response got no script;
    - `retried`: nothing of the response was sent, and the app was asked again for the whole page;
    - `shared`: an answer below `/.well-known/pavior/` told another site, or the site's own script,
      who is logged in;
    - `refused`: an identity was left out, or another site got no answer;
    - `lookup_failed`: the site's `identity` or `consent` failed. Then the question who is logged in
      is not answered and there is no `shared`, unless the login cookie answers another site.

    Each request for a page has one `injected` or `passed`, after a `retried` if there was one.
    `reason`, a `str`, is a word that does not change, fit for a metric's label; `docs/events.md`
    lists the words. `text` explains it in English. `is_named` tells that a user was named.

    An event never holds a key, an id, an email or a URL.
    """

    outcome: Outcome
    reason: Reason = Reason.NONE
    is_named: bool = False
    detail: str = ""
    """The explanation, if it depends on more than the reason."""

    @property
    def text(self) -> str:
        """Why it happened, in English; '' where there is nothing to explain."""
        return self.detail or self.reason.text

    def __str__(self) -> str:
        """Return a line for a log."""
        named = " with a user's name" if self.is_named else ""
        return f"{self.outcome}{named}: {self.text}" if self.text else f"{self.outcome}{named}"


EventHook = Callable[[Event], object]


def refused(error: Exception) -> Event:
    """Return the event of a refused identity; the error's text names nobody."""
    return Event("refused", Reason.IDENTITY, detail=str(error))
