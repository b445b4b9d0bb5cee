"""Settings: every keyword, and what reads them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from pavior_middleware import Event, Settings, SettingsError


def hear(event: Event) -> None:
    labels: tuple[str, str, bool] = event.outcome, event.reason, event.is_named
    logging.getLogger("shop").info("%s: %s", labels, event.text)


def hear_too_much(event: Event, more: int) -> None: ...


def every_keyword() -> Settings:
    return Settings(
        team_vanity_id="acme",
        api_key="a-key-of-more-than-16-characters",
        do_chat=True,
        do_time_travel=False,
        embed_url="https://app.pavior.com/embed",
        share_auth=None,
        shared_auth_domains=["help.example.com", "*.docs.example.com"],
        init_options={"doTracking": True, "colors": ["#fff"]},
        secret_key=[b"the oldest", "the newest"],
        session_cookie=("__Host-session", "remember"),
        shared_auth_seconds=3600,
        handoff=True,
        bubble=None,
        inject_in_frames=False,
        cacheable_pages=False,
        root_path="/shop",
        csp="extend",
        skip_paths=["/admin/*"],
        identity_may_block=False,
        identity_timeout=0.5,
        share_auth_sets_cookies=True,
        on_event=hear,
        enabled=True,
    )


def forms_that_values_may_have() -> list[Settings]:
    return [
        Settings("acme", "a key"),
        Settings("acme", "a key", csp="leave"),
        Settings("acme", "a key", shared_auth_domains="help.example.com\ndocs.example.com"),
        Settings("acme", "a key", secret_key="text", session_cookie="session"),
        Settings("acme", "a key", secret_key=b"bytes", skip_paths="/admin/*\n/print"),
        Settings("acme", share_auth="auth.example.com", bubble="#chat"),
        Settings("acme", enabled=False),
    ]


def what_is_read(mapping: Mapping[str, object], texts: dict[str, str]) -> list[Settings]:
    return [
        Settings.from_mapping(mapping),
        Settings.from_mapping(texts),
        Settings.from_mapping(os.environ),
        Settings.from_env(),
    ]


def what_is_kept(settings: Settings) -> tuple[str, bool, str | None]:
    return settings.team_vanity_id, settings.do_chat, settings.share_auth


def problems_of(error: SettingsError) -> tuple[str, ...]:
    return error.problems


def mistakes(settings: Settings) -> None:
    Settings()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Settings("acme", "a key", True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Settings("acme", "a key", csp="nonce")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", "a key", do_chats=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Settings("acme", apikey="a key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Settings(7, "a key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", b"a key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", do_chat="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", do_time_travel=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", embed_url=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", share_auth=["auth.example.com"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", shared_auth_domains=[7])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Settings("acme", init_options=["doTracking"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", init_options={1: True})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
    Settings("acme", secret_key=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", session_cookie=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", shared_auth_seconds="3600")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", handoff="off")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", bubble=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", inject_in_frames=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", cacheable_pages="true")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", root_path=b"/shop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", skip_paths=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", identity_timeout="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", identity_may_block="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", share_auth_sets_cookies="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", on_event="hook")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", on_event=hear_too_much)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings("acme", enabled=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings.from_mapping([("PAVIOR_API_KEY", "a key")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Settings.from_env("PAVIOR_")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    settings.do_chat = False  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
