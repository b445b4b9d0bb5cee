"""The site that `settings.py` describes: made once, and anew when a test overrides a setting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.signals import setting_changed

from .._adapters.site import Site
from .._http.headers import WSGI_FORM
from .._model.settings import PREFIX
from ._settings import SECRET_KEYS, OfRequest, SiteSettings, read_settings
from ._visitors import Users


class DjangoSite(NamedTuple):
    """One site.

    `skips_admin` tells that pages of Django's admin get no chat. `sets_cookies` tells that the
    answers of our paths keep the cookies that the layers above set.
    """

    site: Site[str]
    skips_admin: bool
    sets_cookies: bool


@lru_cache(maxsize=1)
def current_settings() -> SiteSettings:
    """Return what `settings.py` says now; raise `SettingsError`."""
    return read_settings()


@lru_cache(maxsize=2)
def current_site(is_async: bool) -> DjangoSite | None:  # `lru_cache` compares arguments by places
    """Return the site, None where the setting `enabled` is False; raise `SettingsError`.

    `is_async` tells whether the callables are awaited.
    """
    read = current_settings()
    if not read.settings.enabled:
        return None
    users = Users(read.settings)
    default = users.identity_async if is_async else users.identity
    may_block = read.settings.identity_may_block
    site = Site(
        read.settings,
        WSGI_FORM,
        identity=_fitting(read.identity or default, is_async=is_async, may_block=may_block),
        default_identity=default,
        consent=_fitting(read.consent, is_async=is_async, may_block=may_block),
    )
    return DjangoSite(site, read.skips_admin, read.settings.share_auth_sets_cookies)


def session_cookies() -> Sequence[str]:
    """Return the name of Django's session cookie."""
    return (settings.SESSION_COOKIE_NAME,)


def _fitting(callable_: OfRequest | None, *, is_async: bool, may_block: bool) -> OfRequest | None:
    """Return a callable that can be awaited if `is_async`, and a plain one otherwise.

    A callable that may wait for a database runs in the request's own thread, as Django's views do.
    The request's connections and a test's transactions belong to that thread.
    """
    if callable_ is None or iscoroutinefunction(callable_) == is_async:
        return callable_
    if not is_async:
        awaited: OfRequest = async_to_sync(callable_)
        return awaited
    if not may_block:
        return callable_
    in_thread: OfRequest = sync_to_async(callable_, thread_sensitive=True)
    return in_thread


def _forget(*, setting: str, **_: Any) -> None:
    """Forget the site when `override_settings` sends its signal."""
    if setting.startswith(PREFIX) or setting in SECRET_KEYS:
        current_settings.cache_clear()
        current_site.cache_clear()


setting_changed.connect(_forget, dispatch_uid="pavior_middleware.django")
