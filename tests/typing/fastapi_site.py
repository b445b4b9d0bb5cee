"""The dependencies and the one line of a FastAPI app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from pavior_middleware import Identity, Settings, skip
from pavior_middleware.fastapi import Pavior, once


@dataclass
class User:
    id: int


def cookie_of(request: Request) -> str | None:
    return request.cookies.get("user")


def identity(name: Annotated[str | None, Depends(cookie_of)]) -> Identity | None:
    return Identity(name) if name else None


async def user(name: Annotated[str | None, Depends(cookie_of)]) -> User | None:
    return User(int(name)) if name else None


def user_with_database(known: Annotated[User | None, Depends(user)]) -> Iterator[User | None]:
    yield known


async def user_with_session(
    known: Annotated[User | None, Depends(user)],
) -> AsyncIterator[User | None]:
    yield known


class Users:
    def __call__(self, request: Request) -> User | None:
        return None


@once
async def known_user(request: Request) -> User | None:
    return None


def consent(agrees: Annotated[bool, Cookie()] = False) -> bool:
    return agrees


async def async_consent(request: Request) -> bool:
    return "consent" in request.cookies


def right(settings: Settings) -> list[Pavior]:
    return [
        Pavior(FastAPI(), settings),
        Pavior(app=FastAPI(), settings=settings, user=None, consent=None),
        Pavior(FastAPI(), settings, user=identity, consent=consent),
        Pavior(FastAPI(), settings, user=user, consent=async_consent),
        Pavior(FastAPI(), settings, user=user_with_database),
        Pavior(FastAPI(), settings, user=user_with_session),
        Pavior(FastAPI(), settings, user=Users()),
        Pavior(FastAPI(), settings, user=known_user),
        Pavior(FastAPI(), settings, user=once(identity), consent=once(consent)),
        Pavior(FastAPI(), settings, user=lambda: Identity("7"), consent=lambda: True),
    ]


app = FastAPI()


@app.get("/")
async def home(known: Annotated[User | None, Depends(known_user)]) -> HTMLResponse:
    return skip(HTMLResponse(str(known and known.id)))


def is_perhaps(request: Request) -> bool | None:
    return None


async def name(request: Request) -> str:
    return request.url.path


def mistakes(settings: Settings) -> None:
    Pavior(app)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(settings, app)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, {"team_vanity_id": "acme"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, user)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(app, settings, identity=identity)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Pavior(app, settings, user=Identity(7))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, consent=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, consent=is_perhaps)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Pavior(app, settings, consent=name)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    once(Identity(7))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
