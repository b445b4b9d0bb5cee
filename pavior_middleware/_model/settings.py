"""What a site owner configures, checked once, at start-up."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from . import settings_checks as checks
from .domains import normalized
from .events import EventHook
from .log import WarnOnce, logger
from .setting_names import PREFIX, misspelt_name, name_behind_prefix
from .tracebacks import keeping_keys_from_tracebacks
from .user_attributes import UserAttributesSetting

__all__ = ["NAMES", "PREFIX", "Settings", "SettingsError", "as_secret_key"]

_warn = WarnOnce()

_FLAG_TEXTS = {"1": True, "true": True, "yes": True, "on": True}
_FLAG_TEXTS |= {"0": False, "false": False, "no": False, "off": False}
_FLAGS = (
    *("do_chat", "do_time_travel", "inject_in_frames", "cacheable_pages", "enabled"),
    *("handoff", "identity_may_block", "share_auth_sets_cookies"),
)


class SettingsError(ValueError):
    """Settings that cannot work; `problems` names each bad setting and how to correct it."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        super().__init__(
            "Pavior's settings need mending:\n" + "\n".join(f"- {p}" for p in problems)
        )


@dataclass(frozen=True)
class Settings:
    """What a site owner configures; immutable and checked when built.

    `team_vanity_id` and `api_key` are required, unless `share_auth` or `enabled=False` says
    otherwise. All arguments but these two are given by name. `docs/settings.md` describes each of
    them, and so does the docstring below each field.

    What is given as a list or as lines of text is kept as a tuple, and domains as browsers write
    them. Text stands for a flag, a number or JSON in `from_mapping` and `from_env` alone. The keys
    never show in the `repr`. Raises `SettingsError`, which names every bad setting; it shows
    nothing of their values, since a key may have been pasted into any of them.
    """

    team_vanity_id: str
    """Your team's id, from Pavior's settings page."""

    api_key: str = field(default="", repr=False)
    """Your team's API key, from Pavior's settings page. It never leaves the server.

    A site that borrows its login by `share_auth` needs no API key.
    """

    _: KW_ONLY

    do_chat: bool = True
    """Whether the page shows the chat bubble: the init option `doChat`."""

    do_time_travel: bool = True
    """The init option `doTimeTravel`."""

    embed_url: str = "https://app.pavior.com/embed"
    """The URL of the widget's script. It begins with https, or with http on this machine."""

    share_auth: str | None = None
    """The domain from which this site borrows its login, in place of its own users."""

    shared_auth_domains: Sequence[str] = ()
    """The domains that may borrow this site's login: a list, or text with one domain a line.

    `*.example.com` stands for all subdomains. A domain has its port, if there is one. All
    subdomains of a public suffix, such as `*.co.uk` or `*.github.io`, are refused: anyone can have
    a name there. A warning is logged if some subdomains are public suffixes, as for
    `*.amazonaws.com`, and for `com` alone, as in `help.example,com`.
    """

    init_options: Mapping[str, object] = field(default_factory=dict, hash=False)
    """Further options of the init call, which must be JSON.

    They are a mapping, like `{"doTracking": True}`, or in text a JSON object. The attributes of an
    identity do not change them.
    """

    secret_key: str | bytes | Sequence[str | bytes] | None = field(default=None, repr=False)
    """The key that signs what travels through browsers to the domains that borrow the login.

    Several keys are lines of a text or items of a list, from the oldest to the newest. The last key
    signs, and signatures by the others are still accepted. Without this setting it is the
    `SECRET_KEY` of Django, Flask and Quart, with its fallbacks, and that of Starlette's `Config`.
    """

    session_cookie: str | Sequence[str] = ()
    """The name of the cookie that identifies users to your app, or several names.

    A request for `/.well-known/pavior/` that holds two cookies of one name may be forged by another
    host of the domain. The answer to such a request names nobody. Without this setting the names
    are those of the framework. They are the `SESSION_COOKIE_NAME` of Django, Flask and Quart, the
    cookies of Flask-Login and Quart-Auth, and the `session_cookie` of Starlette's
    `SessionMiddleware`. In FastAPI they are also the cookies that the dependency `user` reads.
    More: `docs/sharing-explained.md#a-session-that-another-host-has-set`.
    """

    share_auth_sets_cookies: bool = False
    """Whether answers below `/.well-known/pavior/` set the cookies that your app sets.

    A site needs that if a session token counts only once. It has a risk.
    More: `docs/sharing-explained.md#cookies-of-the-app`.
    """

    shared_auth_seconds: int = 3600
    """How many seconds a borrowed login lasts without news from this site: at most 86400, a day."""

    handoff: bool = True
    """Whether links to the domains that borrow the login take the login along."""

    bubble: str | None = None
    """A CSS selector of the chat's bubble, for a site with `share_auth`.

    The first click on the bubble may ask the browser for the other site's cookie.
    `host >>> button` selects within an open shadow tree.
    """

    inject_in_frames: bool = False
    """Whether pages that are loaded into a frame get a chat of their own."""

    cacheable_pages: bool = False
    """Whether all visitors get the same page, for sites behind a CDN and for sensitive pages.

    The script of such a page asks `/.well-known/pavior/share-auth` who is logged in.
    More: `docs/security.md#keep-the-hmac-out-of-your-pages`.
    """

    root_path: str | None = None
    """The path below which browsers see the site, like `/shop`.

    Without this setting, a page that names its user asks below the `SCRIPT_NAME` or `root_path` of
    the request. A page that names nobody, and each page with `cacheable_pages`, asks at the
    domain's root. The `root_path` of a FastAPI app that the middleware is wrapped around is known.
    """

    csp: Literal["extend", "leave"] = "extend"
    """What happens to a page's Content-Security-Policy.

    "extend" adds to it what the chat needs to run, and "leave" does not change it: the log then
    names once what a policy lacks for the chat.
    More: `docs/responses.md#policies`.
    """

    skip_paths: Sequence[str] = ()
    """Paths that get no chat, like `/admin/*`: a list, or text with one path a line.

    `*` stands for any text.
    """

    email_confirmed: str | Callable[[Any], bool] | None = None
    """What tells whether the email of a framework's user object is confirmed.

    It is the name of an attribute that is true or a date, like `email_verified`, or a callable that
    takes the user and waits for nothing. Without this setting, Flask-Security's `confirmed_at` and
    django-allauth's verified addresses are known. The emails of other users are not sent.
    """

    user_attributes: UserAttributesSetting = field(default=(), hash=False)
    """What else is sent of a framework's user object.

    A list names attributes or methods, like `first_name`, which becomes Pavior's `firstName`. A
    mapping, such as `{"plan": "account.plan"}`, leads from Pavior's names to these; in text it is a
    JSON object. A callable takes the user and returns a mapping of Pavior's names to values.
    """

    impersonation: Literal["anonymous", "lead"] = "anonymous"
    """What the page of an impersonated user says.

    "anonymous" names nobody, and "lead" names the user as a lead, without an hmac.
    """

    identity_may_block: bool = True
    """Whether a plain `identity` or `consent` may wait for something, such as a database.

    Under ASGI it then runs in a thread, so that it holds up no other request. `False` calls it in
    the event loop, which is faster.
    """

    identity_timeout: float = 2.0
    """How many seconds a page waits for `identity`, and for `consent`, under ASGI.

    After that the page names nobody, or has no chat. WSGI has no such limit.
    More: `docs/lookups.md#a-lookup-that-hangs`.
    """

    on_event: EventHook | None = field(default=None, repr=False)
    """A callable that gets an `Event` for what happens to each response, and why.

    It runs in the thread or task of the request. More: `docs/events.md`.
    """

    enabled: bool = True
    """With `False`, everything passes untouched, and no other setting is needed."""

    def __post_init__(self) -> None:
        kept: dict[str, Any] = {
            "share_auth": _share_auth(self.share_auth),
            "shared_auth_domains": _domains(self.shared_auth_domains),
            "skip_paths": _each(self.skip_paths),
            "session_cookie": _each(self.session_cookie),
            "user_attributes": _attributes(self.user_attributes),
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
            *checks.api_key_warnings(self.api_key, has_emulator=checks.is_emulator(self.embed_url)),
            *checks.secret_key_warnings(self.secret_keys, is_used=bool(self.shared_auth_domains)),
        ):
            logger.warning("%s", warning)
        for warning in checks.shared_auth_domains_warnings(tuple(self.shared_auth_domains)):
            _warn(warning)  # frameworks build settings twice, with their own secret key

    def _problems(
        self,
        *,
        share_auth: object,
        shared_auth_domains: tuple[object, ...],
        skip_paths: tuple[object, ...],
        session_cookie: tuple[object, ...],
        user_attributes: object,
    ) -> list[str]:
        """Return what is wrong with each setting.

        The arguments are the settings that are kept in another form than they were given.
        """
        is_used = self.enabled is not False
        lends = bool(shared_auth_domains)
        borrows = isinstance(share_auth, str)
        shown = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        return [
            *checks.leak_problems(shown, self.api_key, self.secret_keys),
            *checks.credential_problems("team_vanity_id", self.team_vanity_id, required=is_used),
            *checks.credential_problems("api_key", self.api_key, required=is_used and not borrows),
            *checks.secret_key_problems(self.secret_keys, self.api_key, is_used=lends),
            *checks.shared_auth_seconds_problems(self.shared_auth_seconds),
            *checks.bubble_problems(self.bubble, borrows=borrows),
            *checks.flag_problems({name: getattr(self, name) for name in _FLAGS}),
            *checks.root_path_problems(self.root_path),
            *checks.csp_problems(self.csp),
            *checks.skip_paths_problems(skip_paths),
            *checks.identity_timeout_problems(self.identity_timeout),
            *checks.email_confirmed_problems(self.email_confirmed),
            *checks.user_attributes_problems(user_attributes),
            *checks.impersonation_problems(self.impersonation),
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
        Service named `pavior`. A key whose prefix is misspelt, such as `PAVOIR_DO_CHAT`, is logged
        once, unless the setting has a value; an error names it, too.
        """
        problems: list[str] = []
        misspelt: list[str] = []
        given: dict[str, object] = {"team_vanity_id": "", "api_key": ""}
        for key, value in filter(_is_named, mapping.items()):
            if key in NAMES and _is_given(value):
                name = NAMES[key]
                read = _from_text(name, value)
                unread = _unread_text(name, read)
                if unread:
                    problems.append(f"{checks.label(name)} {unread}")
                else:
                    given[name] = read
            elif key.startswith(PREFIX) and key not in NAMES:
                meant = misspelt_name(key, NAMES)
                problems.extend([f"{key} is not a setting: did you mean {meant}?"] if meant else [])
            elif (
                (meant := name_behind_prefix(key, NAMES))
                and _is_given(value)
                and not mapping.get(meant)
            ):
                misspelt.append(f"{key!r} is not a setting: did you mean {meant}?")
        try:
            settings = cls(**given)  # type: ignore[arg-type]  # __post_init__ checks every type
        except SettingsError as error:
            problems = [*error.problems, *problems, *misspelt]
        if problems:
            raise SettingsError(problems)
        for each in misspelt:
            _warn(each)
        return settings

    @classmethod
    def from_env(cls) -> Settings:
        """Read the process's environment variables, by the rules of `from_mapping`."""
        return cls.from_mapping(os.environ)


# A traceback through the generated `__init__` would show its arguments, which are the keys.
Settings.__init__ = keeping_keys_from_tracebacks(Settings.__init__)  # type: ignore[method-assign]

NAMES: Mapping[str, str] = MappingProxyType(
    {PREFIX + each.name.upper(): each.name for each in fields(Settings)}
)
"""The keys that `Settings.from_mapping` reads, and the field each one fills."""


def _is_named(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str)  # a mapping such as Flask's may have other keys


def _is_given(value: object) -> bool:
    # Of our keys only: comparing the value of another package may ask for the app's context.
    return value is not None and value != ""


def _from_text(name: str, value: object) -> object:
    """Turn a `.env` file's text into the field's type; return text that does not fit unchanged."""
    if not isinstance(value, str):
        return value
    if name in _FLAGS:
        return _FLAG_TEXTS.get(value.strip().lower(), value)
    if name == "init_options" or (name == "user_attributes" and value.lstrip().startswith("{")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    if name == "secret_key" and "\n" in value:
        return tuple(filter(None, map(str.strip, value.splitlines())))
    if name == "shared_auth_seconds" and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    if name == "identity_timeout" and re.fullmatch(r"\s*[0-9]{0,9}\.?[0-9]{1,9}\s*", value):
        return float(value)
    return value


def _unread_text(name: str, read: object) -> str:
    """Return which text `_from_text` could have read, if it could not read this one; else ''."""
    if not isinstance(read, str):
        return ""
    if name in _FLAGS:
        return "must be true, false, 1, 0, yes, no, on or off"
    if name == "init_options" or (name == "user_attributes" and read.lstrip().startswith("{")):
        return "is not valid JSON: put names and text in double quotes"
    return ""


def _keys(value: object) -> tuple[Any, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(value)
    return (value,)


def as_secret_key(key: Any) -> Any:
    """Return a framework's own key as bytes, which are exempt from our checks of text.

    Text that cannot be encoded is returned unchanged; the checks refuse it.
    """
    try:
        return key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError:
        return key


def _share_auth(value: object) -> object:
    """Return a domain as browsers write it; a value that is not text is returned unchanged."""
    return normalized(value) if isinstance(value, str) else value


def _domains(value: object) -> tuple[object, ...]:
    """Return the domains in a list, or in lines of text, as browsers write them."""
    lines = [each.partition("#")[0] if isinstance(each, str) else each for each in _each(value)]
    return _each([normalized(each) if isinstance(each, str) else each for each in _each(lines)])


def _attributes(value: object) -> object:
    """Return a callable unchanged, a mapping made immutable, or the names in a list or text."""
    if callable(value):
        return value
    return MappingProxyType(dict(value)) if isinstance(value, Mapping) else _each(value)


def _each(value: object) -> tuple[Any, ...]:
    """Return the items of a list, or of lines with comments, each once.

    Items that are not text are kept, so that the checks can name them.
    """
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
