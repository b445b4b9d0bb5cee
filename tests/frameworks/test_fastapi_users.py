"""fastapi-users with SQLAlchemy: the user of its cookie is named, as its documentation has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from pavior_middleware import Settings, sign
from pavior_middleware.fastapi import Pavior, once
from tests.support.pages import init_call
from tests.support.sites import API_KEY, TEAM

SECRET_KEY = "a secret key of the app for the tests only"

SETTINGS = Settings(
    TEAM,
    API_KEY,
    shared_auth_domains=["help.example.com"],
    secret_key=SECRET_KEY,
    email_confirmed="is_verified",
)
PAGE = "<!doctype html><title>A page</title>"
SHARE_AUTH = "/.well-known/pavior/share-auth"
ADA = {"email": "ada@example.com", "password": "an engine"}


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class Manager(UUIDIDMixin, BaseUserManager[User, UUID]):
    reset_password_token_secret = verification_token_secret = SECRET_KEY


async def sessions(request: Request) -> AsyncIterator[AsyncSession]:
    async with async_sessionmaker(request.app.state.engine, expire_on_commit=False)() as session:
        yield session


async def user_manager(
    session: Annotated[AsyncSession, Depends(sessions)],
) -> AsyncIterator[Manager]:
    yield Manager(SQLAlchemyUserDatabase(session, User))


def backend() -> AuthenticationBackend[User, UUID]:
    return AuthenticationBackend(
        "cookie",
        CookieTransport(cookie_name="auth", cookie_secure=False),
        lambda: JWTStrategy(SECRET_KEY, lifetime_seconds=3600),
    )


def make_app(file: Path) -> FastAPI:
    engine: AsyncEngine = create_async_engine(f"sqlite+aiosqlite:///{file}")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.engine = engine
    cookie = backend()
    users = FastAPIUsers[User, UUID](user_manager, [cookie])
    current_user = once(users.current_user(active=True, optional=True))
    Pavior(app, SETTINGS, user=current_user)
    app.include_router(users.get_auth_router(cookie), prefix="/auth")
    app.include_router(
        users.get_register_router(schemas.BaseUser[UUID], schemas.BaseUserCreate), prefix="/auth"
    )

    @app.get("/")
    async def home() -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.get("/account")
    async def account(user: Any = Depends(current_user)) -> HTMLResponse:
        return HTMLResponse(PAGE)

    @app.post("/verify")
    async def verify(
        session: Annotated[AsyncSession, Depends(sessions)], user: Any = Depends(current_user)
    ) -> None:
        user = await session.get_one(User, user.id)
        user.is_verified = True
        await session.commit()

    @app.exception_handler(404)
    async def missing(request: Request, error: Exception) -> HTMLResponse:
        return HTMLResponse(PAGE, 404)

    return app


def test_the_user_of_fastapi_users_is_named_on_each_page_and_by_share_auth(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with TestClient(make_app(tmp_path / "users.sqlite")) as client:
        user_id = client.post("/auth/register", json=ADA).json()["id"]
        nobody: dict[str, str] = {}
        assert names(client) == [nobody] * 4
        login = {"username": ADA["email"], "password": ADA["password"]}
        assert client.post("/auth/login", data=login).status_code == 204
        named = {"id": user_id, "hmac": sign(API_KEY, user_id)}
        assert names(client) == [named] * 4
        client.post("/verify")
        assert names(client) == [{**named, "email": ADA["email"]}] * 4
        client.post("/auth/logout")
        assert names(client) == [nobody] * 4
    assert [each for each in caplog.records if each.levelname != "INFO"] == []


def names(client: TestClient) -> list[dict[str, str]]:
    """Return who is named by the pages and by share-auth."""
    pages = [init_call(client.get(path).content) for path in ("/", "/account", "/missing")]
    lent = client.get(SHARE_AUTH, headers={"Origin": "https://help.example.com"}).json()
    keys = ("id", "email", "hmac")
    return [{key: each[key] for key in keys if key in each} for each in [*pages, lent]]
