"""A site's own tests, with the types that they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Flask
from starlette.testclient import TestClient

from pavior_middleware import Identity, Settings
from pavior_middleware.emulator import Contact, Message
from pavior_middleware.testing import (
    Chat,
    Emulator,
    assert_anonymous,
    assert_named,
    init_options,
)


def flask_pages(app: Flask) -> Mapping[str, Any] | None:
    client = app.test_client()
    assert_named(client.get("/"), "user@example.com")
    assert_named(client.get("/"), Identity(7), api_key="a key")
    assert_anonymous(client.get("/"))
    return init_options(client.get("/"))


def starlette_pages(client: TestClient, key: UUID) -> None:
    assert_named(client.get("/"), key)
    assert_named(client.get("/").content, 7)
    assert_anonymous(client.get("/").text)


def settings_of(emulator: Emulator) -> tuple[Settings, Mapping[str, str], str]:
    settings = replace(emulator.settings, cacheable_pages=True)
    return settings, emulator.config, emulator.embed_url


def inbox(emulator: Emulator) -> tuple[Sequence[Contact], Sequence[Message]]:
    return emulator.contacts, emulator.messages


def what_a_message_says(message: Message) -> tuple[str, str | None, bool, str | None]:
    return message.text, message.identifier, message.authenticated, message.reason


def chat(app: Flask) -> tuple[str, bool, str | None]:
    with Emulator(team_vanity_id="acme", api_key="a key", port=8990) as emulator:
        opened: Chat = emulator.open_chat(app.test_client().get("/"))
        opened.say("Where is my order?")
        emulator.clear()
    return opened.status, opened.authenticated, opened.reason


def mistakes(app: Flask, emulator: Emulator) -> None:
    response = app.test_client().get("/")
    assert_named(response)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_named(response, None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_named(response, "7", "a key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_named(response, "7", api_key=b"a key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_anonymous(response, "7")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Emulator("acme")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    emulator.settings = Settings("acme", "a key")  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    emulator.open_chat()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
