"""The package's logger, and warnings that do not repeat."""

from __future__ import annotations

import logging

logger = logging.getLogger("pavior_middleware")


MOST_TEXTS = 256
"""The number of texts that are remembered; a text may name what a user has chosen."""


class WarnOnce:
    """Logs each text once, so that one bad account cannot flood the log.

    After `MOST_TEXTS` no other text is logged.
    """

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def __call__(self, text: str) -> None:
        """Log the text as a warning unless it was logged before."""
        if text not in self._logged and len(self._logged) < MOST_TEXTS:
            self._logged.add(text)
            logger.warning("%s", text)
