"""Run a WSGI app under gevent's server, which has no command of its own.

python -m tests.support.gevent_server PORT MODULE:FACTORY
"""

from __future__ import annotations

import sys
from importlib import import_module

from gevent.pywsgi import WSGIServer  # type: ignore[import-untyped]

from demo.ports import LOOPBACK


def main(port: str, factory: str) -> None:
    """Serve the app that a module's function makes, until the process ends."""
    module, _, name = factory.partition(":")
    app = getattr(import_module(module), name)()
    WSGIServer((LOOPBACK, int(port)), app, log=None).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
