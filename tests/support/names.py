"""Sites that share a port, each with its own name under localhost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request


@dataclass
class Names:
    """The addresses of the sites. For browsers, names under localhost are different sites."""

    port: int

    def at(self, name: str) -> str:
        return f"http://{name}.localhost:{self.port}"

    @property
    def shop(self) -> str:
        return self.at("shop")

    @property
    def help(self) -> str:
        return self.at("help")


def chosen_by(app_for: Callable[[Request], Any]) -> Any:
    """Return a WSGI app that passes each request to the app chosen for it."""

    def app(environ: Any, start_response: Any) -> Any:
        return app_for(Request(environ))(environ, start_response)

    return app
