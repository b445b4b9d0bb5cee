"""Serve the help center; its files hold the documentation's words, the arguments your own.

Its pages show both ways to borrow a login: `index.html` calls init with `shareAuth`, `returns.html`
has one element that loads `share.js`, as `pavior snippet` prints it.

Run it with `python -m example_help_center.serve --share-auth shop.localhost:8001`.
"""

from __future__ import annotations

import argparse
import html
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from pavior_middleware import Settings
from pavior_middleware._page.snippet import lender_url

HERE = Path(__file__).parent

DOCUMENTED_EMBED_URL = "https://app.pavior.com/embed"
DOCUMENTED_SHARE_AUTH = "auth.example.com"
DOCUMENTED_SHARE_SCRIPT = "https://auth.example.com/.well-known/pavior/share.js"


class HelpCenter(ThreadingHTTPServer):
    """A server that has its few files in memory, with the addresses filled in."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], embed_url: str, share_auth: str) -> None:
        # Of a shop on this machine it has no scheme, so that it takes the page's.
        share_script = lender_url(Settings("YOUR_TEAM_ID", share_auth=share_auth)) or ""

        def file(name: str, content_type: str) -> tuple[str, bytes]:
            text = (HERE / name).read_text(encoding="utf-8")
            text = text.replace(DOCUMENTED_EMBED_URL, html.escape(embed_url))
            text = text.replace(DOCUMENTED_SHARE_SCRIPT, html.escape(share_script))
            return content_type, text.replace(DOCUMENTED_SHARE_AUTH, share_auth).encode()

        self.files = {
            "/": file("index.html", "text/html; charset=utf-8"),
            "/index.html": file("index.html", "text/html; charset=utf-8"),
            "/returns.html": file("returns.html", "text/html; charset=utf-8"),
            "/style.css": file("style.css", "text/css; charset=utf-8"),
            "/icon.svg": file("icon.svg", "image/svg+xml"),
        }
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers with the server's files."""

    server: HelpCenter

    def do_GET(self) -> None:
        """Send a file, or 404."""
        path = urlsplit(self.path).path
        if path not in self.server.files:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content_type, body = self.server.files[path]
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Send only the head of what GET sends."""
        self.do_GET()


def create_server(host: str, port: int, embed_url: str, share_auth: str) -> HelpCenter:
    """Return the server, bound to its port; `serve_forever` runs it."""
    return HelpCenter((host, port), embed_url, share_auth)


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m example_help_center.serve")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8003)
    parser.add_argument(
        "--embed-url", default="http://pavior.localhost:8990/embed", help="default: the emulator's"
    )
    parser.add_argument(
        "--share-auth", default="shop.localhost:8001", help="the domain where people log in"
    )
    arguments = parser.parse_args()
    server = create_server(
        arguments.host, arguments.port, arguments.embed_url, arguments.share_auth
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
