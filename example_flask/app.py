"""The shop: its pages, and `create_app`, which puts Pavior's chat on every one of them.

Run it with `flask --app example_flask.app run --port 8001`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flask import (
    Blueprint,
    Flask,
    current_app,
    redirect,
    render_template,
    request,
    stream_template,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import login_required, login_user, logout_user

from example_flask.orders import on_the_workbench
from example_flask.users import authenticate, login_manager
from pavior_middleware.flask import Pavior

pages = Blueprint("pages", __name__)


def create_app(config: Mapping[str, object] | None = None) -> Flask:
    """Build the shop; `config` overrides `example_flask/settings.py`."""
    app = Flask(__name__)
    app.config.from_object("example_flask.settings")
    app.config.from_mapping(config or {})
    app.register_blueprint(pages)
    app.register_error_handler(404, not_found)
    app.register_error_handler(500, server_error)
    login_manager.init_app(app)
    Pavior(app)
    return app


@pages.get("/")
def home() -> str:
    """Show what the shop sells."""
    return render_template("home.html")


@pages.get("/login")
def login() -> str:
    """Show the login form."""
    return render_template("login.html")


@pages.post("/login")
def log_in() -> ResponseReturnValue:
    """Log the customer in, or show the form again.

    Whatever `next` the URL holds is left alone: an address from outside is no place to send people.
    """
    email = request.form.get("email", "")
    customer = authenticate(email, request.form.get("password", ""))
    if customer is None:
        return render_template("login.html", email=email, failed=True), 422
    login_user(customer)
    return redirect(url_for("pages.account"))


@pages.post("/logout")
def log_out() -> ResponseReturnValue:
    """Log the customer out."""
    logout_user()
    return redirect(url_for("pages.home"))


@pages.get("/account")
@login_required  # type: ignore[untyped-decorator]
def account() -> str:
    """Show the customer's own page."""
    return render_template("account.html")


@pages.get("/stream")
def stream() -> Iterator[str]:
    """Send the page's head at once and each order as it comes."""
    orders = on_the_workbench(current_app.config["SECONDS_PER_ORDER"])
    return stream_template("stream.html", orders=orders)


@pages.get("/error")
def error() -> str:
    """Fail on purpose, to show the error page."""
    raise RuntimeError("This page fails on purpose.")


def not_found(_error: Exception) -> ResponseReturnValue:
    """Answer an address that leads nowhere."""
    return render_template("not_found.html"), 404


def server_error(_error: Exception) -> ResponseReturnValue:
    """Answer when a page failed."""
    return render_template("server_error.html"), 500
