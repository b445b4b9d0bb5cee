"""Which servers the demo is made of, and how each gets the addresses of the others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from demo.guide import LOAN_SECONDS, Addresses
from demo.ports import LOOPBACK

TEAM_VANITY_ID = "YOUR_TEAM_ID"
API_KEY = "ladygaga"  # the example of Pavior's documentation, which is the emulator's key too


class Command(NamedTuple):
    """A server to start: `python -m` with these arguments, and its environment variables."""

    name: str
    port: int
    arguments: Sequence[str]
    environ: Mapping[str, str]


def commands(ports: Sequence[int], at: Addresses, host: str = LOOPBACK) -> list[Command]:
    """Return the servers, which listen on this host's address, in the order in which they start."""
    emulator, flask_shop, starlette_shop, help_center = ports
    embed_url = f"{at.inbox}embed"
    # Settings that are meant for another site may be in the terminal's environment.
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAVIOR_", "FLASK_"))
    }
    shop = {
        **clean,
        "PAVIOR_TEAM_VANITY_ID": TEAM_VANITY_ID,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_EMBED_URL": embed_url,
    }
    lending_shop = {
        **shop,
        "HELP_CENTER_URL": at.help_center,
        "PAVIOR_SHARED_AUTH_DOMAINS": "\n".join(
            urlsplit(address).netloc for address in (at.help_center, at.same_site_help_center)
        ),
        "PAVIOR_SHARED_AUTH_SECONDS": str(LOAN_SECONDS),
    }
    return [
        Command(
            "Emulator",
            emulator,
            f"pavior_middleware emulator {_listen(host, emulator)}"
            f" --team-vanity-id {TEAM_VANITY_ID}".split(),
            {**clean, "PAVIOR_API_KEY": API_KEY},
        ),
        Command(
            "Flask shop",
            flask_shop,
            f"flask --app example_flask.app run {_listen(host, flask_shop)}".split(),
            lending_shop,
        ),
        Command(
            "Starlette shop",
            starlette_shop,
            "uvicorn --factory example_starlette.app:create_app"
            f" {_listen(host, starlette_shop)}".split(),
            shop,
        ),
        Command(
            "Help center",
            help_center,
            f"example_help_center.serve {_listen(host, help_center)} --embed-url {embed_url}"
            f" --share-auth {urlsplit(at.flask_shop).netloc}".split(),
            clean,
        ),
    ]


def _listen(host: str, port: int) -> str:
    return f"--host {host} --port {port}"
