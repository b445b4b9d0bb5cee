"""Pyramid: `config.include("pavior_middleware.pyramid")`, settings and user as Pyramid has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

try:
    from pyramid.config import Configurator
    from pyramid.events import NewResponse
    from pyramid.interfaces import PHASE3_CONFIG, IExecutionPolicy, ISecurityPolicy
    from pyramid.request import apply_request_extensions
    from pyramid.router import default_execution_policy
    from pyramid.tweens import EXCVIEW, INGRESS
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'pavior_middleware.pyramid needs Pyramid: pip install "pavior-middleware[pyramid]"'
    ) from error

from ._adapters.environ import paths_of
from ._adapters.kept_visitors import KeptVisitors
from ._adapters.user_view import UserView
from ._model.identity import Identity
from ._model.identity_key import NOT_SAID, NotSaid, identity_said
from ._model.settings import PREFIX as KEY_PREFIX
from ._model.settings import Settings
from ._model.tracebacks import keeping_keys_from_tracebacks
from ._model.users import ID_NAMES, UserMapping
from ._page.request import PageRequest
from .wsgi import PaviorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "pavior."
"""Of the keys in the settings; the others are `identity` and `consent`."""

_IDENTITY, _CONSENT = PREFIX + "identity", PREFIX + "consent"
_ROUTER = "pavior_middleware.router"


def includeme(config: Configurator) -> None:
    """Put Pavior's init script into the HTML pages of a Pyramid app.

    `pavior.team_vanity_id`, `pavior.api_key` and so on in the settings are the keys `PAVIOR_*`.
    `pavior.identity` and `pavior.consent` are callables, or dotted names of callables. They take
    the request, after the view and within its transaction. Without `pavior.identity`, the user is
    the environ's `pavior.identity`, or else `request.identity`, which the security policy returns.

    A tween cannot change all responses of a WSGI app, so an execution policy around the app's own
    policy does.

    Raises `SettingsError`.
    """
    given: Mapping[str, Any] = config.registry.settings
    settings = _settings(given)
    if not settings.enabled:
        return
    callables = [config.maybe_dotted(given.get(name)) for name in (_IDENTITY, _CONSENT)]
    middleware = _Middleware(settings, *callables)
    registry = config.registry
    registry[__name__] = middleware

    def wrap() -> None:
        """Wrap the execution policy, once the app has set its own."""
        middleware.policy = registry.queryUtility(
            IExecutionPolicy, default=default_execution_policy
        )
        registry.registerUtility(middleware.execute, IExecutionPolicy)

    config.action(__name__, wrap, order=PHASE3_CONFIG + 1)
    # Within a transaction of pyramid_tm, after which a user can be read no more, and around the
    # views of exceptions.
    within = ("pyramid_tm.tm_tween_factory", INGRESS)
    config.add_tween(f"{__name__}.tween_factory", under=within, over=EXCVIEW)
    config.add_subscriber(middleware.see_response, NewResponse)


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Return the tween that asks who is visiting."""
    middleware: _Middleware = registry[__name__]

    def tween(request: Any) -> Any:
        response = handler(request)
        middleware.remember_visitor(request, response)
        return response

    return tween


class _Middleware(PaviorMiddleware):
    """The middleware around one app."""

    policy: Callable[[WSGIEnvironment, Any], Any]
    """The app's own execution policy."""

    def __init__(
        self,
        settings: Settings,
        identity: Callable[[Any], Identity | None] | None,
        consent: Callable[[Any], bool] | None,
    ) -> None:
        self._users = UserMapping(settings)
        super().__init__(self._answer, settings, identity=identity, consent=consent)
        assert self._site is not None  # noqa: S101  # the settings are enabled
        self._visitors = KeptVisitors(self._site, self, paths_of, asks_consent=consent is not None)

    def execute(self, environ: WSGIEnvironment, router: Any) -> _Middleware:
        """Be the execution policy: this middleware is the response, which is a WSGI app."""
        environ[_ROUTER] = router
        return self

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Be the app around which the middleware is."""
        response = self.policy(environ, environ[_ROUTER])
        body: Iterable[bytes] = response(environ, start_response)
        return body

    def see_response(self, event: Any) -> None:
        """Be the subscriber to `NewResponse`: a tween further out may have made the response."""
        if not self._visitors.has_kept(event.request.environ):
            self.remember_visitor(event.request, event.response)

    def remember_visitor(self, request: Any, response: Any) -> None:
        """Keep the visitor for the middleware, where it will be asked for."""
        environ = request.environ
        headers = response.headerlist
        if self._visitors.are_needed(environ, response.status_int, headers):
            page_request: PageRequest | None = environ.get(PageRequest.KEY)
            if page_request is not None:
                page_request.response_fields = headers
            self._visitors.keep(environ, self._visitors.callbacks.visitor(request))

    def identity_in(self, request: Any) -> Identity | NotSaid | None:
        """Return whom the app has named; without that, whom the security policy authenticates."""
        identity = identity_said(request.environ)
        if identity is not NOT_SAID or request.registry.queryUtility(ISecurityPolicy) is None:
            return identity
        request = _with_new_cookies(request)
        user = request.identity
        if user is None or isinstance(user, Identity):
            return user
        user_id = request.authenticated_userid
        if user_id is None:
            return None
        if not any(hasattr(user, name) for name in ID_NAMES):
            user = UserView(user, {"id": user_id})
        return self._users.identity(user, is_authenticated=True)


def _with_new_cookies(request: Any) -> Any:
    """Return the request with the cookies that its response sets, which may log in or out."""
    sent = request.environ.get("HTTP_COOKIE", "")
    page_request: PageRequest | None = request.environ.get(PageRequest.KEY)
    current = sent if page_request is None else page_request.cookies_after(sent)
    if current == sent:
        return request
    again = request.copy_get()
    again.environ["HTTP_COOKIE"] = current
    again.registry = request.registry
    apply_request_extensions(again)
    return again


@keeping_keys_from_tracebacks
def _settings(given: Mapping[str, Any]) -> Settings:
    """Read the keys with our prefix."""
    return Settings.from_mapping(
        {
            KEY_PREFIX + key.removeprefix(PREFIX).upper(): value
            for key, value in given.items()
            if key.startswith(PREFIX) and key not in (_IDENTITY, _CONSENT)
        }
    )
