"""An identity and its signature."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from pavior_middleware import Identity, sign, verify


def identities(key: UUID) -> list[Identity]:
    return [
        Identity(),
        Identity(7),
        Identity("7", "user@example.com"),
        Identity(id=key, email=None),
        Identity(email="user@example.com", authenticated=False),
        Identity(7, attributes={"firstName": "Ada", "orders": 3}),
    ]


def what_is_kept(identity: Identity) -> tuple[str | None, str | None, bool, Mapping[str, object]]:
    return identity.id, identity.email, identity.authenticated, identity.attributes


def identifier_of(identity: Identity) -> str | None:
    return identity.identifier


def hmac_of(api_key: str, identity: Identity) -> str:
    return sign(api_key, identity.identifier or "")


def is_right(api_key: str, identifier: str, hmac: str) -> bool:
    return verify(api_key, identifier, hmac)


def mistakes(identity: Identity) -> None:
    Identity(b"7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Identity(7, 8)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Identity(7, None, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Identity(7, authenticated="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Identity(7, attributes=["firstName"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Identity(7, firstName="Ada")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Identity(7, mail="user@example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    identity.id = "8"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    sign("a key", 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sign(b"a key", "7")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sign("a key", identity.identifier)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sign(key="a key", identifier="7")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    verify("a key", "7")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    verify("a key", "7", b"hmac")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
