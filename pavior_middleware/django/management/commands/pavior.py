"""`manage.py pavior`: show the settings, sign and verify users, run the emulator."""

from __future__ import annotations

import sqlite3
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...._check.effective import DEFAULT, Shown, effective
from ...._cli import check, sign, verify
from ...._cli.output import CannotRun, ExitStatus, write_json
from ...._model.identity import IdentityRefused
from ...._model.settings import PREFIX, SettingsError
from ...._model.settings_checks import EXAMPLE_API_KEY
from ..._checks import TAG
from ..._settings import CONSENT, IDENTITY, SKIP_ADMIN, SiteSettings, given
from ..._sites import current_settings

if TYPE_CHECKING:
    from ...._check.report import Report


class Command(BaseCommand):  # type: ignore[misc]  # Django is untyped
    """The command `pavior` of `manage.py`."""

    help = "Check Pavior's settings, sign and verify users, or run an emulator of Pavior."
    requires_system_checks: tuple[str, ...] = ()  # `check` runs them, and says what is wrong

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the four commands to the command line."""
        commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
        # `--cookie=…` would be taken for `--cookie-file`, and the cookie would be shown as a path.
        add = partial(commands.add_parser, allow_abbrev=False)
        checking = add(
            "check", help="print the settings, run the system checks, and check a live page"
        )
        checking.add_argument(
            "--deploy", action="store_true", help="check what matters in production"
        )
        check.add_options(checking)
        sign.add_options(add("sign", help="print the hmac of an id or an email, or sign a file"))
        verify.add_options(add("verify", help="tell whether an hmac is right, or those of a file"))
        emulator = add("emulator", help="run a Pavior to develop against")
        emulator.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        emulator.add_argument("--port", type=int, default=8990, help="default: %(default)s")
        emulator.add_argument(
            "--database",
            default=":memory:",
            metavar="FILE",
            help="an SQLite file that keeps the inbox; default: memory",
        )

    def handle(self, *_: Any, command: str, **options: Any) -> None:
        """Run one of the commands."""
        _COMMANDS[command](self, options)

    def check_site(self, options: Mapping[str, Any]) -> None:
        """Print the settings, without keys, run the system checks, and check a page if given."""
        if options["json"]:
            self._run(_check_as_json, options)
            return
        self._run(lambda named, _: check.show(named, None, _shown(named)), options)
        self.check(tags=[TAG], display_num_errors=True, include_deployment_checks=options["deploy"])
        if options["url"]:
            self._run(lambda named, _: check.show(named, _report(named), None), options)

    def sign_users(self, options: Mapping[str, Any]) -> None:
        """Print an hmac, or a file of users with their hmacs."""
        self._run(sign.sign_given, options)

    def verify_users(self, options: Mapping[str, Any]) -> None:
        """Tell whether an hmac is right, or those of a file."""
        self._run(verify.verify_given, options)

    def _run(
        self, work: Callable[[Namespace, Callable[[], str]], int], options: Mapping[str, Any]
    ) -> None:
        """Do what `pavior` does, with the site's own key."""
        with redirect_stdout(self.stdout), redirect_stderr(self.stderr):
            try:
                status = work(Namespace(**options), _api_key)
            except (CannotRun, IdentityRefused) as error:
                if options["json"]:
                    write_json({"error": str(error)})
                raise CommandError(str(error), returncode=ExitStatus.FAILED) from None
        if status != ExitStatus.FINE:
            raise CommandError("there are problems", returncode=status)

    def emulate(self, options: Mapping[str, Any]) -> None:
        """Serve the emulator until it is stopped."""
        try:
            from .... import emulator
        except ModuleNotFoundError as error:
            raise CommandError(
                f"the emulator needs {error.name}:"
                ' install it with pip install "pavior-middleware[emulator]"'
            ) from error
        try:
            settings = _settings().settings
            app = emulator.create_app(
                team_vanity_id=settings.team_vanity_id,
                api_key=settings.api_key or EXAMPLE_API_KEY,
                database=options["database"],
                key_origin="from this site's settings",
            )
            emulator.serve(
                app,
                host=options["host"],
                port=options["port"],
                on_start=lambda origin: self.stdout.write(emulator.start_text(app, origin)),
            )
        except (CannotRun, OSError, sqlite3.Error) as error:
            raise CommandError(str(error), returncode=ExitStatus.FAILED) from None


_COMMANDS: Mapping[str, Callable[[Command, Mapping[str, Any]], None]] = MappingProxyType(
    {
        "check": Command.check_site,
        "sign": Command.sign_users,
        "verify": Command.verify_users,
        "emulator": Command.emulate,
    }
)


def _api_key() -> str:
    api_key = _settings().settings.api_key
    if not api_key:
        raise CannotRun("PAVIOR_API_KEY is missing: a site with PAVIOR_SHARE_AUTH has none")
    return api_key


def _settings() -> SiteSettings:
    try:
        return current_settings()
    except SettingsError as error:
        raise CannotRun(str(error)) from None


def _check_as_json(options: Namespace, _: object) -> int:
    """Print one object with the settings, the system checks, and a page's report if one is given.

    If a system check fails, no page is checked.
    """
    messages = run_checks(tags=[TAG], include_deployment_checks=options.deploy)
    heard = [message for message in messages if not message.is_silenced()]
    has_failed = any(message.is_serious() for message in heard)
    report = _report(options) if options.url and not has_failed else None
    checks = [
        {
            "id": message.id,
            "level": type(message).__name__.lower(),
            "message": message.msg,
            "hint": message.hint,
        }
        for message in heard
    ]
    status = check.show(options, report, _shown(options), checks=checks)
    return ExitStatus.PROBLEMS if has_failed else status


def _report(options: Namespace) -> Report:
    """Check the page against the site's own settings. Raises `CannotRun`."""
    settings = _settings().settings
    return check.check_page(options, settings, settings.api_key)


def _shown(options: Namespace) -> list[Shown] | None:
    """Return each setting as it may be shown; None if they are wrong, as the checks say."""
    try:
        read = current_settings()
    except SettingsError:
        return None
    with_fingerprints = check.shows_fingerprints(options)
    return [
        *effective(read.settings, _origin_of, with_fingerprints=with_fingerprints),
        Shown(IDENTITY, _name_of(read.identity), _origin(IDENTITY)),
        Shown(CONSENT, _name_of(read.consent), _origin(CONSENT)),
        Shown(SKIP_ADMIN, repr(read.skips_admin), _origin(SKIP_ADMIN)),
    ]


def _origin_of(name: str) -> str:
    """Return where the setting of a field comes from."""
    key = PREFIX + name.upper()
    origin = _origin(key)
    return "SECRET_KEY" if (key, origin) == ("PAVIOR_SECRET_KEY", DEFAULT) else origin


def _origin(key: str) -> str:
    return "settings.py" if given().get(key) not in (None, "") else DEFAULT


def _name_of(callable_: Callable[..., Any] | None) -> str:
    if callable_ is None:
        return "None"
    name = getattr(callable_, "__qualname__", type(callable_).__qualname__)
    return f"{callable_.__module__}.{name}"
