"""The command `pavior`: sign an identifier, write a borrower's element, run the emulator."""

from __future__ import annotations

import argparse
import html
import json
import os
import sqlite3
import sys
from collections.abc import Sequence

from ._model.identity import Identity, IdentityRefused, signed_options
from ._model.init_options import site_options
from ._model.settings import Settings, SettingsError
from ._model.settings_checks import EXAMPLE_API_KEY
from ._page.snippet import lender_url


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `sys.argv`'s arguments, or those given; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (ValueError, sqlite3.Error) as error:
        sys.stderr.write(f"pavior: {error}\n")
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pavior", description="Sign identities for Pavior, and emulate it for development."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    sign = commands.add_parser(
        "sign",
        help="print the hmac of an id or an email",
        description="Print the hmac of the id, or of the email if no id is given. Reads"
        " PAVIOR_API_KEY and PAVIOR_TEAM_VANITY_ID from the environment.",
    )
    sign.add_argument("--id", help="the user's id")
    sign.add_argument("--email", help="the user's email")
    sign.set_defaults(run=_sign)

    snippet = commands.add_parser(
        "snippet",
        help="print what a page that borrows its login needs",
        description="Print the element to paste into the pages of a site that has no login of its"
        " own. Reads PAVIOR_TEAM_VANITY_ID and the other settings from the environment; no API key"
        " is needed.",
    )
    snippet.add_argument(
        "--share-auth",
        metavar="DOMAIN",
        default=os.environ.get("PAVIOR_SHARE_AUTH"),
        help="where people log in; default: PAVIOR_SHARE_AUTH from the environment",
    )
    snippet.add_argument(
        "--embed-url",
        metavar="URL",
        default=os.environ.get("PAVIOR_EMBED_URL"),
        help="default: PAVIOR_EMBED_URL from the environment, else Pavior's own",
    )
    snippet.set_defaults(run=_print_snippet)

    emulator = commands.add_parser(
        "emulator",
        help="run a Pavior to develop against",
        description="Serve the embed and an inbox that tells what each page's init was worth."
        " Reads PAVIOR_API_KEY from the environment; without it, the key is the example of"
        " Pavior's documentation.",
    )
    emulator.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    emulator.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    emulator.add_argument(
        "--team-vanity-id",
        default=os.environ.get("PAVIOR_TEAM_VANITY_ID") or "YOUR_TEAM_ID",
        help="default: PAVIOR_TEAM_VANITY_ID from the environment, else YOUR_TEAM_ID",
    )
    emulator.add_argument(
        "--database",
        default=":memory:",
        metavar="FILE",
        help="an SQLite file that keeps the inbox; default: memory",
    )
    emulator.set_defaults(run=_run_emulator)
    return parser


def _sign(options: argparse.Namespace) -> int:
    identity = Identity(options.id, options.email)
    if identity.identifier is None:
        raise IdentityRefused("nothing to sign: pass --id or --email")
    signed = signed_options(_api_key(), identity)
    sys.stdout.write(signed["hmac"] + "\n")
    return 0


def _api_key() -> str:
    api_key = Settings.from_env().api_key
    if not api_key:
        raise SettingsError(
            ["PAVIOR_API_KEY is missing: a site with PAVIOR_SHARE_AUTH signs nobody"]
        )
    return api_key


def _print_snippet(options: argparse.Namespace) -> int:
    if not options.share_auth:
        raise SettingsError(
            ["pass --share-auth auth.example.com (or PAVIOR_SHARE_AUTH): where people log in"]
        )
    settings = Settings.from_mapping(
        {
            **os.environ,
            "PAVIOR_SHARED_AUTH_DOMAINS": None,  # of the site that lends, if this is its shell
            "PAVIOR_SHARE_AUTH": options.share_auth,
            "PAVIOR_EMBED_URL": options.embed_url,
        }
    )
    sys.stdout.write(_borrowing_element(settings) + "\n")
    sys.stderr.write(
        "Put it into the <head> of each page.\n"
        f"Add this page's domain to PAVIOR_SHARED_AUTH_DOMAINS on {settings.share_auth}.\n"
    )
    return 0


def _borrowing_element(settings: Settings) -> str:
    """Return the element by which a plain page borrows its login."""
    options = site_options(settings)
    del options["shareAuth"]  # the script knows where it comes from
    # JSON is full of double quotes, so it stands in single ones.
    init = html.escape(json.dumps(options), quote=False).replace("'", "&#x27;")
    element = f"<script async src=\"{html.escape(lender_url(settings) or '')}\" data-init='{init}'"
    if settings.embed_url != Settings.embed_url:
        element += f' data-embed="{html.escape(settings.embed_url)}"'
    if settings.bubble is not None:
        element += f' data-bubble="{html.escape(settings.bubble)}"'
    return element + "></script>"


def _run_emulator(options: argparse.Namespace) -> int:
    try:
        from .emulator import create_app, serve
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"pavior: the emulator needs {error.name}:"
            ' install it with pip install "pavior-middleware[emulator]"\n'
        )
        return 2
    app = create_app(
        team_vanity_id=options.team_vanity_id,
        api_key=os.environ.get("PAVIOR_API_KEY") or EXAMPLE_API_KEY,
        database=options.database,
    )
    serve(app, host=options.host, port=options.port)
    return 0
