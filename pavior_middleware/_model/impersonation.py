"""Whether a member of the staff acts as a user, if known libraries show that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SESSION_KEYS = frozenset({"hijack_history", "_impersonate", "loginas_from_user"})
"""Keys of sessions: of django-hijack, django-impersonate and django-loginas.

They show it even if that library's own middleware has not run.
"""


def is_impersonated(user: Any) -> bool:
    """Whether an attribute of the user says that somebody else acts as them.

    django-hijack and django-impersonate set the first two attributes; a site may set the last.
    Impersonation without such an attribute is not found.
    """
    return (
        getattr(user, "is_hijacked", False) is True
        or getattr(user, "is_impersonate", False) is True
        or getattr(user, "is_impersonated", False) is True
    )


def tells_of_impersonation(session: Mapping[str, object] | None, request: object) -> bool:
    """Whether the session or the request says that somebody else acts as the request's user.

    An attribute `impersonator` of the request is that of django-impersonate.
    """
    if session is not None and not _SESSION_KEYS.isdisjoint(session.keys()):
        keys = _SESSION_KEYS.intersection(session.keys())
        if any(session[key] for key in keys):
            return True
    return getattr(request, "impersonator", None) is not None
