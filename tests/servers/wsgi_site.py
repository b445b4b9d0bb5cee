"""The Flask site of the journey, with a stream that does not end by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from flask import Response

from tests.frameworks.apps.flask import make_app
from tests.servers.streams import LONGEST_WAIT_SECONDS, PAUSE_SECONDS, PIECE, START
from tests.support.login_cookies import SETTINGS

application = make_app(SETTINGS)

_closed = threading.Event()


@application.get("/endless")
def endless() -> Response:
    def pieces() -> Iterator[str]:
        try:
            yield START
            while True:
                time.sleep(PAUSE_SECONDS)
                yield PIECE
        finally:
            _closed.set()

    return Response(pieces())


@application.get("/closed")
def closed() -> dict[str, bool]:
    return {"closed": _closed.wait(LONGEST_WAIT_SECONDS)}
