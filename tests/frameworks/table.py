"""The table of docs/frameworks/README.md: which framework passes which check.

`python -m tests.frameworks.table` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.frameworks.journey import CHECKS
from tests.frameworks.recipes import DOCUMENTS
from tests.frameworks.serving import NAMES, lacks, module_of

README = DOCUMENTS / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"

TITLES = {
    "aiohttp": "[aiohttp](aiohttp.md)",
    "asgi": "[ASGI](asgi.md)",
    "blacksheep": "[BlackSheep](blacksheep.md)",
    "bottle": "[Bottle](bottle.md)",
    "cherrypy": "[CherryPy](cherrypy.md)",
    "django": "[Django](django.md)",
    "django_asgi": "[Django, ASGI](django.md)",
    "emmett": "[Emmett](emmett.md)",
    "falcon": "[Falcon](falcon.md)",
    "falcon_asgi": "[Falcon, ASGI](falcon.md#asgi)",
    "fastapi": "[FastAPI](fastapi.md)",
    "flask": "[Flask](flask.md)",
    "litestar": "[Litestar](litestar.md)",
    "pyramid": "[Pyramid](pyramid.md)",
    "quart": "[Quart](quart.md)",
    "remote_user": "[REMOTE_USER](wsgi.md#remote_user)",
    "sanic": "[Sanic](sanic.md)",
    "starlette": "[Starlette](starlette.md)",
    "wsgi": "[WSGI](wsgi.md)",
}
"""The heads of the columns, by the names of the apps."""


def table() -> str:
    """Return the table, and below it the reasons to which its numbers refer."""
    reasons: list[str] = []
    rows = [list(_row(check, reasons)) for check in CHECKS]
    heads = ["", *(TITLES[name] for name in NAMES)]
    lines = [heads, ["---"] * len(heads), *rows]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"{text}\n" + "".join(f"{number}. {why}\n" for number, why in enumerate(reasons, 1))


def _row(check: str, reasons: list[str]) -> Iterator[str]:
    sentence = check.replace("json", "JSON").replace("head", "HEAD")
    yield sentence[0].upper() + sentence[1:]
    for name in NAMES:
        why = lacks(module_of(name)).get(check)
        if why is not None and why not in reasons:
            reasons.append(why)
        yield "✓" if why is None else str(reasons.index(why) + 1)


def parts() -> tuple[str, str, str]:
    """Return what is before the table, the table, and what is behind it."""
    before, _, rest = README.read_text().partition(BEGIN)
    written, _, behind = rest.partition(END)
    return before, written, behind


def main() -> None:
    """Write the table."""
    before, _, behind = parts()
    README.write_text(f"{before}{BEGIN}{table()}{END}{behind}")


if __name__ == "__main__":
    main()
