"""What a site needs to use this emulator, and which key it verifies with; never a secret key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EXAMPLE_API_KEY = "ladygaga"
"""The key in the example of Pavior's documentation, which is no secret."""


@dataclass(frozen=True)
class Setup:
    """An emulator, described by the settings that a site needs for it.

    `key_origin` says in words where its API key is from. Only the documentation's example key is
    shown.
    """

    team_vanity_id: str
    key_is_example: bool
    key_origin: str

    def settings(self, origin: str) -> Mapping[str, str | None]:
        """Return the settings for a site by their names; None for a key that is not shown."""
        return {
            "PAVIOR_TEAM_VANITY_ID": self.team_vanity_id,
            "PAVIOR_API_KEY": EXAMPLE_API_KEY if self.key_is_example else None,
            "PAVIOR_EMBED_URL": f"{origin}/embed",
        }

    def lines(self, origin: str) -> Sequence[str]:
        """Return the settings as the lines of an `.env` file; what is not shown is a comment."""
        return [
            f"# {name}: the same value as this emulator's, {self.key_origin}"
            if value is None
            else f"{name}={value}"
            for name, value in self.settings(origin).items()
        ]

    def start_text(self, origin: str, *, is_kept: bool) -> str:
        """Return what a terminal shows once the emulator answers; `is_kept` if in a file."""
        lines = "\n".join(f"  {line}" for line in self.lines(origin))
        memory = "" if is_kept else "The inbox is in memory: --database FILE keeps it.\n"
        return (
            f"Inbox: {origin}/\n\nSettings for your site:\n\n{lines}\n\n"
            f"Signatures are verified with {self.key_text}.\n{memory}Ctrl-C stops the emulator."
        )

    @property
    def key_text(self) -> str:
        """Which key signatures are verified with, as a clause."""
        if self.key_is_example:
            return f"the example key of Pavior's documentation, {EXAMPLE_API_KEY}"
        return f"the API key {self.key_origin}"


def setup_of(team_vanity_id: str, api_key: str, key_origin: str | None) -> Setup:
    """Return the setup for a key; the key itself is not kept."""
    origin = key_origin or "that it was started with"
    return Setup(team_vanity_id, api_key == EXAMPLE_API_KEY, origin)
