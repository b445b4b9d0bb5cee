"""What `Settings(on_event=…)` hears: what happened to each response, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Reason(str, Enum):
    """Why a response got no script, or why the app was asked again."""

    SKIP_PATH = "its path is in skip_paths"
    SKIPPED = "the app has skipped it"
    NOT_HTML = "it is no HTML"
    DOWNLOAD = "it is saved, not shown"
    NO_CONTENT = "its status says that it holds no page"
    PART = "it is a part of something"
    PART_OF_PAGE = "it is a part of a page that gets the script"
    NOT_MODIFIED = "the client's copy holds"
    OTHER_COPY = "the client's copy is not the page that it gets now"
    CODING = "its content coding cannot be read"
    SANDBOX = "a policy puts it into a sandbox"
    FRAME = "it is shown in a frame, or fetched for something else than a page"
    NO_CONSENT = "there is no consent to the chat"
    LOGIN_CHANGED = "it may have logged somebody in or out, and the login cookie follows"
    UNCHANGED = "it is a fragment or another document that gets no script"
    NOT_WHITELISTED = "the origin is not in shared_auth_domains"
    FAILED = "the callable failed"
    NONE = ""


Outcome = Literal["injected", "passed", "retried", "refused", "lookup_failed", "shared"]


@dataclass(frozen=True)
class Event:
    """What happened to a response, or to the question for its visitor.

    `outcome` is one of `injected` (the page got the script), `passed` (the response got none),
    `retried` (the app was asked again for the whole page), `refused` (an identity was refused and
    left out), `lookup_failed` (the site's `identity` or `consent` raised) and `shared` (another
    site, or the site's own script, was told who is logged in). `reason` says why, in English; more
    precisely than `outcome`, and its words may change. `is_named` tells that a user was named.

    An event never holds a key, an id, an email or a URL.
    """

    outcome: Outcome
    reason: str = ""
    is_named: bool = False


EventHook = Callable[[Event], object]
