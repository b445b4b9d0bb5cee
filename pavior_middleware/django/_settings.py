"""Reads `settings.py`: the keys of all frameworks, and those that only Django has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .._model.settings import NAMES, PREFIX, Settings, SettingsError, as_secret_key
from .._model.tracebacks import keeping_keys_from_tracebacks

IDENTITY, CONSENT, SKIP_ADMIN = "PAVIOR_IDENTITY", "PAVIOR_CONSENT", "PAVIOR_SKIP_ADMIN"
ON_EVENT = "PAVIOR_ON_EVENT"
SECRET_KEYS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS")

KNOWN = frozenset({*NAMES, IDENTITY, CONSENT, SKIP_ADMIN})
"""The keys that mean something in `settings.py`."""

OfRequest = Callable[[Any], Any]
"""A callable of the site, which takes the request; it may be a coroutine function."""


class SiteSettings(NamedTuple):
    """The settings of a site. `skips_admin` tells that pages of Django's admin get no chat."""

    settings: Settings
    identity: OfRequest | None
    consent: OfRequest | None
    skips_admin: bool


def given() -> dict[str, Any]:
    """Return the keys of `settings.py` that begin with `PAVIOR_`."""
    return {name: getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}


@keeping_keys_from_tracebacks
def read_settings() -> SiteSettings:
    """Read the keys of `settings.py`; raise `SettingsError`, which names each bad one.

    Without a `PAVIOR_SECRET_KEY`, Django's `SECRET_KEY` with its fallbacks is the secret key.
    """
    mapping = given()
    problems: list[str] = []
    callables = {
        name: _callable(name, mapping.get(name), problems) for name in (IDENTITY, CONSENT, ON_EVENT)
    }
    skips_admin = mapping.get(SKIP_ADMIN, True)
    if not isinstance(skips_admin, bool):
        problems.append(f"{SKIP_ADMIN} must be True or False, not {type(skips_admin).__name__}")
    shared = {name: value for name, value in mapping.items() if name in NAMES or name not in KNOWN}
    shared[ON_EVENT] = callables[ON_EVENT]
    if not shared.get("PAVIOR_SECRET_KEY"):
        shared["PAVIOR_SECRET_KEY"] = _secret_keys() or None
    read = _read(shared, problems)
    return SiteSettings(read, callables[IDENTITY], callables[CONSENT], skips_admin)


def _read(mapping: Mapping[str, Any], problems: list[str]) -> Settings:
    try:
        read = Settings.from_mapping(mapping)
    except SettingsError as error:
        problems = [*error.problems, *problems]
    if problems:
        raise SettingsError(problems)
    return read


def _callable(name: str, value: Any, problems: list[str]) -> OfRequest | None:
    """Return a setting's callable, given itself or by its dotted path; None without a value."""
    if isinstance(value, str) and value:
        try:
            value = import_string(value)
        except ImportError:
            problems.append(
                f"{name} cannot be imported: write the dotted path of a callable, like"
                " shop.chat.identity, in a module that can be imported"
            )
            return None
    if value is None or value == "" or callable(value):
        return value or None
    problems.append(
        f"{name} must be a callable or its dotted path, not {type(value).__name__}: write it like"
        " shop.chat.identity"
    )
    return None


def _secret_keys() -> list[Any]:
    """Return Django's keys, from the oldest to the newest; its fallbacks begin with the newest."""
    try:
        keys = [*reversed(settings.SECRET_KEY_FALLBACKS), settings.SECRET_KEY]
    except ImproperlyConfigured:  # Django raises this if there is no `SECRET_KEY`
        return []
    return [as_secret_key(key) for key in keys]
