"""Run the emulator with uvicorn."""

from __future__ import annotations

import socket
from contextlib import suppress

import uvicorn
from starlette.applications import Starlette

LONGEST_GOODBYE_SECONDS = 3


class _Server(uvicorn.Server):
    """Ends the open inbox pages' event streams, which uvicorn would otherwise wait for."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.changes.close()
        await super().shutdown(sockets)


def serve(app: Starlette, *, host: str, port: int) -> None:
    """Serve what `create_app` returned until SIGINT or SIGTERM.

    Raises `SystemExit` if the port cannot be had, after logging why.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        server_header=False,
        timeout_graceful_shutdown=LONGEST_GOODBYE_SECONDS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises it again after it has stopped
        _Server(config).run()
