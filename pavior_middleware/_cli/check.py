"""`pavior check`: say what is wrong with a live site, and what to do about it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._model.settings import Settings
from .cookie import add_cookie_options, given_cookie
from .environ import given_environ, read_env_file
from .findings import STATUSES, print_json, print_lines
from .keys import API_KEY, add_key_options, api_key_at_hand
from .output import CannotRun, ExitStatus, add_json_option, missing_package, note

if TYPE_CHECKING:
    from .._check.effective import Shown
    from .._check.report import Report


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what is wrong with a live page",
        description="Fetch a page as a visitor and, given a cookie, as somebody who is logged in,"
        " and say what is wrong and what to do. The API key, by which hmacs are checked, comes from"
        f" --key-file, --app, --env-file or {API_KEY} in the environment. With --app or --env-file,"
        " print the settings that are in force, too.",
    )
    add_options(parser)
    parser.add_argument(
        "--app",
        metavar="MODULE:APP",
        help="print the settings of an app, like mysite:app or mysite:create_app(), which sees the"
        " environment's variables before those of --env-file",
    )
    add_key_options(parser)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which page is checked, how, and what is printed."""
    parser.add_argument("url", metavar="URL", nargs="?", help="the address of a page")
    add_cookie_options(parser)
    parser.add_argument(
        "--borrower",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site that is to borrow the login, like https://help.example.com; may be repeated",
    )
    parser.add_argument(
        "--connect-to",
        default="",
        metavar="HOST[:PORT]",
        help="connect there in place of the page's host, as to a server behind a CDN",
    )
    parser.add_argument(
        "--browser",
        action="store_true",
        help="open the page in Chromium, too (needs Playwright)",
    )
    parser.add_argument(
        "--show-fingerprint",
        action="store_true",
        help="show the fingerprints of keys with --json and in a file, too, not on a terminal only",
    )
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Check a page, print the settings, or both."""
    if not (options.url or options.app or options.env_file):
        raise CannotRun("nothing to check: pass the URL of a page, --app or --env-file")
    settings, shown = _settings_at_hand(options)
    report = None
    if options.url:
        report = check_page(options, settings, _api_key(options, settings))
    return show(options, report, shown)


def show(
    options: argparse.Namespace,
    report: Report | None,
    settings: Sequence[Shown] | None,
    **more: object,
) -> int:
    """Print the report of a page and the settings, if there are any; return the exit status.

    `more` is what else the JSON has.
    """
    if options.json:
        print_json(report, settings, **more)
    else:
        print_lines(report, settings)
    return ExitStatus.FINE if report is None else STATUSES[report.verdict]


def shows_fingerprints(options: argparse.Namespace) -> bool:
    """Whether the fingerprints of keys are shown: if asked for, or on a terminal."""
    return options.show_fingerprint or (not options.json and sys.stdout.isatty())


def check_page(options: argparse.Namespace, settings: Settings | None, api_key: str = "") -> Report:
    """Check the page at `options.url` with the options of `add_options`.

    Raises `CannotRun`.
    """
    try:
        from .._check.addresses import origin_of
        from .._check.collecting import Question, collect
        from .._check.evidence import Keys
        from .._check.fetching import Fetcher, Login
        from .._check.report import report
    except ModuleNotFoundError as error:
        raise missing_package("pavior check", error) from error
    url = _page_url(options.url)
    borrowers = tuple(map(_origin, options.borrower))
    cookie = given_cookie(options)
    login = Login(cookie, origin_of(url)) if cookie else None
    keys = Keys(api_key, settings.secret_keys if settings is not None else ())
    names = login.cookie_names if login is not None else None
    question = Question(url, keys, settings, borrowers, names)
    with Fetcher(url, login=login, connect_to=options.connect_to) as fetcher:
        evidence = collect(question, fetcher)
    if options.browser and evidence.answered is not None:
        try:
            from .._check.browsing import open_page
        except ModuleNotFoundError as error:
            raise CannotRun(
                "--browser needs Playwright and its Chromium: pip install playwright, then"
                " playwright install chromium"
            ) from error
        named = evidence.named_page
        opened = open_page(
            evidence.answered.url,
            login,
            options.connect_to,
            named_url=named.url if named is not None else "",
        )
        evidence = replace(evidence, opened=opened)
    return report(evidence, cookie)


def _settings_at_hand(
    options: argparse.Namespace,
) -> tuple[Settings | None, list[Shown] | None]:
    """Return the settings of `--app` or `--env-file`, and their form for output; None without them.

    Raises `CannotRun` and `SettingsError`.
    """
    if not (options.app or options.env_file):
        return None, None
    from .._check.effective import effective, origins_by_value, origins_in

    sources: dict[str, Mapping[str, Any]] = {}
    if options.env_file:
        sources[str(options.env_file)] = read_env_file(options.env_file)
    if options.app:
        settings, config = _loaded(options)
        sources |= {"the environment": os.environ, "the app's config": config}
        origin_of = origins_by_value(settings, sources)
    else:
        sources["the environment"] = os.environ
        settings = Settings.from_mapping(given_environ(options))
        origin_of = origins_in(sources)
    with_fingerprints = shows_fingerprints(options)
    return settings, effective(settings, origin_of, with_fingerprints=with_fingerprints)


def _loaded(options: argparse.Namespace) -> tuple[Settings, Mapping[str, Any]]:
    """Load the app, which sees the variables of `--env-file`."""
    from .._check.apps import NoApp, config_of, load, settings_in

    for name, value in (read_env_file(options.env_file) if options.env_file else {}).items():
        os.environ.setdefault(name, value)
    try:
        app = load(options.app)
        return settings_in(app), config_of(app)
    except NoApp as error:
        raise CannotRun(f"--app: {error}") from None


def _api_key(options: argparse.Namespace, settings: Settings | None) -> str:
    if settings is not None and not options.key_file:
        return settings.api_key
    return api_key_at_hand(options)


def _page_url(text: str) -> str:
    """Return the URL of a page without its fragment, its host in Punycode. Raises `CannotRun`.

    An address without a scheme is https, and on this machine http, as servers of development are.
    """
    from .._check.addresses import is_local, with_ascii_host

    has_scheme = "://" in text
    scheme = "http" if is_local(f"http://{text}") else "https"
    try:
        parts = urlsplit(text if has_scheme else f"{scheme}://{text}")
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not text.isprintable() or " " in text:
        raise CannotRun("URL must be the address of a page, like https://www.example.com/")
    if parts.username is not None or parts.password is not None:
        raise CannotRun("URL must hold no user name and no password: remove them")
    url = with_ascii_host(parts._replace(fragment="", path=parts.path or "/").geturl())
    if not url:
        raise CannotRun(f"URL has no host that can be: {parts.hostname} cannot be written in DNS")
    if not has_scheme:
        note(f"The address has no scheme, so it is taken as {url} (http:// or https:// decides).")
    return url


def _origin(text: str) -> str:
    """Return the origin of a borrower. Raises `CannotRun`."""
    from .._check.addresses import origin_of

    try:
        return origin_of(_page_url(text))
    except CannotRun:
        raise CannotRun("--borrower must be an origin, like https://help.example.com") from None
