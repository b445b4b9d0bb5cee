"""A FastAPI app with a session, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pavior_middleware import Settings
from starlette.middleware.sessions import SessionMiddleware


@dataclass
class User:
    id: str
    name: str
    is_authenticated: bool = True


USERS = {"ada": User("7", "ada")}
app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key="a long secret")
settings = Settings.from_env()

# Here: fastapi.md, block 1


@app.get("/")
def home(request: Request):
    name = request.session.get("user", "nobody")
    return HTMLResponse(
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


@app.post("/")
def log_in(request: Request):
    request.session["user"] = "ada"
    return RedirectResponse("/", 303)
