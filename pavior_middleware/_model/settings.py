"""What a site owner configures, checked once, at start-up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from .domains import domain_problem, is_loopback, normalized
from .log import logger
from .tracebacks import keeping_keys_from_tracebacks

PREFIX = "PAVIOR_"
EXAMPLE_API_KEY = "ladygaga"
SHORTEST_STRONG_KEY = 16  # characters, or bytes
LONGEST_LOAN_SECONDS = 24 * 60 * 60
_LONG_NAME = 8  # letters of a setting's name, of which two may be wrong

IDENTITY_OPTIONS = frozenset({"id", "email", "hmac", "shareAuth"})
"""Options of Pavior's init that say who is chatting; only a signed `Identity` may set them."""

RESERVED_OPTIONS = IDENTITY_OPTIONS | {"teamVanityId", "doChat", "doTimeTravel", "__proto__"}
"""Options that neither `init_options` nor an identity's attributes may set."""

_FLAG_TEXTS = {"1": True, "true": True, "yes": True, "on": True}
_FLAG_TEXTS |= {"0": False, "false": False, "no": False, "off": False}
_FLAGS = (
    *("do_chat", "do_time_travel", "inject_in_frames", "cacheable_pages", "enabled"),
    "handoff",
)
_CSP_CHOICES = ("extend", "leave")
_ROOT_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[^\x00-\x20\x7f/\\?#%]+)+/?")
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265 section 4.1.1
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class SettingsError(ValueError):
    """Settings that cannot work; `problems` names each bad setting and its mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
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
    that another host of the domain has set, so the answer names nobody.

    With `cacheable_pages` every visitor's page is the same, so that a CDN may keep it, and its
    script asks who is logged in when it runs. It asks at the domain's root, or below `root_path`,
    the path below which browsers see the site. `csp` says whether to "extend" a page's
    Content-Security-Policy so that the chat runs, or to "leave" it. `skip_paths` are paths that get
    no chat, a sequence or lines, in which `*` stands for any text. Where `enabled` is False there
    is no middleware at all, and nothing else need be set.

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
    shared_auth_seconds: int = 3600
    handoff: bool = True
    bubble: str | None = None
    inject_in_frames: bool = False
    cacheable_pages: bool = False
    root_path: str | None = None
    csp: str = "extend"
    skip_paths: Sequence[str] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        domains = _domains(self.shared_auth_domains)
        share_auth = normalized(self.share_auth) if isinstance(self.share_auth, str) else None
        skip_paths = _each(self.skip_paths)
        session_cookie = _each(self.session_cookie)
        is_off = self.enabled is False
        problems = [
            *_leak_problems(self),
            *_text_problems("team_vanity_id", self.team_vanity_id, required=not is_off),
            *_text_problems("api_key", self.api_key, required=share_auth is None and not is_off),
            *(
                problem
                for key in _keys(self.secret_key)
                for problem in _secret_key_problems(key, self.api_key, is_used=bool(domains))
            ),
            *_shared_auth_seconds_problems(self.shared_auth_seconds),
            *_bubble_problems(self.bubble, share_auth),
            *(problem for name in _FLAGS for problem in _flag_problems(name, getattr(self, name))),
            *_root_path_problems(self.root_path),
            *_csp_problems(self.csp),
            *_skip_paths_problems(skip_paths),
            *_session_cookie_problems(session_cookie),
            *_embed_url_problems(self.embed_url),
            *_share_auth_problems(share_auth or self.share_auth, domains),
            *_shared_auth_domains_problems(domains),
            *_init_options_problems(self.init_options),
        ]
        if problems:
            raise SettingsError(problems)
        options = json.loads(json.dumps(dict(self.init_options)))
        object.__setattr__(self, "share_auth", share_auth)
        object.__setattr__(self, "shared_auth_domains", domains)
        object.__setattr__(self, "init_options", MappingProxyType(options))
        object.__setattr__(self, "skip_paths", skip_paths)
        object.__setattr__(self, "session_cookie", session_cookie)
        if isinstance(self.secret_key, Sequence) and not isinstance(self.secret_key, str | bytes):
            object.__setattr__(self, "secret_key", tuple(self.secret_key))
        _warn_if_weak(self.api_key)
        if domains and any(len(key) < SHORTEST_STRONG_KEY for key in self.secret_keys):
            logger.warning(
                "%s is shorter than %d characters, and who guesses it is taken for anybody: use"
                " a random one, as `python -c 'import secrets; print(secrets.token_hex())'`"
                " prints it",
                _label("secret_key"),
                SHORTEST_STRONG_KEY,
            )

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


def _label(name: str) -> str:
    return f"{name} ({PREFIX}{name.upper()})"


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


def _text_problems(name: str, value: object, *, required: bool) -> list[str]:
    if value is None or value == "":
        mend = "copy it from Pavior's settings page"
        return [f"{_label(name)} is missing: {mend}"] if required else []
    if not isinstance(value, str):
        return [f"{_label(name)} must be text, not {type(value).__name__}: put it in quotes"]
    if value != value.strip():
        return [f"{_label(name)} begins or ends with white space: remove it"]
    try:
        value.encode()
    except UnicodeEncodeError:
        return [f"{_label(name)} cannot be encoded as UTF-8: copy it again"]
    return []


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


def _secret_key_problems(key: object, api_key: object, *, is_used: bool) -> list[str]:
    label = _label("secret_key")
    if key in ("", b""):
        return [f"{label} has an empty key: remove it"]
    problems = [] if isinstance(key, bytes) else _text_problems("secret_key", key, required=True)
    is_api_key = isinstance(api_key, str) and key in (api_key, api_key.encode(errors="replace"))
    if is_used and is_api_key:
        problems.append(
            f"{label} is the API key, with which Pavior's users can have any text signed:"
            " use a random text of its own"
        )
    return problems


def _shared_auth_seconds_problems(value: object) -> list[str]:
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and 1 <= value <= LONGEST_LOAN_SECONDS
    ):
        return []
    return [
        f"{_label('shared_auth_seconds')} must be a whole number from 1 to {LONGEST_LOAN_SECONDS}"
    ]


def _bubble_problems(value: object, share_auth: str | None) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, str) or not value.strip():
        return [f"{_label('bubble')} must be a CSS selector, as text"]
    if share_auth is None:
        return [f"{_label('bubble')} is for sites with {_label('share_auth')}: remove it"]
    return []


def _flag_problems(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return []
    return [f"{_label(name)} must be True or False (as text: true, false, 1, 0, yes, no, on, off)"]


def _embed_url_problems(value: object) -> list[str]:
    label = _label("embed_url")
    if not isinstance(value, str) or _SPACE_OR_CONTROL.search(value):
        return [f"{label} must be a URL, as text without spaces: https://app.pavior.com/embed"]
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return [f"{label} is not a URL: write one like https://app.pavior.com/embed"]
    if url.username is not None or url.password is not None:
        return [f"{label} holds a user name or password, which every visitor would see: remove it"]
    if domain_problem(url.netloc.lower()):
        return [f"{label} has no domain: write one like https://app.pavior.com/embed"]
    if not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        return [f"{label} must begin with https:// (http:// is for localhost and loopback only)"]
    return []


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


def _root_path_problems(value: object) -> list[str]:
    if value is None or (isinstance(value, str) and _ROOT_PATH.fullmatch(value)):
        return []
    return [f"{_label('root_path')} must be a path like /shop, or / for the domain's root"]


def _csp_problems(value: object) -> list[str]:
    if value in _CSP_CHOICES:
        return []
    return [f'{_label("csp")} must be "extend" or "leave"']


def _skip_paths_problems(patterns: Iterable[object]) -> list[str]:
    return [
        f"{_label('skip_paths')}: entry {place} is no path: begin it with / or *, like /admin/*"
        for place, pattern in enumerate(patterns, 1)
        if not (isinstance(pattern, str) and pattern.startswith(("/", "*")))
    ]


def _session_cookie_problems(names: Iterable[object]) -> list[str]:
    return [
        f"{_label('session_cookie')} must be the name of a cookie, such as __Host-session"
        for name in names
        if not (isinstance(name, str) and _COOKIE_NAME.fullmatch(name))
    ]


def _shared_auth_domains_problems(domains: Iterable[object]) -> list[str]:
    return [
        f"{_label('shared_auth_domains')}: entry {place} {problem}"
        for place, domain in enumerate(domains, 1)
        if (problem := _domain_problem(domain, allows_subdomains=True))
    ]


def _share_auth_problems(value: object, domains: tuple[object, ...]) -> list[str]:
    if value is None:
        return []
    problem = _domain_problem(value)
    if problem:
        return [f"{_label('share_auth')}: it {problem}"]
    if domains:
        return [
            f"{_label('share_auth')} and {_label('shared_auth_domains')} are both set: a site"
            " either borrows a login or lends its own; remove one"
        ]
    return []


def _domain_problem(domain: object, *, allows_subdomains: bool = False) -> str | None:
    if not isinstance(domain, str):
        return f"must be text, not {type(domain).__name__}"
    return domain_problem(domain, allows_subdomains=allows_subdomains)


def _init_options_problems(value: object) -> list[str]:
    label = _label("init_options")
    if not isinstance(value, Mapping):
        return [f'{label} must be a mapping; as text, a JSON object like {{"doTracking": true}}']
    if not all(isinstance(name, str) for name in value):
        return [f"{label}: every option's name must be text"]
    problems = [
        f"{label} must not set {name!r}: "
        + (
            "who is chatting comes from the identity alone"
            if name in IDENTITY_OPTIONS
            else "it has a setting of its own or is not an option"
        )
        for name in value
        if name in RESERVED_OPTIONS
    ]
    try:
        json.dumps(dict(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        problems.append(f"{label} must hold only JSON values: text, numbers, booleans, lists, …")
    return problems


def _leak_problems(settings: Settings) -> list[str]:
    """Name each setting that would show a key to others, as a value pasted twice does."""
    keys = [("API key", settings.api_key), *(("secret key", key) for key in settings.secret_keys)]
    return [
        f"{_label(shown.name)} holds the {key_name}, which nobody but the server may see: remove it"
        for shown in fields(settings)
        if shown.repr
        for key_name, key in keys
        if _holds(getattr(settings, shown.name), key)
    ]


def _holds(value: object, key: object) -> bool:
    """Whether a setting holds a key, in any case of letters.

    A key so short that it may be there by chance does not count.
    """
    if isinstance(key, bytes):
        key = key.decode(errors="replace")
    if not isinstance(key, str) or len(key) < len(EXAMPLE_API_KEY):
        return False
    if isinstance(value, str):
        return key.lower() in value.lower()
    try:
        text = json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False  # then it is refused for that
    return json.dumps(key, ensure_ascii=False)[1:-1].lower() in text.lower()


def _warn_if_weak(api_key: str) -> None:
    if api_key == EXAMPLE_API_KEY:
        logger.warning(
            "%s is the example of Pavior's documentation, so anyone can sign with it:"
            " use your own team's key",
            _label("api_key"),
        )
    elif api_key and len(api_key) < SHORTEST_STRONG_KEY:
        logger.warning(
            "%s is shorter than %d characters and can be guessed: check that it was copied whole",
            _label("api_key"),
            SHORTEST_STRONG_KEY,
        )
