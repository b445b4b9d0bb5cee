"""Real servers, each in its own process."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection

from demo.ports import LOOPBACK
from demo.servers import LONGEST_START_SECONDS, Server


def wait_for_responses(servers: Iterable[Server]) -> None:
    """Return once each server has answered a request.

    A port that listens tells less. Gunicorn opens it before its workers have imported the app. On a
    busy machine that import takes longer than a test may wait for a page.
    """
    for server in servers:
        server.wait_until_it_answers()
        with closing(
            HTTPConnection(LOOPBACK, server.port, timeout=LONGEST_START_SECONDS)
        ) as client:
            client.request("GET", "/is-there-anybody")
            client.getresponse().read()
