"""A Flask app with Flask-Login, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
import flask
from flask_login import LoginManager, UserMixin, current_user, login_user

# Here: flask.md, block 1


class User(UserMixin):
    id = "7"
    name = "ada"


app = create_app()
LoginManager(app).user_loader(lambda user_id: User())


@app.get("/")
def home():
    name = current_user.name if current_user.is_authenticated else "nobody"
    return (
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


@app.post("/")
def log_in():
    login_user(User())
    return flask.redirect("/", 303)
