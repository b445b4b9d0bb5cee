"""The reference of docs/settings.md, generated from `Settings` and the docstrings of its fields.

`python -m docs_site.settings_page` writes it between two marks of the page.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeGuard

from pavior_middleware import Settings

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- settings -->\n", "<!-- end of the settings -->\n"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Your team": ("team_vanity_id", "api_key", "enabled"),
    "The widget": ("do_chat", "do_time_travel", "init_options", "embed_url"),
    "Which pages have the chat": ("skip_paths", "inject_in_frames"),
    "Who the user is": (
        *("email_confirmed", "user_attributes", "impersonation"),
        *("identity_may_block", "identity_timeout"),
    ),
    "Caches, policies and paths": ("cacheable_pages", "csp", "root_path"),
    "Lend the login to other sites": (
        *("shared_auth_domains", "secret_key", "session_cookie"),
        *("shared_auth_seconds", "handoff", "share_auth_sets_cookies"),
    ),
    "Borrow the login of another site": ("share_auth", "bubble"),
    "What happened": ("on_event",),
}
"""The headings of the page, each with the fields of `Settings` that it describes."""

DEFAULTS: Mapping[str, str] = {
    "team_vanity_id": "required",
    "api_key": "required",
    "secret_key": "the framework's",
    "session_cookie": "the framework's",
}
"""The defaults that the value in the code does not explain."""

_MORE = re.compile(r"\s*More: `(?P<file>[\w./-]+\.md)(?:#(?P<anchor>[\w-]+))?`\.")
_FIRST_SENTENCE = re.compile(r".+?[.:](?=\s|$)", re.DOTALL)
_MODULES = re.compile(r"\b(?:[a-z_]+\.)+(?=[A-Z])")


def docstrings() -> dict[str, str]:
    """Return the docstring below each field of `Settings`."""
    module = sys.modules[Settings.__module__]
    classes = (each for each in ast.parse(inspect.getsource(module)).body if _is_class(each))
    body = next(each.body for each in classes if each.name == Settings.__name__)
    found = {}
    for line, below in itertools.pairwise(body):
        match line, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = inspect.cleandoc(text)
    return found


def _is_class(node: ast.stmt) -> TypeGuard[ast.ClassDef]:
    return isinstance(node, ast.ClassDef)


def reference() -> str:
    """Return a table of all settings, and below it each of them with type and description."""
    described = docstrings()
    known = {each.name: each for each in dataclasses.fields(Settings)}
    grouped = [name for names in GROUPS.values() for name in names]
    if sorted(grouped) != sorted(known):
        raise ValueError(f"GROUPS must hold each setting once: {set(grouped) ^ set(known)}")
    rows = [_row(known[name], described[name]) for name in grouped]
    heads = ["| Key | Default | Meaning |\n", "| --- | --- | --- |\n"]
    sections = [
        f"\n## {heading}\n" + "".join(_section(known[name], described[name]) for name in names)
        for heading, names in GROUPS.items()
    ]
    return "".join([*heads, *rows, *sections])


def _row(setting: dataclasses.Field[object], description: str) -> str:
    key = _key(setting)
    sentence = _FIRST_SENTENCE.match(description)
    meaning = " ".join((sentence[0] if sentence else description).split()).rstrip(".:")
    return f"| [`{key}`](#{key.lower()}) | {_default(setting)} | {meaning} |\n"


def _section(setting: dataclasses.Field[object], description: str) -> str:
    kind = _MODULES.sub("", _type(setting.name))
    return (
        f"\n### {_key(setting)}\n\n"
        f"`Settings({setting.name}=…)` · type: `{kind}` · default: {_default(setting)}\n\n"
        f"{linked(description)}\n"
    )


def _key(setting: dataclasses.Field[object]) -> str:
    return f"PAVIOR_{setting.name.upper()}"


def _type(name: str) -> str:
    parameters = inspect.signature(Settings, eval_str=True).parameters
    return inspect.formatannotation(parameters[name].annotation)


def _default(setting: dataclasses.Field[object]) -> str:
    if setting.name in DEFAULTS:
        return DEFAULTS[setting.name]
    if setting.default_factory is not dataclasses.MISSING:
        return f"`{setting.default_factory()!r}`"
    if setting.default in (None, ()):
        return "absent"
    return f"`{setting.default!r}`".replace("'", '"')


def linked(description: str) -> str:
    """Turn the file names in a docstring into links, with the headings there as their texts."""
    return _MORE.sub(lambda more: f" More: {_link(more['file'], more['anchor'])}.", description)


def _link(file: str, anchor: str | None) -> str:
    titles = dict(_headings(ROOT / file))
    if anchor is not None and anchor not in titles:
        raise ValueError(f"a docstring of Settings names {file}#{anchor}, which is absent")
    title = titles[anchor] if anchor else next(iter(titles.values()))
    target = file.removeprefix("docs/") if file.startswith("docs/") else f"../{file}"
    return f"[{title}]({target}{f'#{anchor}' if anchor else ''})"


def _headings(path: Path) -> Iterator[tuple[str, str]]:
    for title in re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-"), title


def parts() -> tuple[str, str, str]:
    """Return the parts of the page before the reference, the reference, and behind it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    written, _, behind = rest.partition(END)
    return before, written, behind


def main() -> None:
    """Write the reference."""
    before, _, behind = parts()
    PAGE.write_text(f"{before}{BEGIN}{reference()}{END}{behind}")


if __name__ == "__main__":
    main()
