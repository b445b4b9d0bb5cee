"""What the sites of all frameworks show: the same users, pages and files."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

FILES = Path(__file__).parent / "files"
"""Holds `report.txt` and, for what is static, the folder `static` with `style.css`."""

STATIC = FILES / "static"
REPORT = FILES / "report.txt"


@dataclass(frozen=True)
class User:
    """A user, as an app keeps one in memory."""

    id: str
    name: str
    email: str
    is_confirmed: bool

    @property
    def confirmed_email(self) -> str | None:
        """The email, if the user has confirmed it."""
        return self.email if self.is_confirmed else None


USERS = {
    "ada": User("7", "ada", "ada@example.com", True),
    "bob": User("8", "bob", "bob@example.com", False),
}


def page(user: User | None) -> str:
    """Return the page that says who is logged in."""
    return "".join(pieces(user))


def pieces(user: User | None) -> list[str]:
    """Return that page in three pieces."""
    name = "nobody" if user is None else user.name
    return [
        '<!doctype html><html lang="en"><head><title>A site</title></head><body>',
        f"<h1>{name}</h1>",
        "<p>The end</p></body></html>",
    ]


def page_in_gzip(user: User | None) -> bytes:
    return gzip.compress(page(user).encode(), mtime=0)


def tag_of(text: str) -> str:
    """Return an entity tag that depends on the text, in quotes."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


NONCE = "bm9uY2Ugb2YgdGhlIHRlc3Rz"
POLICY = f"script-src 'nonce-{NONCE}'"


def has_consent(cookies: str) -> bool:
    """Whether a request's `Cookie` field says nothing against the chat."""
    return "consent=no" not in cookies
