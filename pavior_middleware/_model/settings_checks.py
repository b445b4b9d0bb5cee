"""What each setting may be: a function a rule, from values to problems.

A problem is a text that names the setting and what to do. It shows nothing of a value, since a key
may have been pasted into any setting.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from .domains import domain_problem, is_loopback

PREFIX = "PAVIOR_"
EXAMPLE_API_KEY = "ladygaga"
SHORTEST_STRONG_KEY = 16  # characters, or bytes
LONGEST_LOAN_SECONDS = 24 * 60 * 60

IDENTITY_OPTIONS = frozenset({"id", "email", "hmac", "shareAuth"})
"""Options of Pavior's init that say who is chatting; only a signed `Identity` may set them."""

RESERVED_OPTIONS = IDENTITY_OPTIONS | {"teamVanityId", "doChat", "doTimeTravel", "__proto__"}
"""Options that neither `init_options` nor an identity's attributes may set."""

_CSP_CHOICES = ("extend", "leave")
_ROOT_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[^\x00-\x20\x7f/\\?#%]+)+/?")
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265 section 4.1.1
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def label(name: str) -> str:
    """Return how a problem names a setting: its keyword and its key in a mapping."""
    return f"{name} ({PREFIX}{name.upper()})"


def text_problems(name: str, value: object, *, required: bool) -> list[str]:
    """Say whether a text is missing, is not text, is padded or is not Unicode."""
    if value is None or value == "":
        mend = "copy it from Pavior's settings page"
        return [f"{label(name)} is missing: {mend}"] if required else []
    if not isinstance(value, str):
        return [f"{label(name)} must be text, not {type(value).__name__}: put it in quotes"]
    if value != value.strip():
        return [f"{label(name)} begins or ends with white space: remove it"]
    try:
        value.encode()
    except UnicodeEncodeError:
        return [f"{label(name)} cannot be encoded as UTF-8: copy it again"]
    return []


def secret_key_problems(keys: Iterable[object], api_key: object, *, is_used: bool) -> Iterator[str]:
    """Yield what is wrong with each secret key; one that signs must not be the API key."""
    for key in keys:
        yield from _secret_key_problems(key, api_key, is_used=is_used)


def _secret_key_problems(key: object, api_key: object, *, is_used: bool) -> list[str]:
    setting = label("secret_key")
    if key in ("", b""):
        return [f"{setting} has an empty key: remove it"]
    problems = [] if isinstance(key, bytes) else text_problems("secret_key", key, required=True)
    is_api_key = isinstance(api_key, str) and key in (api_key, api_key.encode(errors="replace"))
    if is_used and is_api_key:
        problems.append(
            f"{setting} is the API key, with which Pavior's users can have any text signed:"
            " use a random text of its own"
        )
    return problems


def shared_auth_seconds_problems(value: object) -> list[str]:
    """Say whether the seconds of a loan are not a whole number within its limits."""
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and 1 <= value <= LONGEST_LOAN_SECONDS
    ):
        return []
    return [
        f"{label('shared_auth_seconds')} must be a whole number from 1 to {LONGEST_LOAN_SECONDS}"
    ]


def bubble_problems(value: object, *, borrows: bool) -> list[str]:
    """Say whether the bubble is not a selector, or the site borrows no login."""
    if value is None:
        return []
    if not isinstance(value, str) or not value.strip():
        return [f"{label('bubble')} must be a CSS selector, as text"]
    if not borrows:
        return [f"{label('bubble')} is for sites with {label('share_auth')}: remove it"]
    return []


def flag_problems(flags: Mapping[str, object]) -> list[str]:
    """Name each flag that is neither True nor False."""
    return [
        f"{label(name)} must be True or False (as text: true, false, 1, 0, yes, no, on, off)"
        for name, value in flags.items()
        if not isinstance(value, bool)
    ]


def embed_url_problems(value: object) -> list[str]:
    """Say why a browser must not load the embed from this URL."""
    setting = label("embed_url")
    if not isinstance(value, str) or _SPACE_OR_CONTROL.search(value):
        return [f"{setting} must be a URL, as text without spaces: https://app.pavior.com/embed"]
    try:
        url = urlsplit(value)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return [f"{setting} is not a URL: write one like https://app.pavior.com/embed"]
    if url.username is not None or url.password is not None:
        return [
            f"{setting} holds a user name or password, which every visitor would see: remove it"
        ]
    if domain_problem(url.netloc.lower()):
        return [f"{setting} has no domain: write one like https://app.pavior.com/embed"]
    if not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        return [f"{setting} must begin with https:// (http:// is for localhost and loopback only)"]
    return []


def root_path_problems(value: object) -> list[str]:
    """Say whether the path cannot stand before the paths of the site."""
    if value is None or (isinstance(value, str) and _ROOT_PATH.fullmatch(value)):
        return []
    return [f"{label('root_path')} must be a path like /shop, or / for the domain's root"]


def csp_problems(value: object) -> list[str]:
    """Say whether this is not one of the two ways to treat a policy."""
    if value in _CSP_CHOICES:
        return []
    return [f'{label("csp")} must be "extend" or "leave"']


def on_event_problems(value: object) -> list[str]:
    """Say whether this is no callable that takes an event."""
    if value is None or callable(value):
        return []
    return [f"{label('on_event')} must be a callable that takes an Event: pass a function"]


def skip_paths_problems(patterns: Iterable[object]) -> list[str]:
    """Name each entry that cannot match a path."""
    return [
        f"{label('skip_paths')}: entry {place} is no path: begin it with / or *, like /admin/*"
        for place, pattern in enumerate(patterns, 1)
        if not (isinstance(pattern, str) and pattern.startswith(("/", "*")))
    ]


def session_cookie_problems(names: Iterable[object]) -> list[str]:
    """Say so for each name that no cookie can have."""
    return [
        f"{label('session_cookie')} must be the name of a cookie, such as __Host-session"
        for name in names
        if not (isinstance(name, str) and _COOKIE_NAME.fullmatch(name))
    ]


def shared_auth_domains_problems(domains: Iterable[object]) -> list[str]:
    """Name each entry that is not a domain, and say what is wrong with it."""
    return [
        f"{label('shared_auth_domains')}: entry {place} {problem}"
        for place, domain in enumerate(domains, 1)
        if (problem := _domain_problem(domain, allows_subdomains=True))
    ]


def share_auth_problems(value: object, *, lends: bool) -> list[str]:
    """Say what is wrong with the domain that lends the login, for a site that may lend its own."""
    if value is None:
        return []
    problem = _domain_problem(value)
    if problem:
        return [f"{label('share_auth')}: it {problem}"]
    if lends:
        return [
            f"{label('share_auth')} and {label('shared_auth_domains')} are both set: a site"
            " either borrows a login or lends its own; remove one"
        ]
    return []


def init_options_problems(value: object) -> list[str]:
    """Name each option that must not be set; say whether the options are not JSON."""
    setting = label("init_options")
    if not isinstance(value, Mapping):
        return [f'{setting} must be a mapping; as text, a JSON object like {{"doTracking": true}}']
    if not all(isinstance(name, str) for name in value):
        return [f"{setting}: every option's name must be text"]
    problems = [
        f"{setting} must not set {name!r}: "
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
        problems.append(f"{setting} must hold only JSON values: text, numbers, booleans, lists, …")
    return problems


def leak_problems(
    shown: Mapping[str, object], api_key: object, secret_keys: Iterable[object]
) -> list[str]:
    """Name each setting that would show a key to others, as a value pasted twice does."""
    keys = [("API key", api_key), *(("secret key", key) for key in secret_keys)]
    return [
        f"{label(name)} holds the {key_name}, which nobody but the server may see: remove it"
        for name, value in shown.items()
        for key_name, key in keys
        if _holds(value, key)
    ]


def api_key_warnings(api_key: str) -> Iterator[str]:
    """Yield what is risky about an API key that works."""
    if api_key == EXAMPLE_API_KEY:
        yield (
            f"{label('api_key')} is the example of Pavior's documentation, so anyone can sign with"
            " it: use your own team's key"
        )
    elif api_key and len(api_key) < SHORTEST_STRONG_KEY:
        yield (
            f"{label('api_key')} is shorter than {SHORTEST_STRONG_KEY} characters and can be"
            " guessed: check that it was copied whole"
        )


def secret_key_warnings(keys: Iterable[str | bytes], *, is_used: bool) -> Iterator[str]:
    """Yield what is risky about secret keys that work."""
    if is_used and any(len(key) < SHORTEST_STRONG_KEY for key in keys):
        yield (
            f"{label('secret_key')} is shorter than {SHORTEST_STRONG_KEY} characters, and who"
            " guesses it is taken for anybody: use a random one, as"
            " `python -c 'import secrets; print(secrets.token_hex())'` prints it"
        )


def _domain_problem(domain: object, *, allows_subdomains: bool = False) -> str | None:
    if not isinstance(domain, str):
        return f"must be text, not {type(domain).__name__}"
    return domain_problem(domain, allows_subdomains=allows_subdomains)


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
