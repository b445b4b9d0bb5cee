"""A lender's settings, and its login cookie as responses set and delete it."""

from __future__ import annotations

import re
from functools import partial

from pavior_middleware import Identity, Settings, sign
from tests.support.sites import API_KEY, LOGIN_COOKIE, SECRET_KEY, TEAM

DELETION = f"{LOGIN_COOKIE}=; Max-Age=0; Secure; HttpOnly; Path=/; SameSite=None"

site = partial(Settings, TEAM, API_KEY)

SETTINGS = site(shared_auth_domains=["help.example.com"], secret_key=SECRET_KEY)


def timeless(fields: list[str]) -> list[str]:
    """Return `Set-Cookie` fields, ours without `Expires`, which repeats its `Max-Age`."""
    return [
        re.sub(r" Expires=[^;]*;", "", field) if field.startswith(f"{LOGIN_COOKIE}=") else field
        for field in fields
    ]


def with_hmac(identity: Identity) -> dict[str, str]:
    assert identity.id is not None
    assert identity.email is not None
    return {"id": identity.id, "email": identity.email, "hmac": sign(API_KEY, identity.id)}
