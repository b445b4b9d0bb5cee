"""What a page's Content-Security-Policy needs so that an inline script runs (CSP Level 3).

A page may come with several policies, in one field or in several, and each must allow the script.
A policy is extended only as far as the script needs. If the policy has a nonce, the script carries
it; otherwise the script's hash is added. A policy also gains those sources of `Needs` that it does
not allow yet. Browsers ignore the query of a URL, and after a redirect the path (section 7.6).

Nonces differ from response to response. So policies are read and extended in a form in which each
nonce is replaced by its number. That form repeats, and the results for it are remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult

ENFORCED = "content-security-policy"
REPORT_ONLY = "content-security-policy-report-only"

_SPACES = "\t\n\f\r "
_TOKEN = re.compile(f"[^{_SPACES}]+")
_NONCE = re.compile(r"'nonce-([A-Za-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_NONCES = re.compile(r"('nonce-[A-Za-z0-9+/_-]+={0,2}')", re.IGNORECASE)
_BEFORE_NONCE = len("'nonce-")
_HASH = re.compile(r"'sha(?:256|384|512)-", re.IGNORECASE)
_SCHEME_SOURCE = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9.-]+|\[[0-9a-f:]+\])"
    r"(?::(?P<port>[0-9]{1,5}|\*))?(?P<path>/.*)?",
    re.IGNORECASE,
)
_WITHOUT_ISOLATION = {"allow-scripts", "allow-same-origin"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, eq=False)
class Needs:
    """What an element needs of a policy. Sources map each source expression to its URL.

    `script_hash` is the source expression of the inline script. `files` are those of the site's
    files that the script may load, by their hashes. With `loads_file_at_once`, it always loads one.
    `scripts`, `calls` and `frames` are URLs elsewhere that it loads, calls and puts into frames.
    `calls_site` tells that it calls the page's own origin. `trusted_types_policy` is the name of
    the Trusted Types policy that it makes.
    """

    script_hash: str
    files: tuple[str, ...]
    loads_file_at_once: bool
    scripts: Mapping[str, SplitResult]
    calls: Mapping[str, SplitResult]
    calls_site: bool
    frames: Mapping[str, SplitResult]
    trusted_types_policy: str


class Verdict(NamedTuple):
    """What the policies of a response say.

    `is_isolated` tells that an enforced policy puts the page into a sandbox, apart from the site.
    Either no script runs there, or the page's origin is opaque (section 6.3.2; WHATWG HTML section
    7.1.5). The scripts of such a page may be anybody's, so they must not count as the site's.
    `nonce` is the number of the nonce in force for scripts. `needs_hashes` tells that some policy,
    even one that only reports, allows the site's files only by their hashes. A policy with the
    page's nonce does not, since the script passes the nonce on to its files.
    """

    is_isolated: bool = False
    nonce: str | None = None
    needs_hashes: bool = False


class Nonces:
    """The nonces of one response, each with its number: the first is "0"."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}
        self._values: list[str] = []
        self._numbered: dict[str, str] = {}

    def numbered(self, policies: str) -> str:
        """Return policies with each nonce replaced by its number."""
        if "nonce-" not in policies.lower():
            return policies
        # A policy is numbered when it is read, and again when it is extended.
        numbered = self._numbered.get(policies)
        if numbered is None:
            numbered = self._numbered[policies] = _with_nonces(policies, self._number)
        return numbered

    def restored(self, policies: str) -> str:
        """Return policies with each number replaced by its nonce."""
        return _with_nonces(policies, self.value) if self._values else policies

    def value(self, number: str) -> str:
        """Return the nonce with this number."""
        return self._values[int(number)]

    def _number(self, nonce: str) -> str:
        number = self._numbers.get(nonce)
        if number is None:
            number = self._numbers[nonce] = str(len(self._values))
            self._values.append(nonce)
        return number


def _with_nonces(policies: str, new: Callable[[str], str]) -> str:
    """Return policies with each nonce replaced by what `new` returns for it."""
    parts = _NONCES.split(policies)
    for place in range(1, len(parts), 2):
        source = parts[place]
        parts[place] = f"{source[:_BEFORE_NONCE]}{new(source[_BEFORE_NONCE:-1])}'"
    return "".join(parts)


def read(fields: Iterable[tuple[str, str]]) -> Verdict:
    """Read the policies in fields, names in lower case and nonces numbered."""
    enforced = [value for name, value in fields if name == ENFORCED]
    reporting = [value for name, value in fields if name == REPORT_ONLY]
    policies = [*_policies(enforced), *_policies(reporting)]
    nonce = _nonce_of_page(policies)
    return Verdict(
        is_isolated=any(map(_isolates, enforced)),
        nonce=nonce,
        needs_hashes=any(_needs_hashes(policy.script_sources, nonce) for policy in policies),
    )


def _isolates(value: str) -> bool:
    # Any sandbox directive counts, even one that browsers ignore: a second one, or one not in
    # ASCII.
    directives = (_lower(_TOKEN.findall(directive)) for directive in re.split("[;,]", value))
    return any(
        words[:1] == ["sandbox"] and not _WITHOUT_ISOLATION.issubset(words) for words in directives
    )


def _needs_hashes(sources: list[str] | None, nonce: str | None) -> bool:
    return sources is not None and nonce not in _nonces(sources) and not _allows_own_files(sources)


def _allows_own_files(sources: list[str]) -> bool:
    return not {"'self'", "*", "https:", "'strict-dynamic'"}.isdisjoint(_lower(sources))


def _nonces(sources: list[str]) -> set[str]:
    return {found[1] for found in map(_NONCE.fullmatch, sources) if found}


def _nonce_of_page(policies: Iterable[_Policy]) -> str | None:
    """Return the nonce in force for scripts, or None.

    A script carries one nonce, so the first nonce counts. Those of enforced policies come first.
    """
    for policy in policies:
        for source in policy.script_sources or ():
            found = _NONCE.fullmatch(source)
            if found:
                return found[1]
    return None


@lru_cache(maxsize=256)
def extended(value: str, nonce: str | None, needs: Needs) -> str:
    """Return a field's policies, with numbered nonces, extended by what the element needs.

    `nonce` is the number of the page's nonce. A policy that allows all of it stays unchanged.
    """
    return ",".join(str(policy) for policy in _allowing(value, nonce, needs))


@lru_cache(maxsize=256)
def lacking(value: str, nonce: str | None, needs: Needs) -> tuple[str, ...]:
    """Return what a field's policies lack for the element: sources behind their directive's name.

    Each text has the form of a directive, such as `script-src 'sha256-…' https://app.pavior.com`.
    """
    return tuple(
        " ".join([lack.directive, *lack.sources])
        for policy in _allowing(value, nonce, needs)
        for lack in policy.gained
    )


def _allowing(value: str, nonce: str | None, needs: Needs) -> Iterator[_Policy]:
    """Yield each policy of a field, extended by what the element needs."""
    for policy in _policies([value]):
        policy.allow(nonce, needs)
        yield policy


class Lack(NamedTuple):
    """A directive that blocks something, and the sources that it would have to gain.

    If the policy lacks that directive, another one such as `default-src` is in force. What the
    other one allows is `inherited`: a new directive has to allow it as well.
    """

    directive: str
    sources: tuple[str, ...]
    inherited: tuple[str, ...] = ()


def lacks(value: str, nonce: str | None, needs: Needs, own: SplitResult) -> list[Lack]:
    """Return what a field's policies lack of what the element needs.

    `nonce` is the nonce that the element carries, or None. `own` is a URL of the page's origin, so
    that `'self'` and a source that names this origin count as the same.
    """
    found = []
    for policy, written in zip(_policies([value]), _policies([value]), strict=True):
        policy.know_origin(own)
        policy.allow(nonce, needs)
        for lack in policy.gained:
            named = [each for each in lack.inherited if each in written.sources]
            found.append(lack._replace(inherited=tuple(named)))
    return found


def _policies(values: Iterable[str]) -> Iterator[_Policy]:
    """Read every policy in field values; one may hold several (section 2.2.2)."""
    for value in values:
        yield from map(_Policy, value.split(","))


class _Policy:
    """One policy: its directives as they are written, and the place of the first of each name.

    Browsers ignore further directives of a name, and those that are not ASCII (section 2.2.1).

    Methods take sources to allow as a mapping from each source expression to its URL.
    """

    def __init__(self, text: str) -> None:
        self._directives = text.split(";")
        self._places: dict[str, int] = {}
        self.gained: list[Lack] = []
        """What was added, in this order."""

        for place, directive in enumerate(self._directives):
            name = _TOKEN.search(directive)
            if name and directive.isascii():
                self._places.setdefault(name[0].lower(), place)

    def __str__(self) -> str:
        return ";".join(self._directives)

    def values(self, name: str) -> list[str] | None:
        """Return the values of a directive; None without such a directive."""
        place = self._places.get(name)
        return None if place is None else _TOKEN.findall(self._directives[place])[1:]

    @property
    def sources(self) -> set[str]:
        """The values of all directives."""
        return {each for name in self._places for each in self.values(name) or ()}

    @property
    def script_sources(self) -> list[str] | None:
        """Return the sources in force for script elements; None if all scripts are allowed.

        (Section 6.8.4.)
        """
        name = self._script_directive
        return None if name is None else self.values(name)

    @property
    def _script_directive(self) -> str | None:
        return self._first("script-src-elem", "script-src", "default-src")

    def _first(self, *names: str) -> str | None:
        return next((name for name in names if name in self._places), None)

    def know_origin(self, own: SplitResult) -> None:
        """Let each directive with `'self'` also name the page's origin, and the other way round."""
        for name, place in self._places.items():
            sources = self.values(name) or []
            if "'self'" in _lower(sources):
                self._directives[place] += f" {origin(own)}"
            elif any(_allows(source, own) for source in sources):
                self._directives[place] += " 'self'"

    def allow(self, page_nonce: str | None, needs: Needs) -> None:
        """Allow what the element needs, and nothing else."""
        self.allow_script(page_nonce, needs)
        self.allow_calls(needs.calls, to_the_site=needs.calls_site)
        self.allow_frames(needs.frames)
        self.allow_trusted_types_policy(needs.trusted_types_policy)

    def allow_script(self, page_nonce: str | None, needs: Needs) -> None:
        """Allow the inline script, and those that it loads (sections 6.7.1.1 and 6.7.3.3).

        The site's own files are allowed by their hashes, since the site's host is not known. If a
        hash would switch `'unsafe-inline'` off, a page that needs its file at once gains `'self'`.
        """
        name = self._script_directive
        if name is None:
            return
        sources = self.values(name) or []
        nonces = _nonces(sources)
        if page_nonce in nonces:
            return  # the script carries the nonce and passes it on to its files
        is_strict = "'strict-dynamic'" in _lower(sources)
        has_hashes = any(map(_HASH.match, sources))
        # Beside a hash, browsers ignore 'unsafe-inline', so our hash would switch it off.
        allows_inline = "'unsafe-inline'" in _lower(sources) and not (
            nonces or has_hashes or is_strict
        )
        files: Sequence[str] = needs.files
        if _allows_own_files(sources):
            files = []
        elif allows_inline:
            # An ordinary page view works without a file.
            files = ["'self'"] if needs.loads_file_at_once else []
        wanted = [*([] if allows_inline else [needs.script_hash]), *files]
        missing = [each for each in wanted if each not in sources]
        if not is_strict:
            missing.extend(_not_allowed(sources, needs.scripts))
        self._add("script-src" if name == "default-src" else name, missing, instead_of=name)

    def allow_calls(self, calls: Mapping[str, SplitResult], *, to_the_site: bool) -> None:
        """Allow the calls of what is loaded, and those by which our script asks the site.

        The script's calls go to the page's own origin. As the host is not known, no source
        expression can name a single path there.
        """
        name = self._first("connect-src", "default-src")
        if name is None:
            return
        sources = self.values(name) or []
        missing = _not_allowed(sources, calls)
        if to_the_site and not {"'self'", "*"}.intersection(_lower(sources)):
            missing.append("'self'")
        self._add("connect-src", missing, instead_of=name)

    def allow_frames(self, frames: Mapping[str, SplitResult]) -> None:
        """Allow frames of the site that lends the login."""
        name = self._first("frame-src", "child-src", "default-src")
        if name is not None:
            missing = _not_allowed(self.values(name) or [], frames)
            self._add("frame-src", missing, instead_of=name)

    def allow_trusted_types_policy(self, policy: str) -> None:
        """Allow a policy by which the script makes URLs (Trusted Types, section 4.1.2)."""
        names = self.values("trusted-types")
        if names is not None and not {policy, "*"}.intersection(names):
            self._add("trusted-types", [policy], instead_of="trusted-types")

    def _add(self, name: str, missing: list[str], *, instead_of: str) -> None:
        """Add sources to a directive, or make it from what the directive in its place allows."""
        if not missing:
            return
        place = self._places.get(name)
        there = _without_none(self.values(instead_of) or []) if place is None else []
        self.gained.append(Lack(name, tuple(missing), tuple(there)))
        if place is None:
            if not _TOKEN.search(self._directives[-1]):
                self._directives.pop()
            self._places[name] = len(self._directives)
            self._directives.append(" " + " ".join([name, *there, *missing]))
        elif _without_none(self.values(name) or []):
            self._directives[place] = " ".join([self._directives[place].rstrip(_SPACES), *missing])
        else:
            written = self._directives[place]
            indent = written[: len(written) - len(written.lstrip(_SPACES))]
            self._directives[place] = indent + " ".join([_TOKEN.findall(written)[0], *missing])


def _not_allowed(sources: list[str], wanted: Mapping[str, SplitResult]) -> list[str]:
    """Return the wanted source expressions whose URLs no source allows."""
    return [
        source
        for source, url in wanted.items()
        if source not in sources and not any(_allows(each, url) for each in sources)
    ]


def origin(url: SplitResult) -> str:
    """Return a URL's origin; without a scheme if the URL takes the page's scheme."""
    host = url.netloc.lower()
    return f"{url.scheme}://{host}" if url.scheme else host


def _without_none(sources: list[str]) -> list[str]:
    return [] if _lower(sources) == ["'none'"] else sources


def _lower(values: list[str] | None) -> list[str]:
    return [value.lower() for value in values or ()]


def _allows(source: str, url: SplitResult) -> bool:
    """Whether a source expression is known to match a URL (section 6.7.2.7).

    `'self'` depends on the page's own URL, and so do a host and a URL without a scheme. They count
    as a match only if they match on every page.
    """
    # A source without a scheme takes the page's own, http or https; both allow https. A URL without
    # a scheme takes the page's own, too. Such a source allows it; so does http, which allows https.
    own_scheme = "https" if url.scheme else "http"
    url = url._replace(scheme=url.scheme or "http")
    if source == "*":
        return True
    scheme = _SCHEME_SOURCE.fullmatch(source)
    if scheme:
        return _scheme_allows(scheme[1].lower(), url.scheme)
    found = _HOST_SOURCE.fullmatch(source)
    if not found:
        return False
    return (
        _scheme_allows((found["scheme"] or own_scheme).lower(), url.scheme)
        and _host_allows(found["host"].lower(), url.hostname or "")
        and _port_allows(found["port"], url)
        and _path_allows(found["path"] or "/", url.path)
    )


def _scheme_allows(scheme: str, wanted: str) -> bool:
    return scheme == wanted or (scheme, wanted) == ("http", "https")


def _host_allows(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern.strip("[]") == host


def _port_allows(pattern: str | None, url: SplitResult) -> bool:
    port = url.port or _DEFAULT_PORTS[url.scheme]
    if pattern is None:
        return port == _DEFAULT_PORTS[url.scheme]
    return pattern == "*" or int(pattern) == port or (pattern, port) == ("80", 443)


def _path_allows(pattern: str, path: str) -> bool:
    if pattern == "/":
        return True
    return path.startswith(pattern) if pattern.endswith("/") else path == pattern
