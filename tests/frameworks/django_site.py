"""A Django project, with Pavior added as docs/frameworks/django.md says.

Django is configured once in a process. Tests override its settings.
"""

from __future__ import annotations

import re
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import django
from django.conf import settings as django_settings
from django.core.signals import setting_changed

from pavior_middleware import Settings
from pavior_middleware._model.settings import NAMES
from tests.frameworks.pages import USERS, has_consent
from tests.support.repository import ROOT
from tests.support.sites import API_KEY

DOCUMENT = ROOT / "docs" / "frameworks" / "django.md"
INSTALLED = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]

OF_STARTPROJECT: dict[str, Any] = {
    "INSTALLED_APPS": [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "STATIC_URL": "static/",
    "USE_TZ": True,
}

_FOLDER = tempfile.TemporaryDirectory(prefix="pavior-django-")  # until the process ends


@cache
def configured() -> None:
    """Configure Django, make the database, and let Ada and Bob have accounts."""
    of_project = deepcopy(OF_STARTPROJECT)
    with mock.patch.dict("os.environ", PAVIOR_API_KEY=API_KEY):
        exec(f"import os\n{INSTALLED}", of_project)
    django_settings.configure(
        **{name: value for name, value in of_project.items() if name.isupper()},
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(_FOLDER.name) / "db"}
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF="tests.frameworks.django_urls",
        SECRET_KEY="a secret key of the Django project for the tests only",
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for user in USERS.values():
        User.objects.create_user(user.name, user.email, "a password", id=user.id)


def use(settings: Settings) -> None:
    """Write settings into those of Django, as a test of it would override them."""
    configured()
    values = {key: getattr(settings, field) for key, field in NAMES.items()}
    values["PAVIOR_EMAIL_CONFIRMED"] = has_confirmed_email
    values["PAVIOR_CONSENT"] = consent
    for key, value in values.items():
        setattr(django_settings, key, value)
        setting_changed.send(sender=Settings, setting=key, value=value, enter=True)


def has_confirmed_email(user: Any) -> bool:
    return USERS[user.username].is_confirmed


def consent(request: Any) -> bool:
    return has_consent(request.META.get("HTTP_COOKIE", ""))
