"""The emulator on a port of this machine, with its inbox as Python objects."""

from __future__ import annotations

import http.client
import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._model.settings import PREFIX, Settings
from ._pages import chat_options

if TYPE_CHECKING:
    from types import TracebackType

    from ..emulator import Contact, Message

_SECONDS = 10


class Emulator:
    """A Pavior of one team on 127.0.0.1, which runs in a thread while its `with` block does.

    Make the site with `settings`, or with `config`, which are the same settings as a mapping of
    `PAVIOR_*` keys. With `port` 0, the system chooses a free port. Without an `api_key`, the key is
    random.

    Entering it raises `ModuleNotFoundError` without the extra `emulator`, and `OSError` for a port
    that is not free.
    """

    def __init__(
        self, *, team_vanity_id: str = "YOUR_TEAM_ID", api_key: str | None = None, port: int = 0
    ) -> None:
        self._team_vanity_id = team_vanity_id
        self._api_key = api_key or secrets.token_hex(32)
        self._port = port
        self._running = ExitStack()
        self._app: Any = None
        self.origin = ""
        """Where the inbox is, for a browser; like `http://127.0.0.1:8990`."""

    def __enter__(self) -> Emulator:
        create_app, serve_in_thread = _server()
        self._app = create_app(team_vanity_id=self._team_vanity_id, api_key=self._api_key)
        self.origin = self._running.enter_context(serve_in_thread(self._app, port=self._port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.origin!r})"

    @property
    def embed_url(self) -> str:
        """The URL of the script that defines `Pavior`."""
        return f"{self.origin}/embed"

    @property
    def settings(self) -> Settings:
        """What a site needs to use it; `dataclasses.replace` adds other settings."""
        return Settings(self._team_vanity_id, self._api_key, embed_url=self.embed_url)

    @property
    def config(self) -> Mapping[str, str]:
        """The same as the keys `PAVIOR_*`, for Flask's `app.config` or the environment."""
        return {
            f"{PREFIX}TEAM_VANITY_ID": self._team_vanity_id,
            f"{PREFIX}API_KEY": self._api_key,
            f"{PREFIX}EMBED_URL": self.embed_url,
        }

    @property
    def contacts(self) -> Sequence[Contact]:
        """Everybody for whom a page called init, the most recently active first."""
        from ..emulator import contacts

        return contacts(self._app)

    @property
    def messages(self) -> Sequence[Message]:
        """What was written in the chat, the oldest first."""
        written = (message for contact in self.contacts for message in contact.messages)
        return sorted(written, key=lambda message: message.number)

    def open_chat(self, response: object) -> Chat:
        """Call init as the page of a response does in a browser, and return its chat.

        `response` is what `init_options` takes. Raises `AssertionError` for a page without the
        chat, and for one that names its user later, in a browser.
        """
        init = {"options": dict(chat_options(response))}
        return Chat(self.origin, _post(self.origin, "/widget/init", init))

    def clear(self) -> None:
        """Forget every contact and message."""
        _post(self.origin, "/clear", None)


class Chat:
    """The chat of one page, in the emulator, as what its init was worth.

    `status` is `anonymous`, `lead` or `signup`. `authenticated` tells that Pavior believes who is
    chatting, and `reason` says why not.
    """

    def __init__(self, origin: str, answer: Mapping[str, Any]) -> None:
        self._origin, self._session = origin, answer["session"]
        self.status: str = answer["status"]
        self.authenticated: bool = answer["authenticated"]
        self.reason: str | None = answer["reason"]

    def __repr__(self) -> str:
        why = f", reason={self.reason!r}" if self.reason else ""
        return f"{type(self).__name__}({self.status}, authenticated={self.authenticated}{why})"

    def say(self, text: str) -> None:
        """Send a message; raise `ValueError` for one that the emulator refuses."""
        _post(self._origin, "/widget/messages", {"session": self._session, "text": text})


def _server() -> tuple[Any, Any]:
    try:
        from ..emulator import create_app, serve_in_thread
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'the emulator needs {error.name}: pip install "pavior-middleware[emulator]"',
            name=error.name,
        ) from None
    return create_app, serve_in_thread


def _post(origin: str, path: str, content: object) -> Any:
    """Post JSON and return the JSON of the answer, if there is any."""
    connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=_SECONDS)
    try:
        connection.request("POST", path, json.dumps(content))
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        raise ValueError(f"the emulator answers {response.status}: {answer.decode()}")
    return json.loads(answer) if answer else None
