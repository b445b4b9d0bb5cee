"""The attributes of a user that a site sends: from its user objects, under Pavior's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .json_values import NoJsonValue, json_value
from .log import WarnOnce
from .settings_checks import attribute_name_problem, label
from .user_objects import ABSENT, IsAwaitable, attribute, refuse_awaitable

UserAttributesSetting = Sequence[str] | Mapping[str, str] | Callable[[Any], Mapping[str, object]]
"""Names of attributes, a mapping of Pavior's names to these, or a callable that returns values."""

PAVIOR_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "first_name": "firstName",
        "last_name": "lastName",
        "full_name": "name",
        "get_full_name": "name",
        "phone_number": "phone",
    }
)
"""Pavior's names for attributes that user objects often have; others keep their names."""


class UserAttributes:
    """Reads a user's attributes as the setting `user_attributes` says.

    An attribute that the user lacks, or that has no JSON value, is left out with a warning for each
    name. An attribute that is None is left out without a warning.
    """

    def __init__(self, setting: UserAttributesSetting) -> None:
        self._callable = setting if callable(setting) else None
        self._paths = () if callable(setting) else tuple(_paths_by_name(setting).items())
        self._warn = WarnOnce()

    def of(self, user: Any) -> dict[str, object]:
        """Return the attributes, by Pavior's names.

        Raises `TypeError` where the site's callable returns no mapping, and what it raises.
        """
        if self._callable is not None:
            given = self._callable(user)
            refuse_awaitable("user_attributes", given)
            if not isinstance(given, Mapping):
                raise TypeError(
                    f"{label('user_attributes')}: the callable must return a mapping, not"
                    f" {type(given).__name__}"
                )
            return self._converted({name: given[name] for name in given if self._may_be(name)})
        if not self._paths:
            return {}
        return self._converted({name: self._read(user, path) for name, path in self._paths})

    def _read(self, user: Any, path: str) -> object:
        try:
            value: object = attribute(user, path)
        except IsAwaitable as error:
            self._leave_out(path, f"{error}: use a callable")
            return None
        if value is ABSENT:
            self._leave_out(path, f"{user.__class__.__name__} has no such attribute: correct it")
            return None
        return value

    def _converted(self, values: Mapping[str, object]) -> dict[str, object]:
        attributes = {}
        for name, value in values.items():
            if value is None:
                continue
            try:
                attributes[name] = json_value(value)
            except NoJsonValue as error:
                self._leave_out(
                    name,
                    f"there is no JSON value for this {error}: pass Unicode text, a number, a"
                    " boolean, a date, or a list or mapping of these",
                )
        return attributes

    def _may_be(self, name: object) -> bool:
        if not isinstance(name, str):
            self._leave_out(type(name).__name__, "a name must be text")
            return False
        problem = attribute_name_problem(name)
        if problem is not None:
            self._leave_out(name, problem)
        return problem is None

    def _leave_out(self, name: str, why: str) -> None:
        self._warn(f"{label('user_attributes')}: {name} is left out, since {why}")


def _paths_by_name(setting: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    if isinstance(setting, Mapping):
        return dict(setting)
    last_names = {path: path.rpartition(".")[2] for path in setting}
    return {PAVIOR_NAMES.get(name, name): path for path, name in last_names.items()}
