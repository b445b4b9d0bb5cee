"""Django's own test clients, sync and async, with one interface."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

NAVIGATION = {"sec-fetch-dest": "document", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"}


@dataclass(frozen=True)
class Seen:
    """The answer that a client got."""

    status: int
    headers: Any
    body: bytes = field(repr=False)
    cookies: Any


class Browser:
    """A visitor. `log_in` takes the name of a user."""

    def __init__(self, mode: str) -> None:
        self._is_async = mode == "async"
        kind = AsyncClient if self._is_async else Client
        self.client = kind(raise_request_exception=False)

    def log_in(self, name: str) -> Browser:
        from django.contrib.auth.models import User

        self.client.force_login(User.objects.get(username=name))
        return self

    def get(self, path: str = "/", **headers: str) -> Seen:
        return self.send("get", path, **headers)

    def head(self, path: str = "/", **headers: str) -> Seen:
        return self.send("head", path, **headers)

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> Seen:
        """Ask; names of fields are written with underscores."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {**NAVIGATION, **names}
        if not self._is_async:
            # As keywords of CGI, which Django 4.1 and later take beside `headers`.
            keys = {f"HTTP_{name.upper().replace('-', '_')}": fields[name] for name in fields}
            response = getattr(self.client, method)(path, data, **keys)
            body = b"".join(response.streaming_content) if response.streaming else response.content
            return _seen(response, body)
        return async_to_sync(self._send)(method, path, data, fields)

    async def _send(self, method: str, path: str, data: Any, fields: dict[str, str]) -> Seen:
        response = await getattr(self.client, method)(path, data, headers=fields)
        if not response.streaming:
            return _seen(response, response.content)
        return _seen(response, b"".join([piece async for piece in response]))


def _seen(response: Any, body: bytes) -> Seen:
    return Seen(response.status_code, response.headers, body, response.cookies)
