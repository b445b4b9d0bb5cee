"""Small apps without Pavior: each with a login, in its own folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Site:
    """How to run an app.

    `packages` are what it needs besides the package and its extras. It is started as
    `python -m ARGUMENTS`, after `prepare` in the same way, with `environ`.
    """

    arguments: str
    packages: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    prepare: str = ""


_UVICORN = "uvicorn app:app --host 127.0.0.1 --port {port}"
_SECRET = "a long secret, which is for this machine alone"  # noqa: S105

SITES = {
    "flask": Site(
        "flask run --host 127.0.0.1 --port {port}",
        ("flask-login",),
        {"FLASK_SECRET_KEY": _SECRET},
    ),
    "starlette": Site(
        _UVICORN, ("uvicorn", "itsdangerous", "python-multipart"), {"SECRET_KEY": _SECRET}
    ),
    "django": Site("manage runserver --noreload 127.0.0.1:{port}", prepare="manage migrate"),
    "fastapi": Site(_UVICORN, ("uvicorn", "itsdangerous", "python-multipart")),
    "litestar": Site(_UVICORN, ("uvicorn", "cryptography")),
    "quart": Site(
        "hypercorn app:app --bind 127.0.0.1:{port}",
        ("quart-auth", "hypercorn"),
        {"QUART_SECRET_KEY": _SECRET},
    ),
}
