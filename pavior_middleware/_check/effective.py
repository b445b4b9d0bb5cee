"""The settings in force, each with its origin, without any key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from .._model.settings import PREFIX, Settings, SettingsError
from .fingerprints import fingerprint

DEFAULT = "default"

_ABSENT = object()
_KEYS = ("api_key", "secret_key")
_TOO_WEAK = "can be guessed, so it has no fingerprint"


@dataclass(frozen=True)
class Shown:
    """A setting in a form that may be shown. `fingerprints` are those of its keys, if wanted."""

    name: str
    value: str
    origin: str
    fingerprints: tuple[str, ...] = ()


def effective(
    settings: Settings, origin_of: Callable[[str], str], *, with_fingerprints: bool
) -> list[Shown]:
    """Return each setting; `origin_of` takes the name of a field."""
    shown = []
    for each in fields(settings):
        keys = _keys(settings, each.name)
        shown.append(
            Shown(
                PREFIX + each.name.upper(),
                _count(keys) if each.name in _KEYS else _text(getattr(settings, each.name)),
                origin_of(each.name),
                tuple(fingerprint(key, settings.team_vanity_id) or _TOO_WEAK for key in keys)
                if with_fingerprints
                else (),
            )
        )
    return shown


def origins_in(sources: Mapping[str, Mapping[str, Any]]) -> Callable[[str], str]:
    """Return a function that returns a field's origin, for settings read from these mappings.

    `sources` maps the name of each mapping to the mapping, in order of precedence.
    """

    def origin_of(name: str) -> str:
        key = PREFIX + name.upper()
        return next((source for source, mapping in sources.items() if mapping.get(key)), DEFAULT)

    return origin_of


def origins_by_value(
    settings: Settings, sources: Mapping[str, Mapping[str, Any]]
) -> Callable[[str], str]:
    """Return a function that returns the origin of a field of an app's settings, by its value.

    A value that equals that of no source, and is not the default, is the app's own.
    """
    readings = {source: _read(mapping) for source, mapping in sources.items()}
    defaults = {each.name: _default(each) for each in fields(Settings)}

    def origin_of(name: str) -> str:
        value, key = getattr(settings, name), PREFIX + name.upper()
        for source, reading in readings.items():
            is_given = sources[source].get(key) not in (None, "")
            if is_given and reading is not None and getattr(reading, name) == value:
                return source
        return DEFAULT if defaults.get(name, _ABSENT) == value else "the app"

    return origin_of


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _read(mapping: Mapping[str, Any]) -> Settings | None:
    """Return the settings in a mapping; None if it does not hold complete settings."""
    try:
        return Settings.from_mapping({**mapping, "PAVIOR_ENABLED": "false"})
    except SettingsError:
        return None


def _keys(settings: Settings, name: str) -> tuple[str | bytes, ...]:
    if name == "secret_key":
        return settings.secret_keys
    return (settings.api_key,) if name == "api_key" and settings.api_key else ()


def _count(keys: tuple[str | bytes, ...]) -> str:
    if not keys:
        return "not set"
    return "set" if len(keys) == 1 else f"{len(keys)} keys"


def _text(value: object) -> str:
    if callable(value):
        return str(getattr(value, "__qualname__", type(value).__qualname__))
    return repr(dict(value)) if isinstance(value, Mapping) else repr(value)
