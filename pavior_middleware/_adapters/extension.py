"""What the extensions of Flask and Quart share: both keep settings and hooks in the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .._model.settings import Settings, as_secret_key
from .._model.tracebacks import keeping_keys_from_tracebacks


def add_to(
    app: Any, extension: object, given: Settings | None, snippet: Callable[[], str]
) -> Settings | None:
    """Add the extension to an app, and `snippet` to its templates; return the app's settings.

    `given` are the settings that the extension got. Returns None if the settings are not enabled.
    Raises `RuntimeError` for an app that already has the extension, and `SettingsError`.
    """
    if "pavior" in app.extensions:
        raise RuntimeError("this app has Pavior's middleware already: call Pavior(app) once")
    app.extensions["pavior"] = extension
    settings = _settings_in(app.config, given)
    app.jinja_env.globals["pavior_snippet"] = snippet
    return settings if settings.enabled else None


def call_last(app: Any, after_request: Callable[[Any], Any]) -> None:
    """Have a function called after all other functions that may change a response of the app."""
    # The app calls these in reverse order.
    app.after_request_funcs.setdefault(None, []).insert(0, after_request)


@keeping_keys_from_tracebacks
def _settings_in(config: Mapping[str, Any], given: Settings | None) -> Settings:
    """Return the given settings, or the config's; without a secret key, the app's own are used.

    Raises `SettingsError`.
    """
    if given is None:
        return Settings.from_mapping(_mapping(config))
    if given.shared_auth_domains and not given.secret_keys:
        return replace(given, secret_key=_secret_keys(config) or None)
    return given


def _mapping(config: Mapping[str, Any]) -> Mapping[str, Any]:
    keys = _secret_keys(config)
    if config.get("PAVIOR_SECRET_KEY") or not keys:
        return config
    return {**config, "PAVIOR_SECRET_KEY": keys}


def _secret_keys(config: Mapping[str, Any]) -> list[Any]:
    """Return the app's keys, from the oldest to the newest; none if there is no newest one."""
    keys = [*(config.get("SECRET_KEY_FALLBACKS") or ()), config.get("SECRET_KEY")]
    return [as_secret_key(key) for key in keys if keys[-1]]
