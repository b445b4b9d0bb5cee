"""What each setting may be. Each function is one rule: it takes values and returns problems.

A problem is a text that names the setting and what to do. It does not show the value, since a key
may have been pasted into any setting.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from .copied_texts import credential_problem, secret_problem, secret_warning
from .domains import domain_problem, is_loopback
from .public_suffixes import public_suffixes_in
from .secret_names import looks_secret
from .setting_names import PREFIX

EXAMPLE_API_KEY = "ladygaga"
SHORTEST_FOUND_KEY = len(EXAMPLE_API_KEY)
"""A key with fewer characters may be in a text by chance."""

SHORTEST_STRONG_KEY = 16  # characters, or bytes
LONGEST_LOAN_SECONDS = 24 * 60 * 60

IDENTITY_OPTIONS = frozenset({"id", "email", "hmac", "shareAuth"})
"""Options of Pavior's init that say who is chatting; only a signed `Identity` may set them."""

RESERVED_OPTIONS = IDENTITY_OPTIONS | {"teamVanityId", "doChat", "doTimeTravel", "__proto__"}
"""Options that neither `init_options` nor an identity's attributes may set."""

_CSP_CHOICES = ("extend", "leave")
_IMPERSONATION_CHOICES = ("anonymous", "lead")
_ATTRIBUTE_PATH = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_WORDS_FOR_FLAGS = frozenset({"true", "false", "yes", "no", "on", "off"})
_ROOT_PATH = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[^\x00-\x20\x7f/\\?#%]+)+/?")
_COOKIE_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 6265 section 4.1.1
_PADDING = " \t\r\n"  # other white space may be a byte of a secret that was read as Latin-1
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def label(name: str) -> str:
    """Return how a problem names a setting: its keyword and its key in a mapping."""
    return f"{name} ({PREFIX}{name.upper()})"


def text_problems(
    name: str, value: object, *, required: bool, padding: str | None = None
) -> list[str]:
    """Say whether a text is missing, is not text, is padded or is not Unicode.

    `padding` are the characters that must not be at the ends: all white space if it is None.
    """
    if value is None or value == "":
        mend = "copy it from Pavior's settings page"
        return [f"{label(name)} is missing: {mend}"] if required else []
    if not isinstance(value, str):
        return [f"{label(name)} {_type_problem(value)}"]
    if value != value.strip(padding):
        return [f"{label(name)} begins or ends with white space: remove it"]
    try:
        value.encode()
    except UnicodeEncodeError:
        return [f"{label(name)} cannot be encoded as UTF-8: copy it again"]
    return []


def credential_problems(name: str, value: object, *, required: bool) -> list[str]:
    """Say what is wrong with a key or an id of Pavior's; mistakes of copying count, too."""
    problems = text_problems(name, value, required=required)
    if not problems and isinstance(value, str) and (problem := credential_problem(value)):
        problems = [f"{label(name)} {problem}"]
    return problems


def secret_key_problems(keys: Iterable[object], api_key: object, *, is_used: bool) -> Iterator[str]:
    """Yield what is wrong with each secret key; one that signs must not be the API key."""
    for key in keys:
        yield from _secret_key_problems(key, api_key, is_used=is_used)


def _secret_key_problems(key: object, api_key: object, *, is_used: bool) -> list[str]:
    setting = label("secret_key")
    if key in ("", b""):
        return [f"{setting} has an empty key: remove it"]
    problems: list[str] = []
    if not isinstance(key, bytes):
        problems = text_problems("secret_key", key, required=True, padding=_PADDING)
    if not problems and isinstance(key, str) and (problem := secret_problem(key)):
        problems = [f"{setting} {problem}"]
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


def identity_timeout_problems(value: object) -> list[str]:
    """Say whether this is not a number of seconds above 0."""
    if isinstance(value, int | float) and value is not True and 0 < value < math.inf:
        return []
    return [f"{label('identity_timeout')} must be a number of seconds above 0, like 2 or 0.5"]


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
        f"{label(name)} must be True or False, not {type(value).__name__}: write True or False in"
        " code, and true or false in a variable that is read as JSON"
        if isinstance(value, int | float)
        else f"{label(name)} must be True or False: text (true, false, 1, 0, yes, no, on, off) is"
        " for Settings.from_mapping and Settings.from_env alone"
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
    """Say whether this is not a path that can be before the paths of the site."""
    if value is None or (isinstance(value, str) and _ROOT_PATH.fullmatch(value)):
        return []
    return [f"{label('root_path')} must be a path like /shop, or / for the domain's root"]


def csp_problems(value: object) -> list[str]:
    """Say whether this is not one of the two ways to treat a policy."""
    if value in _CSP_CHOICES:
        return []
    return [f'{label("csp")} must be "extend" or "leave"']


def impersonation_problems(value: object) -> list[str]:
    """Say whether this is not one of the two ways to treat an impersonated user."""
    if value in _IMPERSONATION_CHOICES:
        return []
    return [f'{label("impersonation")} must be "anonymous" or "lead"']


def email_confirmed_problems(value: object) -> list[str]:
    """Say whether this is neither an attribute's name nor a plain callable."""
    setting = label("email_confirmed")
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in _WORDS_FOR_FLAGS):
        return [
            f"{setting} must name the attribute that tells whether the user's email is confirmed,"
            " or be a callable that takes the user. If each address is confirmed before it is"
            " stored, give the users an attribute that is True"
        ]
    if inspect.iscoroutinefunction(value):
        return [f"{setting} must be a plain callable that takes the user, not a coroutine function"]
    if value is None or callable(value) or _is_attribute_path(value):
        return []
    return [
        f"{setting} must be the name of an attribute of your users, such as email_verified, or a"
        " callable that takes the user"
    ]


def user_attributes_problems(value: object) -> list[str]:
    """Name each attribute that must not be sent; say whether the setting is of another type."""
    setting = label("user_attributes")
    if inspect.iscoroutinefunction(value):
        return [f"{setting} must be a plain callable that takes the user, not a coroutine function"]
    if callable(value):
        return []
    if isinstance(value, Mapping):
        entries = list(value.items())
    elif isinstance(value, tuple):
        entries = [("", path) for path in value]
    else:
        entries = [("", value)]
    problems = []
    for name, path in entries:
        if not isinstance(name, str) or not _is_attribute_path(path):
            return [
                f"{setting} must be a list of names of your users' attributes, a mapping of"
                " Pavior's names to these, or a callable that takes the user"
            ]
        bad = next(filter(attribute_name_problem, (name, path)), None)
        if bad is not None:
            problems.append(f"{setting} must not send {bad}: {attribute_name_problem(bad)}")
    return problems


def attribute_name_problem(name: str) -> str | None:
    """Say why no attribute of a user that is sent may have this name; None if one may."""
    if name in RESERVED_OPTIONS:
        return "it is not an attribute, but an option that comes from elsewhere. Remove it"
    if looks_secret(name):
        return "its name says that it is a secret, which each page would show. Remove it"
    return None


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
    """Name each entry that cannot be the name of a cookie."""
    return [
        f"{label('session_cookie')} must be the name of a cookie, such as __Host-session"
        if isinstance(name, str)
        else f"{label('session_cookie')} is the name of a cookie and {_type_problem(name)}"
        for name in names
        if not (isinstance(name, str) and _COOKIE_NAME.fullmatch(name))
    ]


def shared_auth_domains_problems(domains: Iterable[object]) -> list[str]:
    """Name each entry that is not a domain with one owner, and say what is wrong with it."""
    entries = list(domains)
    problems = [_domain_problem(entry, allows_subdomains=True) for entry in entries]
    pairs = list(zip(entries, problems, strict=True))
    names = [entry for entry, problem in pairs if isinstance(entry, str) and not problem]
    too_wide = public_suffixes_in(tuple(names)).problems
    return [
        f"{label('shared_auth_domains')}: entry {place} {found}"
        for place, (entry, problem) in enumerate(pairs, 1)
        if (found := problem or too_wide.get(str(entry)))
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
        return [
            f'{setting} must be a mapping like {{"doTracking": True}}; Settings.from_mapping and'
            ' Settings.from_env alone take text, a JSON object like {"doTracking": true}'
        ]
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
    """Name each public setting that holds a key, as when the key was pasted twice."""
    keys = [("API key", api_key), *(("secret key", key) for key in secret_keys)]
    return [
        f"{label(name)} holds the {key_name}, which nobody but the server may see: remove it"
        for name, value in shown.items()
        for key_name, key in keys
        if _holds(value, key)
    ]


def is_emulator(embed_url: object) -> bool:
    """Whether the embed comes from this machine, so that nothing reaches Pavior."""
    if not isinstance(embed_url, str) or embed_url_problems(embed_url):
        return False
    return is_loopback(urlsplit(embed_url).hostname or "")


def api_key_warnings(api_key: str, *, has_emulator: bool) -> Iterator[str]:
    """Yield what is risky about an API key that works; the example is the emulator's own key."""
    if api_key == EXAMPLE_API_KEY:
        if has_emulator:
            return
        yield (
            f"{label('api_key')} is the example of Pavior's documentation, so anyone can sign with"
            " it: use your own team's key"
        )
    elif api_key and len(api_key) < SHORTEST_STRONG_KEY:
        yield (
            f"{label('api_key')} is shorter than {SHORTEST_STRONG_KEY} characters and can be"
            " guessed: check that it was copied whole"
        )


def shared_auth_domains_warnings(domains: tuple[str, ...]) -> Iterator[str]:
    """Yield what is risky, or likely a mistake, about domains that may borrow the login."""
    found = public_suffixes_in(domains)
    below = [
        f"entry {place} (such as {found.suffixes_below[domain]})"
        for place, domain in enumerate(domains, 1)
        if domain in found.suffixes_below
    ]
    if below:
        yield (
            f"{label('shared_auth_domains')}: anyone can have a name below some subdomains of"
            f" {', '.join(below)}, and could ask who is logged in: name the subdomains that are"
            " your own, unless all of them are"
        )
    # A host of a private network may have such a name, too, so it is not refused.
    for place, domain in enumerate(domains, 1):
        if domain in found.single_labels:
            yield (
                f"{label('shared_auth_domains')}: entry {place} is a public suffix, as com is. If a"
                " comma or a space is where a domain has a dot, write the dot, like"
                " help.example.com"
            )


def secret_key_warnings(keys: Sequence[str | bytes], *, is_used: bool) -> Iterator[str]:
    """Yield what is risky, or likely a mistake, about secret keys that work."""
    texts = [key for key in keys if isinstance(key, str)]
    for warning in dict.fromkeys(filter(None, map(secret_warning, texts))):
        yield f"{label('secret_key')} {warning}"
    if is_used and any(len(key) < SHORTEST_STRONG_KEY for key in keys):
        yield (
            f"{label('secret_key')} is shorter than {SHORTEST_STRONG_KEY} characters. An attacker"
            " who guesses it can pass for any user: use a random one, as"
            " `python -c 'import secrets; print(secrets.token_hex())'` prints it"
        )


def _is_attribute_path(value: object) -> bool:
    return isinstance(value, str) and _ATTRIBUTE_PATH.fullmatch(value) is not None


def _type_problem(value: object) -> str:
    """Say that a value is no text, and how to make a number one."""
    problem = f"must be text, not {type(value).__name__}"
    if not isinstance(value, int | float):
        return f"{problem}: pass a str"
    return (
        f"{problem}: put it in quotes. Where from_prefixed_env of Flask or Quart reads it as JSON,"
        " write '\"123\"', with both kinds of quotes"
    )


def _domain_problem(domain: object, *, allows_subdomains: bool = False) -> str | None:
    if not isinstance(domain, str):
        return _type_problem(domain)
    return domain_problem(domain, allows_subdomains=allows_subdomains)


def _holds(value: object, key: object) -> bool:
    """Whether a setting holds a key, in any case of letters.

    A key so short that it may be there by chance does not count.
    """
    if isinstance(key, bytes):
        key = key.decode(errors="replace")
    if not isinstance(key, str) or len(key) < SHORTEST_FOUND_KEY:
        return False
    if isinstance(value, str):
        return key.lower() in value.lower()
    try:
        text = json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return False  # another rule refuses such a value
    return json.dumps(key, ensure_ascii=False)[1:-1].lower() in text.lower()
