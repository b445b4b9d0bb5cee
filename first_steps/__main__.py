"""Follow the documents of the frameworks, and see that a message arrives as authenticated."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.commands import API_KEY, TEAM_VANITY_ID, Command
from demo.ports import LOOPBACK, free_ports
from demo.servers import start, stop

from .documents import copy_site, extras
from .sites import SITES, Site
from .visitor import MESSAGE, received, write
from .wheels import build_wheel, environment, run

FOLDER = Path(__file__).parent / "sites"
DESCRIPTION = """\
Makes an empty environment for each framework, and installs the built wheel as its document says.
Puts the document's lines into a small app, logs in there with a browser, and writes to the chat.
Exits with 1 unless the message arrives in the emulator as that of an authenticated user.
"""


def main() -> int:
    """Take the first steps with each framework; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m first_steps", description=DESCRIPTION)
    parser.add_argument("sites", nargs="*", metavar="FRAMEWORK", help=f"{', '.join(SITES)}")
    names = parser.parse_args().sites or list(SITES)
    if unknown := set(names) - set(SITES):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        results = [_passes(name, wheel, Path(folder) / name) for name in names]
    return 0 if all(results) else 1


def _passes(name: str, wheel: Path, folder: Path) -> bool:
    """Take the first steps with one framework, and print the result."""
    message = _message(name, SITES[name], wheel, folder)
    is_right = (
        message["text"] == MESSAGE
        and message["authenticated"] is True
        and message["status"] == "signup"
        and message["id"] == "7"
    )
    sys.stdout.write(
        f"{name}: {'authenticated' if is_right else f'NOT authenticated: {message}'}\n"
    )
    sys.stdout.flush()
    return is_right


def _message(name: str, site: Site, wheel: Path, folder: Path) -> dict[str, object]:
    """Return the message that arrives in the emulator."""
    folder.mkdir()
    packages = (f"pavior-middleware{extras(name)} @ {wheel.as_uri()}", *site.packages)
    emulator = f"pavior-middleware[emulator] @ {wheel.as_uri()}"
    python = environment(folder / "environment", [*packages, emulator])
    copy_site(FOLDER / name, folder / "site")
    emulator_port, site_port = free_ports([0, 0])
    pavior = f"http://localhost:{emulator_port}"
    settings = {
        "PAVIOR_TEAM_VANITY_ID": TEAM_VANITY_ID,
        "PAVIOR_API_KEY": API_KEY,
        "PAVIOR_EMBED_URL": f"{pavior}/embed",
    }
    environ = {**_clean_environ(), **settings, **site.environ}
    if site.prepare:
        run(str(python), "-m", *site.prepare.split(), folder=folder / "site", environ=environ)
    serve_emulator = f"pavior_middleware emulator --host {LOOPBACK} --port {emulator_port}"
    serve_site = site.arguments.format(port=site_port)
    commands = [
        Command("Emulator", emulator_port, serve_emulator.split(), _clean_environ()),
        Command("Site", site_port, serve_site.split(), environ),
    ]
    with _running(commands, python, folder):
        write(f"http://localhost:{site_port}/")
        return received(pavior)


@contextmanager
def _running(commands: Sequence[Command], python: Path, folder: Path) -> Iterator[None]:
    servers = []
    try:
        for command in commands:
            servers.append(start(command, folder, python=python, directory=folder / "site"))
            servers[-1].wait_until_it_answers()
        yield
    finally:
        stop(servers)


def _clean_environ() -> dict[str, str]:
    """Return the environment's variables without those that lead out of the empty environment."""
    apart = ("PAVIOR_", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(apart)}


if __name__ == "__main__":
    sys.exit(main())
