"""The steps by which a site begins: what to install, to add and to set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from .frameworks import FRAMEWORKS, Framework
from .needs import EXAMPLE_TEAM, Needs, settings_of

DOCUMENTS = "https://github.com/pavior/pavior-middleware/blob/main/docs"


@dataclass(frozen=True)
class Steps:
    """What to do, in this order.

    `lines` go to `place`. `settings` go to `settings_place`, with one setting in each line. The
    reader fills in the values of keys. `notes` are sentences.
    """

    install: str
    place: str
    lines: str
    settings_place: str
    settings: Mapping[str, str]
    notes: tuple[str, ...]


def steps(name: str, needs: Needs) -> Steps:
    """Return the steps for a framework. Raises `SettingsError` for needs that cannot be met."""
    framework = FRAMEWORKS[name]
    settings = dict(settings_of(needs))
    if framework.style == "ini" and needs.consent:
        settings["consent"] = "shop.chat.consent"
    if not framework.reads_users:
        settings.pop("email_confirmed", None)
    lines = framework.before + ("\n" if framework.before else "") + _lines(framework, needs)
    if framework.style == "python":
        lines, named = _in_module(lines, settings)
        place = ".env"
    elif framework.style == "ini":
        named = {framework.prefix + each: value for each, value in settings.items()}
        place = "the ini file, below [app:main]"
    else:
        named = _variables(framework, settings)
        place = ".env"
    package = f'"pavior-middleware[{framework.extra}]"' if framework.extra else "pavior-middleware"
    return Steps(
        install=f"pip install {package}",
        place=framework.place,
        lines=lines,
        settings_place=place,
        settings=named,
        notes=tuple(_notes(name, framework, needs, reads_file=place == ".env" and bool(named))),
    )


def _lines(framework: Framework, needs: Needs) -> str:
    lines = framework.lines
    if needs.consent != framework.asks_consent:
        for old, new in framework.changes:
            lines = lines.replace(old, new)
    return lines


def _variables(framework: Framework, settings: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables; a framework's own secret key replaces ours."""
    return {
        framework.own_secret
        if name == "secret_key" and framework.own_secret
        else framework.prefix + name.upper(): value
        for name, value in settings.items()
    }


def _in_module(lines: str, settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the lines of a settings module, and the environment variables that it reads."""
    lines = lines.replace(
        f'"{EXAMPLE_TEAM}"', _literal("team_vanity_id", settings["team_vanity_id"])
    )
    if "api_key" not in settings:
        lines = "".join(
            line for line in lines.splitlines(keepends=True) if "environ" not in line
        ).removeprefix("import os\n\n")
    shown = settings.keys() - {"team_vanity_id", "api_key", "secret_key"}
    lines += "".join(
        f"PAVIOR_{name.upper()} = {_literal(name, value)}\n"
        for name, value in settings.items()
        if name in shown
    )
    return lines, {"PAVIOR_API_KEY": ""} if "api_key" in settings else {}


def _literal(name: str, value: str) -> str:
    """Return a setting's value as a Python literal."""
    if name == "shared_auth_domains":
        return json.dumps(value.split(","), ensure_ascii=False)
    return "True" if value == "true" else json.dumps(value, ensure_ascii=False)


def _notes(name: str, framework: Framework, needs: Needs, *, reads_file: bool) -> list[str]:
    notes = [f"More on {framework.title}: {DOCUMENTS}/frameworks/{name}.md"]
    if not needs.borrows_from:
        notes.append("The API key is on Pavior's settings page. Keep it out of version control.")
    if reads_file and framework.reading:
        notes.append(f"On .env: {framework.reading}.")
    if needs.lends_to:
        notes.append(
            "The app's SECRET_KEY signs the loans: all machines must have the same one."
            if framework.own_secret == ""
            else "The secret key is a long random text, the same on all machines:"
            " python -c 'import secrets; print(secrets.token_hex())'"
        )
        notes.append(
            "Write the domains into Pavior's settings, too: Shared Authentication Domains."
        )
    if needs.borrows_from:
        notes.append(f"On {needs.borrows_from}, PAVIOR_SHARED_AUTH_DOMAINS must name this site.")
    if needs.email_confirmed and not framework.reads_users:
        notes.append(
            f"Pass an email to Identity only where {needs.email_confirmed} says that it is"
            " confirmed."
        )
    if needs.consent:
        notes.append(f"Consent: {framework.callables}.")
    if needs.cache:
        notes.append(f"What caches may keep: {DOCUMENTS}/responses.md")
    if needs.emulator:
        notes.append(
            "`pavior emulator` runs a Pavior on this machine, and prints which API key it verifies"
            " with. Remove the embed URL in production."
        )
    return notes
