"""Whether a user's email is confirmed, as the site says or as known extensions store it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from .log import WarnOnce
from .settings_checks import label
from .user_objects import ABSENT, IsAwaitable, attribute, refuse_awaitable

_ANSWERS = (bool, int, float, date)
"""Types whose values may be tested for truth. A text may not, since it may be "no"."""


class ConfirmedEmails:
    """Tells whether a user's email is confirmed, as the setting `email_confirmed` says.

    Without the setting, `confirmed_at` of Flask-Security's users counts, and so do the verified
    addresses of django-allauth, which cost a query unless they are prefetched. The emails of all
    other users count as not confirmed.
    """

    def __init__(self, setting: str | Callable[[Any], bool] | None) -> None:
        self._setting = setting
        self._warn = WarnOnce()

    def confirms(self, user: Any, email: str) -> bool:
        """Whether the user's email, which is given, is confirmed; in doubt it is not."""
        setting = self._setting
        if setting is None:
            return self._is_known(user, email)
        try:
            if isinstance(setting, str):
                return self._says_yes(setting, user, attribute(user, setting))
            answer: object = setting(user)
            name = getattr(setting, "__name__", type(setting).__name__)
            refuse_awaitable(name, answer)
            return self._says_yes(name, user, answer)
        except IsAwaitable as error:
            return self._says_nothing(str(error))

    def _is_known(self, user: Any, email: str) -> bool:
        if hasattr(user, "fs_uniquifier"):
            return self._says_yes("confirmed_at", user, getattr(user, "confirmed_at", None))
        addresses = getattr(user, "emailaddress_set", None)
        return addresses is not None and any(
            each.verified is True and _are_same(each.email, email) for each in addresses.all()
        )

    def _says_yes(self, name: str, user: Any, answer: object) -> bool:
        if answer is ABSENT:
            return self._says_nothing(f"{user.__class__.__name__} has no attribute `{name}`")
        if answer is None or isinstance(answer, _ANSWERS):
            return bool(answer)
        return self._says_nothing(f"`{name}` is a {type(answer).__name__}")

    def _says_nothing(self, why: str) -> bool:
        self._warn(
            f"{label('email_confirmed')}: no email is sent, since {why}: name what is True or a"
            " date for users who have confirmed their email, and False or None for others"
        )
        return False


def _are_same(one: str, other: str) -> bool:
    """Whether two addresses are the same, apart from the case of ASCII letters.

    `casefold` would make `straße.example` and `strasse.example` one domain, but they have two
    owners. It would also turn a Kelvin sign into a `k`.
    """
    if one.isascii() and other.isascii():
        return one.lower() == other.lower()
    return one == other
