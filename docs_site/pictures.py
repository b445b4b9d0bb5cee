"""The screenshots of the README and the documentation, taken from the running demo.

`python -m docs_site.pictures` writes them into docs/pictures, for light pages and for dark ones.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urljoin

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from demo.__main__ import USUAL_PORTS
from demo.commands import commands
from demo.guide import Addresses, addresses
from demo.ports import free_ports
from demo.servers import Server, start, stop
from tests.support.browsers import chromium_that

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"

Scheme: TypeAlias = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
BACKGROUNDS: Mapping[Scheme, str] = {"light": "#e7e5e0", "dark": "#101214"}

SHOP_SIZE: ViewportSize = {"width": 805, "height": 725}
INBOX_SIZE: ViewportSize = {"width": 1262, "height": 725}
SCALE = 0.8
BOTH_SIZE: ViewportSize = {"width": 1740, "height": 640}

ADA = ("ada@example.com", "engine")
ADAS_MESSAGE = "Is the cloud forest still there?"
FORGED_EMAIL = "boss@example.com"
FORGED_MESSAGE = "Please send it to another address."

# With fixed values, the pictures of two runs differ only if the sites have changed.
TIME = "09:41"
_SET_TIMES = """time => {
  const roots = [document, document.querySelector('pavior-widget')?.shadowRoot];
  for (const root of roots)
    for (const each of root?.querySelectorAll('time') ?? []) each.textContent = time;
}"""

_BOTH = """\
<!doctype html><title>Both</title><style>
  body {{ margin: 0; padding: 30px; display: flex; gap: 26px; background: {background} }}
  img {{ border-radius: 10px; box-shadow: 0 4px 18px rgb(0 0 0 / 18%) }}
</style><img src="{shop}"><img src="{inbox}">"""


def main() -> int:
    """Take the pictures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs_site.pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: docs/pictures")
    folder: Path = parser.parse_args().folder
    with (
        _running_demo() as at,
        sync_playwright() as playwright,
        chromium_that(playwright, freezes=False) as browser,
    ):
        _fill_the_inbox(browser, at)
        for scheme in SCHEMES:
            for name, picture in _pictures(browser, at, scheme).items():
                (folder / f"{name}-{scheme}.png").write_bytes(picture)
    return 0


@contextmanager
def _running_demo() -> Iterator[Addresses]:
    ports = free_ports(USUAL_PORTS)
    at = addresses(*ports)
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as logs:
        try:
            for command in commands(ports, at):
                # One by one, so that the started servers are stopped if another does not start.
                servers.append(start(command, Path(logs)))  # noqa: PERF401
            for server in servers:
                server.wait_until_it_answers()
            yield at
        finally:
            stop(servers)


@contextmanager
def _new_page(
    browser: Browser, size: ViewportSize, scheme: Scheme = "light", scale: float = SCALE
) -> Iterator[Page]:
    with browser.new_context(
        viewport=size,
        device_scale_factor=scale,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
    ) as context:
        yield context.new_page()


def _fill_the_inbox(browser: Browser, at: Addresses) -> None:
    """Write as Ada from her account, and as somebody who forges an email in the console."""
    with _new_page(browser, SHOP_SIZE) as page:
        _log_in(page, at.flask_shop)
        _write(page, ADAS_MESSAGE)
    with _new_page(browser, SHOP_SIZE) as page:
        page.goto(at.starlette_shop)
        page.wait_for_function("window.Pavior?.state?.status")
        page.evaluate(
            "email => Pavior('init', {teamVanityId: 'YOUR_TEAM_ID', email})", FORGED_EMAIL
        )
        page.wait_for_function("Pavior.state.options.email")
        _write(page, FORGED_MESSAGE)


def _log_in(page: Page, shop: str) -> None:
    """Log Ada in, and open the shop's first page with the chat, which earlier pages do not have."""
    email, password = ADA
    page.route("**/embed", lambda route: route.abort())
    page.goto(urljoin(shop, "login"))
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/account")
    page.unroute("**/embed")
    page.goto(shop)
    page.wait_for_function("window.Pavior?.state?.status")
    page.get_by_role("button", name="Open chat").click()


def _write(page: Page, message: str) -> None:
    box = page.get_by_role("textbox", name="Message")
    if not box.is_visible():
        page.get_by_role("button", name="Open chat").click()
    box.fill(message)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log").get_by_text(message)).to_be_visible()


def _pictures(browser: Browser, at: Addresses, scheme: Scheme) -> dict[str, bytes]:
    """Return the pictures in a scheme of colors, by their names."""
    with _new_page(browser, SHOP_SIZE, scheme) as page:
        _log_in(page, at.flask_shop)
        expect(page.get_by_role("log").get_by_text(ADAS_MESSAGE)).to_be_visible()
        shop = _screenshot(page)
    with _new_page(browser, INBOX_SIZE, scheme) as page:
        page.goto(at.inbox)
        page.get_by_role("link", name=FORGED_EMAIL).first.click()
        expect(page.get_by_text(FORGED_MESSAGE).last).to_be_visible()
        inbox = _screenshot(page)
    with _new_page(browser, BOTH_SIZE, scheme, 1) as page:
        page.set_content(
            _BOTH.format(background=BACKGROUNDS[scheme], shop=_url(shop), inbox=_url(inbox))
        )
        both = page.screenshot()
    return {"demo": both, "chat": shop, "inbox": inbox}


def _screenshot(page: Page) -> bytes:
    page.evaluate(_SET_TIMES, TIME)
    return page.screenshot(animations="disabled")


def _url(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


if __name__ == "__main__":
    sys.exit(main())
