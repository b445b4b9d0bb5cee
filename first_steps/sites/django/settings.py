"""The settings of a Django project, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
import os

SECRET_KEY = "a long secret, which is for this machine alone"
DEBUG = True
ROOT_URLCONF = "urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}
PAVIOR_EMBED_URL = os.environ["PAVIOR_EMBED_URL"]

# Here: django.md, block 1
