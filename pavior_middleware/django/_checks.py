"""What `manage.py check` says about Pavior.

| id | says |
| --- | --- |
| pavior.E001 | a setting is missing or wrong |
| pavior.E002 | the middleware is not in `MIDDLEWARE` |
| pavior.E003 | it is there twice |
| pavior.E004 | it is before `AuthenticationMiddleware` |
| pavior.E005 | it is behind the middleware that sets a Content-Security-Policy |
| pavior.W001 | a key that begins with `PAVIOR_` is no setting |
| pavior.W002 | nobody can ever be named |
| pavior.W003 | it is before `MessageMiddleware` |
| pavior.W004 | it is before `GZipMiddleware` |
| pavior.W005 | it is behind `ConditionalGetMiddleware` |
| pavior.W006 | with `--deploy`: a key is weak |
| pavior.W007 | with `--deploy`: the embed is not Pavior's own |
| pavior.W008 | with `--deploy`: Pavior is not enabled |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's own name
from django.utils.module_loading import import_string

from .._model.settings import SettingsError
from .._model.settings_checks import api_key_warnings, is_emulator, secret_key_warnings
from ._middleware import PaviorMiddleware
from ._settings import KNOWN, SiteSettings, given, read_settings

TAG = "pavior"

OURS = "pavior_middleware.django.PaviorMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
MESSAGES = "django.contrib.messages.middleware.MessageMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
CONDITIONAL = "django.middleware.http.ConditionalGetMiddleware"
POLICIES = (
    "csp.middleware.CSPMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
)


def check_settings(**_: Any) -> list[CheckMessage]:
    """Check the keys of `settings.py`."""
    messages: list[CheckMessage] = []
    misspelt: set[str] = set()
    try:
        read_settings()
    except SettingsError as error:
        for problem in error.problems:
            message, _colon, hint = problem.partition(": ")
            misspelt.add(message.partition(" ")[0])
            messages.append(Error(f"{message}.", hint=_sentence(hint), id="pavior.E001"))
    messages += [
        Warning(
            f"{name} is not a setting of Pavior.",
            hint="Correct or remove it: docs/settings.md of pavior-middleware lists the settings.",
            id="pavior.W001",
        )
        for name in sorted(given().keys() - KNOWN - misspelt)
    ]
    return messages


def check_middleware(**_: Any) -> list[CheckMessage]:
    """Check the place of the middleware among the others."""
    read = _enabled_settings()
    return list(_middleware_messages(read, _Places())) if read is not None else []


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Check what matters in production."""
    try:
        read = read_settings().settings
    except SettingsError:
        return []  # `check_settings` names each problem
    if not read.enabled:
        hint = "Set PAVIOR_ENABLED to True, or remove it."
        return [Warning("Pavior is not enabled, so no page has a chat.", hint, id="pavior.W008")]
    weak = [
        *api_key_warnings(read.api_key, has_emulator=False),  # which production has not
        *secret_key_warnings(read.secret_keys, is_used=bool(read.shared_auth_domains)),
    ]
    messages: list[CheckMessage] = []
    for text in weak:
        message, _colon, hint = text.rpartition(": ")
        messages.append(Warning(f"{message}.", hint=_sentence(hint), id="pavior.W006"))
    if is_emulator(read.embed_url):
        hint = "Remove PAVIOR_EMBED_URL, which is for the emulator."
        message = "The chat's embed is loaded from the visitor's own machine."
        messages.append(Warning(message, hint, id="pavior.W007"))
    return messages


class _Places:
    """Where each middleware is in `MIDDLEWARE`, subclasses too."""

    def __init__(self) -> None:
        self._classes = [_imported(path) for path in settings.MIDDLEWARE]

    def of(self, path: str) -> list[int]:
        """Return the places of a middleware."""
        wanted = _imported(path)
        return [
            place
            for place, each in enumerate(self._classes)
            if each is not None and (each is wanted or _is_subclass(each, wanted))
        ]

    @property
    def ours(self) -> list[int]:
        """Our own places."""
        return [
            place
            for place, each in enumerate(self._classes)
            if _is_subclass(each, PaviorMiddleware)
        ]


def _middleware_messages(read: SiteSettings, places: _Places) -> Iterator[CheckMessage]:
    if not places.ours:
        yield Error(
            f"{OURS} is not in MIDDLEWARE, so no page has a chat.",
            hint=f'Put "{OURS}" at the end of MIDDLEWARE.',
            id="pavior.E002",
        )
        return
    if len(places.ours) > 1:
        yield Error(
            f"{OURS} is in MIDDLEWARE more than once.",
            hint="Leave it there once.",
            id="pavior.E003",
        )
    yield from _user_messages(read, places)
    before, behind = _before(places), _behind(places)
    if before(MESSAGES):
        yield Warning(
            "PaviorMiddleware is before MessageMiddleware, so a page that is made twice for"
            " one request has lost its messages.",
            hint=f'Put "{OURS}" behind "{MESSAGES}".',
            id="pavior.W003",
        )
    if before(GZIP):
        yield Warning(
            "PaviorMiddleware is before GZipMiddleware, so each page is compressed twice.",
            hint=f'Put "{GZIP}" first in MIDDLEWARE.',
            id="pavior.W004",
        )
    if behind(CONDITIONAL):
        yield Warning(
            "PaviorMiddleware is behind ConditionalGetMiddleware, which finds each page of a"
            " user changed and never answers with a 304.",
            hint=f'Put "{CONDITIONAL}" behind "{OURS}".',
            id="pavior.W005",
        )
    for path in filter(behind, POLICIES if read.settings.csp == "extend" else ()):
        yield Error(
            f"PaviorMiddleware is behind {path.rpartition('.')[2]}, whose policy blocks the chat.",
            hint=f'Put "{path}" behind "{OURS}", which extends the policy.',
            id="pavior.E005",
        )


def _user_messages(read: SiteSettings, places: _Places) -> Iterator[CheckMessage]:
    if read.identity is not None or read.settings.share_auth is not None:
        return
    if not places.of(AUTHENTICATION):
        yield Warning(
            "Pavior never names a user: there is no AuthenticationMiddleware.",
            hint=f'Put "{AUTHENTICATION}" before "{OURS}", or set PAVIOR_IDENTITY to a callable'
            " that takes the request and returns an Identity.",
            id="pavior.W002",
        )
    elif _before(places)(AUTHENTICATION):
        yield Error(
            "PaviorMiddleware is before AuthenticationMiddleware, so its own paths know no user.",
            hint=f'Put "{OURS}" behind "{AUTHENTICATION}".',
            id="pavior.E004",
        )


def _before(places: _Places) -> Any:
    """Return whether ours is before a middleware that is there."""
    return lambda path: any(place > places.ours[0] for place in places.of(path))


def _behind(places: _Places) -> Any:
    """Return whether ours is behind a middleware that is there."""
    return lambda path: any(place < places.ours[0] for place in places.of(path))


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError:  # of an app that is not there, or a path that Django refuses by itself
        return None


def _is_subclass(each: object, wanted: object) -> bool:
    return isinstance(each, type) and isinstance(wanted, type) and issubclass(each, wanted)


def _enabled_settings() -> SiteSettings | None:
    try:
        read = read_settings()
    except SettingsError:
        return None  # `check_settings` names each problem
    return read if read.settings.enabled else None


def _sentence(hint: str) -> str | None:
    if not hint:
        return None
    return hint[0].upper() + hint[1:] + ("" if hint.endswith("?") else ".")
