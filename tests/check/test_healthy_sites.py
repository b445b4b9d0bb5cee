"""The doctor finds nothing on the example sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import example_flask.app
import example_starlette.app
from demo.ports import LOOPBACK, free_ports
from pavior_middleware.testing import Emulator
from tests.support.doctor import check, cookie_of_login, served
from tests.support.servers import serving_asgi
from tests.support.sites import API_KEY

LOGIN = {"email": "ada@example.com", "password": "engine"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(api_key=API_KEY) as running:
        yield running


@pytest.fixture(scope="module", params=["flask", "starlette"])
def origin(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[str]:
    config: dict[str, Any] = {**emulator.config, "SECONDS_PER_ORDER": "0"}
    if request.param == "flask":
        with served(example_flask.app.create_app({**config, "SECONDS_PER_ORDER": 0})) as origin:
            yield origin
    else:
        (port,) = free_ports([0])
        with serving_asgi(example_starlette.app.create_app(config), port):
            yield f"http://{LOOPBACK}:{port}"


def test_a_healthy_site_gives_no_finding(origin: str) -> None:
    cookie = cookie_of_login(origin, "/login", LOGIN)
    checked = check(origin, cookie=cookie, api_key=API_KEY)
    assert checked.codes == []
    assert checked.status == 0
    assert checked.not_checked == ["team", "key-at-pavior"]


def test_without_a_cookie_and_a_key_the_doctor_says_what_it_did_not_check(origin: str) -> None:
    checked = check(f"{origin}/stream")
    assert checked.codes == []
    assert checked.status == 0
    assert checked.not_checked == ["login", "team", "key-at-pavior", "key-in-page"]


def test_a_cookie_without_a_login_is_a_problem(origin: str) -> None:
    checked = check(origin, cookie="session=of-nobody", api_key=API_KEY)
    assert checked.problems == ["names-nobody"]
    assert checked.status == 1


def test_an_hmac_by_another_key_is_a_problem(origin: str) -> None:
    cookie = cookie_of_login(origin, "/login", LOGIN)
    checked = check(origin, cookie=cookie, api_key="another-key-than-the-site-has")
    assert checked.problems == ["hmac-wrong"]
    assert checked.status == 1
