"""What lending the login costs a request that has nothing to do with it.

    python -m benchmarks.sharing

Each answer of a trivial app is served through both adapters. It is served without the middleware,
by a site that lends nothing, and by a lender with handoff. Times are the best of several rounds, in
microseconds for one request. The contenders take turns within a round, so other work of the machine
slows all of them alike.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pavior_middleware import Identity, Settings, asgi, wsgi
from pavior_middleware._share import Sharing
from pavior_middleware._share.tokens import Tokens

from .placement import END, PARAGRAPH, PARTS, START, microseconds, show

KEY = "a secret key for the benchmark"
OFF = Settings("acme", "an-api-key-for-the-benchmark")
DOMAINS = ["help.example.com", "*.cards.example.com", "docs.example.com:8443"]
ON = Settings("acme", "an-api-key-for-the-benchmark", shared_auth_domains=DOMAINS, secret_key=KEY)
ADA = Identity("7", "ada@example.com")

PAGE = START + b"".join(PARTS) + END + PARAGRAPH * 100
HTML = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(PAGE)))]
JSON = [("Content-Type", "application/json"), ("Content-Length", "14")]
FILE = [("Content-Type", "image/png"), ("Content-Length", "65536"), ("Cache-Control", "public")]
SESSION = "session=eyJfdXNlcl9pZCI6IjcifQ.aSQ9Ug.Q2FsbCBtZSBJc2htYWVs; theme=dark"
HELD = f"{SESSION}; __Host-pavior-share={Tokens([KEY], 3600).cookie(ADA)}"


@dataclass(frozen=True)
class Case:
    """A request, and what the app answers to it."""

    headers: list[tuple[str, str]]
    body: bytes
    identity: Identity | None = None
    cookie: str = SESSION
    destination: str = "document"
    method: str = "GET"


CASES: Mapping[str, Case] = {
    "anonymous page": Case(HTML, PAGE),
    "page of a user": Case(HTML, PAGE, ADA, HELD),
    "page after a logout": Case(HTML, PAGE, None, HELD),
    "JSON": Case(JSON, b'{"hello": "a"}', None, SESSION, "empty"),
    "JSON of a user": Case(JSON, b'{"hello": "a"}', ADA, HELD, "empty"),
    "JSON to a POST of a user": Case(JSON, b'{"hello": "a"}', ADA, HELD, "empty", "POST"),
    "file of 64 KiB": Case(FILE, b"x" * 65536, ADA, HELD, "image"),
}


def always(identity: Identity | None) -> Callable[[Any], Identity | None]:
    """Return a callable that knows one user."""
    return lambda request: identity  # noqa: ARG005


def wsgi_call(case: Case, settings: Settings | None) -> Callable[[], object]:
    """Return a call that serves one request through WSGI."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ARG001
        start_response("200 OK", case.headers)
        return [case.body]

    served: Any = app
    if settings is not None:
        served = wsgi.PaviorMiddleware(app, settings, identity=always(case.identity))
    environ = {
        "REQUEST_METHOD": case.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/orders/7",
        "QUERY_STRING": "",
        "HTTP_HOST": "shop.example",
        "HTTP_COOKIE": case.cookie,
        "HTTP_SEC_FETCH_DEST": case.destination,
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "wsgi.input": io.BytesIO(),
    }

    def serve() -> bytes:
        return b"".join(served(dict(environ), lambda *begun: None))  # noqa: ARG005

    return serve


def asgi_call(case: Case, settings: Settings | None) -> Callable[[], object]:
    """Return a call that serves one request through ASGI."""
    raw = [(name.lower().encode(), value.encode()) for name, value in case.headers]
    start = {"type": "http.response.start", "status": 200, "headers": raw}

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:  # noqa: ARG001
        await send(dict(start))
        await send({"type": "http.response.body", "body": case.body})

    served: Any = app
    if settings is not None:
        served = asgi.PaviorMiddleware(app, settings, identity=always(case.identity))
    scope = {
        "type": "http",
        "method": case.method,
        "root_path": "",
        "path": "/orders/7",
        "query_string": b"",
        "headers": [
            (b"host", b"shop.example"),
            (b"cookie", case.cookie.encode()),
            (b"sec-fetch-dest", case.destination.encode()),
            (b"sec-fetch-site", b"same-origin"),
        ],
    }

    async def receive() -> asgi.Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    def serve() -> bytes:
        sent: list[asgi.Message] = []

        async def send(message: asgi.Message) -> None:
            sent.append(message)

        run(served(dict(scope), receive, send))
        return b"".join(message.get("body", b"") for message in sent)

    return serve


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


def compare(name: str, call: Callable[[Case, Settings | None], Callable[[], object]]) -> None:
    """Show what each answer costs through one adapter."""
    rows = []
    for case_name, case in CASES.items():
        calls = {
            "bare": call(case, None),
            "off": call(case, OFF),
            "on": call(case, ON),
        }
        # Check the answer first, since the time of a wrong answer is worthless.
        assert calls["bare"]() == case.body
        assert (calls["on"]() == case.body) == (case.headers is not HTML)
        times = microseconds(calls)
        off, on = times["off"], times["on"]
        rows.append(
            [
                case_name,
                *(f"{time:,.1f}" for time in times.values()),
                f"{on - off:+,.1f}",
                f"{on / off:.2f}x",
            ]
        )
    columns = ["answer", "bare app", "lends nothing", "lends", "difference", "ratio"]
    show(f"One request through {name}, µs", columns, rows)


def compare_others_paths() -> None:
    """Show what it costs to find that a path is not ours."""
    lending = Sharing(ON, lambda event: None)  # noqa: ARG005
    times = microseconds(
        {
            "root": partial(lending.path, "/orders/7", ""),
            "below a path": partial(lending.path, "/shop/orders/7", "/shop"),
            "near": partial(lending.path, "/.well-known/pavior/other", ""),
        }
    )
    show(
        "A path that is not ours, µs", ["path", "time"], [[k, f"{v:.2f}"] for k, v in times.items()]
    )


if __name__ == "__main__":
    compare("WSGI", wsgi_call)
    compare("ASGI", asgi_call)
    compare_others_paths()
