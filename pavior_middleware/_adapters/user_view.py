"""A framework's user, with attributes that only the framework knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UserView:
    """A user with some attributes replaced."""

    def __init__(self, user: object, attributes: Mapping[str, Any]) -> None:
        self._user = user
        vars(self).update(attributes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user, name)
