"""What the script costs the main thread of a browser on an ordinary page view.

    python -m benchmarks.page_script

Chromium loads the same page with the script, with a call of init written by hand, and without
either, in turns, and traces its main thread. Each is measured in a browser that sees the site for
the first time, and in one that has seen the page twice. Times are of all scripts of the page, embed
included, as medians in milliseconds of CPU; the embed defines a function and nothing else.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from playwright.sync_api import Browser, sync_playwright
from werkzeug.wrappers import Request, Response

from demo.ports import free_ports
from pavior_middleware import Identity, Settings
from pavior_middleware.wsgi import PaviorMiddleware
from tests.support import chromium
from tests.support.servers import serving_wsgi

ROUNDS = 20
PAGE = "<!doctype html><html><head><title>A page</title>{}</head><body><p>Text</body></html>"
BY_HAND = """<script>
    const script = document.createElement("script");
    script.src = "/embed";
    script.async = true;
    script.onload = () => Pavior("init", {teamVanityId: "acme", id: "4711", hmac: "00112233"});
    document.head.append(script);
</script>"""
COUNTED = ("EvaluateScript", "v8.compile", "FunctionCall", "RunMicrotasks", "TimerFire")


def app(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer with the page, with one written by hand, or with an embed that does nothing."""
    path = Request(environ).path
    if path == "/embed":
        text = "window.Pavior = () => {}"
        return Response(text, mimetype="text/javascript")(environ, start_response)
    script = BY_HAND if path == "/by-hand" else ""
    return Response(PAGE.format(script), mimetype="text/html")(environ, start_response)


def milliseconds(browser: Browser, url: str, views_before: int) -> float:
    """Return the milliseconds that scripts ran in one view of a page, embed included."""
    with tempfile.TemporaryDirectory() as folder, browser.new_context() as context:
        page, path = context.new_page(), Path(folder) / "trace.json"
        for _ in range(views_before):
            page.goto(url, wait_until="networkidle")
        browser.start_tracing(page=page, path=path, categories=["devtools.timeline", "v8"])
        page.goto(url, wait_until="networkidle")
        browser.stop_tracing()
        events = json.loads(path.read_text())["traceEvents"]
    mine = [
        event
        for event in events
        if event.get("ph") == "X"
        and event["name"] in COUNTED
        and str(event.get("args", {})).find(url.rpartition("/")[0]) >= 0
    ]
    ends, total = 0.0, 0.0
    for event in sorted(mine, key=lambda each: (each["ts"], -each["dur"])):
        if event["ts"] >= ends:  # an event inside another one is counted already
            total += event.get("tdur", event["dur"])
            ends = event["ts"] + event["dur"]
    return total / 1000


def main() -> None:
    """Print the medians."""
    with_port, without_port = free_ports([0, 0])
    address = f"http://shop.localhost:{with_port}"
    settings = Settings("acme", "an-api-key-for-the-benchmark", embed_url=f"{address}/embed")
    injected = PaviorMiddleware(app, settings, identity=lambda _: Identity("4711"))
    without = f"http://shop.localhost:{without_port}"
    pages = {"with": f"{address}/", "by hand": f"{without}/by-hand", "without": f"{without}/"}
    times: dict[tuple[str, int], list[float]] = {
        (name, before): [] for before in (0, 2) for name in pages
    }
    with (
        serving_wsgi(injected, with_port),
        serving_wsgi(app, without_port),
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=chromium.path(playwright), args=["--no-sandbox"]
        ) as browser,
    ):
        for _ in range(ROUNDS):
            for (name, before), values in times.items():
                values.append(milliseconds(browser, pages[name], before))
    for (name, before), values in times.items():
        view = "later view" if before else "first view"
        median, longest = statistics.median(values), max(values)
        print(f"{view}, {name:8} {median:.2f} ms, longest {longest:.2f} ms")  # noqa: T201


if __name__ == "__main__":
    main()
