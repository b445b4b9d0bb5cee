"""What the package's tree shows as public: the entry points at its root, and nothing else."""

from __future__ import annotations

from pkgutil import walk_packages
from pydoc import plain, render_doc

import pytest

import pavior_middleware
from pavior_middleware import asgi, starlette, wsgi

PUBLIC_NAMES = {
    "Event",
    "Identity",
    "Settings",
    "SettingsError",
    "identify",
    "sign",
    "skip",
    "verify",
}
PUBLIC_MODULES = {
    "pavior_middleware.aiohttp",
    "pavior_middleware.asgi",
    "pavior_middleware.cli",
    "pavior_middleware.django",
    "pavior_middleware.django.apps",
    "pavior_middleware.django.management",
    "pavior_middleware.django.management.commands",
    "pavior_middleware.django.management.commands.pavior",
    "pavior_middleware.django.templatetags",
    "pavior_middleware.django.templatetags.pavior",
    "pavior_middleware.emulator",
    "pavior_middleware.fastapi",
    "pavior_middleware.flask",
    "pavior_middleware.jinja",
    "pavior_middleware.litestar",
    "pavior_middleware.opentelemetry",
    "pavior_middleware.placement",
    "pavior_middleware.pyramid",
    "pavior_middleware.quart",
    "pavior_middleware.signed_cookie",
    "pavior_middleware.starlette",
    "pavior_middleware.testing",
    "pavior_middleware.wsgi",
}


def test_every_module_but_the_public_ones_has_an_underscore_in_its_path() -> None:
    modules = walk_packages(pavior_middleware.__path__, f"{pavior_middleware.__name__}.")
    assert {each.name for each in modules if "._" not in each.name} == PUBLIC_MODULES


def test_the_package_exports_its_public_names() -> None:
    assert set(pavior_middleware.__all__) == PUBLIC_NAMES


@pytest.mark.parametrize(
    "middleware",
    [asgi.PaviorMiddleware, wsgi.PaviorMiddleware, starlette.PaviorMiddleware],
    ids=["asgi", "wsgi", "starlette"],
)
def test_help_begins_with_the_arguments_of_the_middleware(middleware: type[object]) -> None:
    docstring = str(middleware.__doc__).splitlines()[0]
    before, _, _ = plain(render_doc(middleware)).partition(docstring)
    for argument in ("app", "settings", "identity", "consent"):
        assert f"{argument}: " in before
