"""A Quart app with Quart-Auth, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
import quart
from quart_auth import AuthUser, current_user, login_user

# Here: quart.md, block 1

app.config["QUART_AUTH_COOKIE_SECURE"] = False  # on plain http


@app.get("/")
async def home():
    name = "ada" if await current_user.is_authenticated else "nobody"
    return (
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


@app.post("/")
async def log_in():
    login_user(AuthUser("7"))
    return quart.redirect("/", 303)
