"""Prints what is sent of users of django-allauth, as JSON; a process of its own, for Django.

It prints the email of each identity, and whether the mapping says that it may query a database.
"""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings


def main() -> None:
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "allauth",
            "allauth.account",
        ],
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from allauth.account.models import EmailAddress
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from pavior_middleware import Settings
    from pavior_middleware._model.users import UserMapping

    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    mapping = UserMapping(Settings("acme", "a-key-Of-twenty-chars"))
    sent = {}
    for name, email, verified in [
        ("ada", "ada@example.com", True),
        ("bob", "bob@example.com", False),
        ("eve", "eve@example.com", None),
    ]:
        user = users.create_user(name, email)
        if verified is not None:
            EmailAddress.objects.create(user=user, email=email, verified=verified)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            identity = mapping.identity(user)
        assert identity is not None
        sent[name] = (identity.email, len(queries))
    prefetched = users.prefetch_related("emailaddress_set").get(username="ada")
    with CaptureQueriesContext(connection) as queries:
        mapping.identity(prefetched)
    sent["prefetched"] = (prefetched.email, len(queries))
    json.dump({"sent": sent, "may_block": mapping.may_block(prefetched)}, sys.stdout)


if __name__ == "__main__":
    main()
