"""What a site owner configures, checked once, at start-up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Literal

from . import settings_checks as checks
from .domains import normalized
from .events import EventHook
from .log import logger
from .settings_checks import PREFIX
from .tracebacks import keeping_keys_from_tracebacks

__all__ = ["NAMES", "PREFIX", "Settings", "SettingsError", "as_secret_key"]

_LONG_NAME = 8  # letters of a setting's name, of which two may be wrong
_FLAG_TEXTS = {"1": True, "true": True, "yes": True, "on": True}
_FLAG_TEXTS |= {"0": False, "false": False, "no": False, "off": False}
_FLAGS = (
    *("do_chat", "do_time_travel", "inject_in_frames", "cacheable_pages", "enabled"),
    *("handoff", "identity_may_block", "share_auth_sets_cookies"),
)


class SettingsError(ValueError):
    """Settings that cannot work; `problems` names each bad setting and its mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(
            "Pavior's settings need mending:\n" + "\n".join(f"- {p}" for p in problems)
        )


@dataclass(frozen=True)
class Settings:
    """What a site owner configures; immutable and checked when built.

    `team_vanity_id` and `api_key` come from Pavior's own settings page. `init_options` are further
    options for `Pavior('init', …)` and must be JSON. `inject_in_frames` is for pages that stand in
    frames and are to have a chat of their own.

    `shared_auth_domains` may borrow this site's login: a sequence of domains or the lines of
    Pavior's text box, in which `*.example.com` stands for all subdomains; kept as a tuple, in
    Punycode. For that `secret_key` signs what travels through browsers: text, bytes, or a sequence
    of such keys from the oldest to the newest, which signs. A loan lasts `shared_auth_seconds`
    without news from this site. `handoff` tells whether links to these domains take the login
    along. With `share_auth`, the domain a site borrows its login from, no API key is needed; there
    `bubble`, a CSS selector, may tell where the chat's bubble is, whose click lets the browser ask
    whether that domain's cookie may be sent.

    `session_cookie` is the name of the cookie by which the app knows its users, or several names,
    kept as a tuple. A request for one of our paths that holds two of one name may hold the session
    that another host of the domain has set, so the answer names nobody. The cookies that the app
    sets in its answer to one of our paths are left out, unless `share_auth_sets_cookies` is True:
    an app needs that whose session token counts once.

    With `cacheable_pages` every visitor's page is the same, so that a CDN may keep it, and its
    script asks who is logged in when it runs. It asks at the domain's root, or below `root_path`,
    the path below which browsers see the site. `csp` says whether to "extend" a page's
    Content-Security-Policy so that the chat runs, or to "leave" it. `skip_paths` are paths that get
    no chat, a sequence or lines, in which `*` stands for any text. `identity_may_block` says that a
    plain `identity` or `consent` may wait for something, as for a database: under ASGI it is called
    in a thread then, so that other requests go on. `on_event` is called with an `Event` for what
    happens to each response, in the thread or task of the request. Where `enabled` is False,
    everything passes untouched, and nothing else need be set.

    The keys never show in the `repr`. Raises `SettingsError`, which names every bad setting; it
    shows nothing of their values, since a key may have been pasted into any of them.
    """

    team_vanity_id: str
    api_key: str = field(default="", repr=False)
    _: KW_ONLY
    do_chat: bool = True
    do_time_travel: bool = True
    embed_url: str = "https://app.pavior.com/embed"
    share_auth: str | None = None
    shared_auth_domains: Sequence[str] = ()
    init_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    secret_key: str | bytes | Sequence[str | bytes] | None = field(default=None, repr=False)
    session_cookie: str | Sequence[str] = ()
    share_auth_sets_cookies: bool = False
    shared_auth_seconds: int = 3600
    handoff: bool = True
    bubble: str | None = None
    inject_in_frames: bool = False
    cacheable_pages: bool = False
    root_path: str | None = None
    csp: Literal["extend", "leave"] = "extend"
    skip_paths: Sequence[str] = ()
    identity_may_block: bool = True
    on_event: EventHook | None = field(default=None, repr=False)
    enabled: bool = True

    def __post_init__(self) -> None:
        kept: dict[str, Any] = {
            "share_auth": _share_auth(self.share_auth),
            "shared_auth_domains": _domains(self.shared_auth_domains),
            "skip_paths": _each(self.skip_paths),
            "session_cookie": _each(self.session_cookie),
        }
        problems = self._problems(**kept)
        if problems:
            raise SettingsError(problems)
        kept["init_options"] = MappingProxyType(json.loads(json.dumps(dict(self.init_options))))
        if isinstance(self.secret_key, Sequence) and not isinstance(self.secret_key, str | bytes):
            kept["secret_key"] = tuple(self.secret_key)
        for name, value in kept.items():
            object.__setattr__(self, name, value)
        for warning in (
            *checks.api_key_warnings(self.api_key),
            *checks.secret_key_warnings(self.secret_keys, is_used=bool(self.shared_auth_domains)),
        ):
            logger.warning("%s", warning)

    def _problems(
        self,
        *,
        share_auth: object,
        shared_auth_domains: tuple[object, ...],
        skip_paths: tuple[object, ...],
        session_cookie: tuple[object, ...],
    ) -> list[str]:
        """Return what is wrong with each setting; the arguments are those kept in another form."""
        is_used = self.enabled is not False
        lends = bool(shared_auth_domains)
        borrows = isinstance(share_auth, str)
        shown = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        return [
            *checks.leak_problems(shown, self.api_key, self.secret_keys),
            *checks.text_problems("team_vanity_id", self.team_vanity_id, required=is_used),
            *checks.text_problems("api_key", self.api_key, required=is_used and not borrows),
            *checks.secret_key_problems(self.secret_keys, self.api_key, is_used=lends),
            *checks.shared_auth_seconds_problems(self.shared_auth_seconds),
            *checks.bubble_problems(self.bubble, borrows=borrows),
            *checks.flag_problems({name: getattr(self, name) for name in _FLAGS}),
            *checks.root_path_problems(self.root_path),
            *checks.csp_problems(self.csp),
            *checks.skip_paths_problems(skip_paths),
            *checks.on_event_problems(self.on_event),
            *checks.session_cookie_problems(session_cookie),
            *checks.embed_url_problems(self.embed_url),
            *checks.share_auth_problems(share_auth, lends=lends),
            *checks.shared_auth_domains_problems(shared_auth_domains),
            *checks.init_options_problems(self.init_options),
        ]

    @property
    def hands_off(self) -> bool:
        """Whether links to the borrowers of this site's login take it along."""
        lends = self.share_auth is None and bool(self.shared_auth_domains)
        return lends and self.handoff and bool(self.secret_keys)

    @property
    def secret_keys(self) -> tuple[str | bytes, ...]:
        """The secret keys from the oldest to the newest; none if there is no `secret_key`."""
        return _keys(self.secret_key)

    @classmethod
    @keeping_keys_from_tracebacks
    def from_mapping(cls, mapping: Mapping[str, object]) -> Settings:
        """Read the `PAVIOR_*` keys of a mapping such as Flask's `app.config`.

        Other keys are ignored; None and empty text count as not given. Flags may be text ("true",
        "off", "1", …) and init options a JSON object, as a `.env` file has them. Raises
        `SettingsError`, also for a key that misspells one of these. Others that begin with
        `PAVIOR_` are ignored: Kubernetes sets `PAVIOR_SERVICE_HOST`, `PAVIOR_PORT` and more for a
        Service named `pavior`.
        """
        problems: list[str] = []
        given: dict[str, object] = {"team_vanity_id": "", "api_key": ""}
        for key, value in mapping.items():
            if not (isinstance(key, str) and key.startswith(PREFIX)):
                continue
            if key not in NAMES:
                problems.extend(_misspelling_problems(key))
            elif value is not None and value != "":
                given[NAMES[key]] = _from_text(NAMES[key], value)
        try:
            settings = cls(**given)  # type: ignore[arg-type]  # __post_init__ checks every type
        except SettingsError as error:
            problems = [*error.problems, *problems]
        if problems:
            raise SettingsError(problems)
        return settings

    @classmethod
    def from_env(cls) -> Settings:
        """Read the process's environment variables, by the rules of `from_mapping`."""
        return cls.from_mapping(os.environ)


# The arguments of what is generated are the keys.
Settings.__init__ = keeping_keys_from_tracebacks(Settings.__init__)  # type: ignore[method-assign]

NAMES: Mapping[str, str] = MappingProxyType(
    {PREFIX + each.name.upper(): each.name for each in fields(Settings)}
)
"""The keys that `Settings.from_mapping` reads, and the field each one fills."""


def _misspelling_problems(key: str) -> list[str]:
    meant = next((name for name in NAMES if _is_misspelt(key, name)), None)
    return [f"{key} is not a setting: did you mean {meant}?"] if meant else []


def _is_misspelt(key: str, name: str) -> bool:
    """Whether a character or two of a name are wrong, missing, swapped or too many.

    In a short name it may be one only, since two would make it another word.
    """
    name, key = name.removeprefix(PREFIX), key.removeprefix(PREFIX)
    most = 1 if len(name) < _LONG_NAME else 2
    if abs(len(key) - len(name)) > most:
        return False
    same = sum(block.size for block in SequenceMatcher(None, name, key).get_matching_blocks())
    return max(len(key), len(name)) - same <= most


def _from_text(name: str, value: object) -> object:
    """Turn a `.env` file's text into the field's type; what does not fit is left for the checks."""
    if not isinstance(value, str):
        return value
    if name in _FLAGS:
        return _FLAG_TEXTS.get(value.strip().lower(), value)
    if name == "init_options":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if name == "secret_key" and "\n" in value:
        return tuple(filter(None, map(str.strip, value.splitlines())))
    if name == "shared_auth_seconds" and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    return value


def _keys(value: object) -> tuple[Any, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(value)
    return (value,)


def as_secret_key(key: Any) -> Any:
    """Return a framework's own key as bytes, since what we ask of a text is not asked of it.

    One that cannot be encoded stays, and is refused as a text.
    """
    try:
        return key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError:
        return key


def _share_auth(value: object) -> object:
    """Return a domain as browsers write it; what is not text is left for the checks."""
    return normalized(value) if isinstance(value, str) else value


def _domains(value: object) -> tuple[object, ...]:
    """The domains in a list or in the lines of the text box, as browsers write them."""
    lines = [each.partition("#")[0] if isinstance(each, str) else each for each in _each(value)]
    return _each([normalized(each) if isinstance(each, str) else each for each in _each(lines)])


def _each(value: object) -> tuple[Any, ...]:
    """The texts in a list, or in lines with comments, each once; what is no text is left as is."""
    if isinstance(value, str):
        lines = (line.partition("#")[0] for line in value.splitlines())
        value = [each for line in lines for each in re.split(r"[\s,]+", line)]
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        return (value,)
    stripped = [each.strip() if isinstance(each, str) else each for each in value]
    unique: list[object] = []
    for each in stripped:
        if each != "" and each not in unique:
            unique.append(each)
    return tuple(unique)
