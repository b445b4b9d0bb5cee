"""`pavior snippet`: the element with which a plain page borrows its login."""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Mapping
from typing import Any

from .._model.init_options import site_options
from .._model.settings import Settings, SettingsError
from .._page.snippet import lender_url
from .environ import add_env_file_option, given_environ
from .output import ExitStatus, add_json_option, note, write, write_json


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the verb to the command line."""
    parser = commands.add_parser(
        "snippet",
        help="print what a page that borrows its login needs",
        description="Print the element to paste into the pages of a site that has no login of its"
        " own. Reads PAVIOR_TEAM_VANITY_ID and the other settings from the environment; no API key"
        " is needed.",
    )
    parser.add_argument(
        "--share-auth",
        metavar="DOMAIN",
        help="where people log in; default: PAVIOR_SHARE_AUTH from the environment",
    )
    parser.add_argument(
        "--embed-url",
        metavar="URL",
        help="default: PAVIOR_EMBED_URL from the environment, else Pavior's own",
    )
    add_env_file_option(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the element, and what to do with it."""
    environ = given_environ(options)
    settings = borrower_settings(
        environ,
        share_auth=environ.get("PAVIOR_SHARE_AUTH")
        if options.share_auth is None
        else options.share_auth,
        embed_url=environ.get("PAVIOR_EMBED_URL")
        if options.embed_url is None
        else options.embed_url,
    )
    element = borrowing_element(settings)
    if options.json:
        write_json({"element": element, "shareAuth": settings.share_auth})
        return ExitStatus.FINE
    write(element)
    note("Put it into the <head> of each page.")
    note(f"Add this page's domain to PAVIOR_SHARED_AUTH_DOMAINS on {settings.share_auth}.")
    return ExitStatus.FINE


def borrower_settings(
    environ: Mapping[str, str], *, share_auth: str | None, embed_url: str | None
) -> Settings:
    """Return the settings of a site that borrows its login. Raises `SettingsError`."""
    if not share_auth:
        raise SettingsError(
            ["pass --share-auth auth.example.com (or PAVIOR_SHARE_AUTH): where people log in"]
        )
    return Settings.from_mapping(
        {
            **environ,
            "PAVIOR_SHARED_AUTH_DOMAINS": None,  # the environment may be that of the lender
            "PAVIOR_SHARE_AUTH": share_auth,
            "PAVIOR_EMBED_URL": embed_url,
        }
    )


def borrowing_element(settings: Settings) -> str:
    """Return the element with which a plain page borrows its login."""
    options = site_options(settings)
    del options["shareAuth"]  # the script knows where it comes from
    # JSON has many double quotes, so the attribute is in single quotes.
    init = html.escape(json.dumps(options), quote=False).replace("'", "&#x27;")
    element = f"<script async src=\"{html.escape(lender_url(settings) or '')}\" data-init='{init}'"
    if settings.embed_url != Settings.embed_url:
        element += f' data-embed="{html.escape(settings.embed_url)}"'
    if settings.bubble is not None:
        element += f' data-bubble="{html.escape(settings.bubble)}"'
    return element + "></script>"
