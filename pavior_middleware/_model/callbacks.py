"""Calls the site's own callables, `identity` and `consent`, so that they fail no request."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from .events import Event, EventHook, Reason, refused
from .identity import Identity, IdentityRefused
from .log import WarnOnce, logger
from .visitor import Visitor

MOST_THREADS = 32
"""So many callables that may block run at once; the others wait for their turn."""

Report = Callable[[Event], None]
T = TypeVar("T")


class _Failure(Enum):
    FAILED = "It is not known what the callable would say."


FAILED: Final = _Failure.FAILED


class Callbacks:
    """The callables of one site. They take the ASGI scope or the WSGI environ.

    `default_identity` stands in for an `identity` that is not given; it never blocks.
    What they raise is logged. Where `identity` fails, the visitor counts as anonymous; where
    `consent` fails, it counts as not given; and the visitor says so. A task that is cancelled while
    `identity` awaits it is a failure, too. The cancellation of the request itself is raised.
    `may_block`: under ASGI, those that are not coroutine functions run in threads of their own
    limiter.
    """

    def __init__(
        self,
        identity: Callable[[Any], object] | None,
        consent: Callable[[Any], object] | None = None,
        *,
        default_identity: Callable[[Any], object] | None = None,
        report: Report | None = None,
        may_block: bool = False,
    ) -> None:
        limiter = _Limiter() if may_block else None
        self._consent: _Callback[bool] | None = None
        self._identity: _Callback[Identity | None] | None = None
        if consent is not None:
            self._consent = _Callback[bool](consent, "consent", bool, False, limiter, report)
        reader = identity or default_identity
        if reader is not None:
            kinds = (Identity, type(None))
            of_identity = None if identity is None else limiter
            self._identity = _Callback[Identity | None](
                reader, "identity", kinds, None, of_identity, report
            )
        self.are_immediate = identity is None and consent is None
        """Whether none of them is the site's own, so that `visitor` does under ASGI too."""

    def visitor(self, request: Any) -> Visitor:
        """Return the request's visitor; without consent, nobody asks who it is."""
        if self._consent is not None and (consents := self._consent.call(request)) is not True:
            return _WITHOUT_CONSENT if consents is False else _CONSENT_FAILED
        if self._identity is None:
            return _NOBODY
        identity = self._identity.call(request)
        return _IDENTITY_FAILED if identity is FAILED else Visitor(identity)

    async def visitor_async(self, request: Any) -> Visitor:
        """Return the request's visitor; the callables may be coroutine functions."""
        if self._consent is not None:
            consents = await self._consent.call_async(request)
            if consents is not True:
                return _WITHOUT_CONSENT if consents is False else _CONSENT_FAILED
        if self._identity is None:
            return _NOBODY
        identity = await self._identity.call_async(request)
        return _IDENTITY_FAILED if identity is FAILED else Visitor(identity)


class Reporter:
    """Calls the site's `on_event`, if there is one."""

    def __init__(self, hook: EventHook | None) -> None:
        self._hook = hook
        self._failures = _LoggedFailures("on_event", "event is left out", None)

    @property
    def is_heard(self) -> bool:
        """Whether there is one."""
        return self._hook is not None

    def __call__(self, event: Event) -> None:
        """Report an event; what the hook raises is logged."""
        if self._hook is not None:
            with self._failures:
                self._hook(event)


_NOBODY = Visitor()
_WITHOUT_CONSENT = Visitor(consents=False)
_IDENTITY_FAILED = Visitor(lookup_failed=True)
_CONSENT_FAILED = Visitor(consents=False, lookup_failed=True)


class _Limiter:
    """Runs callables in threads, a bounded number at once in each event loop."""

    def __init__(self) -> None:
        self._of_loop = anyio.lowlevel.RunVar[anyio.CapacityLimiter]("pavior_middleware.limiter")

    async def run(self, callable_: Callable[[Any], T], request: Any) -> T:
        limiter = self._of_loop.get(None)
        if limiter is None:
            limiter = anyio.CapacityLimiter(MOST_THREADS)
            self._of_loop.set(limiter)
        # In a tuple, since trio takes no coroutine from a thread.
        (answer,) = await anyio.to_thread.run_sync(lambda: (callable_(request),), limiter=limiter)
        return answer


class _Callback(Generic[T]):
    """One callable. It returns one of the `kinds`; `when_refused` stands in for a refused identity.

    Returned is `FAILED` where it raises anything else, or returns what it must not.
    """

    def __init__(
        self,
        callable_: Callable[[Any], Any],
        name: str,
        kinds: Any,
        when_refused: T,
        limiter: _Limiter | None,
        report: Report | None,
    ) -> None:
        self._callable = callable_
        self._name = name
        self._kinds = kinds
        self._when_refused = when_refused
        self._limiter = None if _is_async(callable_) else limiter
        outcome = "identity is left out" if name == "identity" else "chat is left out"
        self._report = report
        self._failures = _LoggedFailures(name, outcome, report)
        self._warn = WarnOnce()

    def call(self, request: Any) -> T | _Failure:
        with self._failures:
            try:
                return self._checked(self._callable(request))
            except IdentityRefused as refusal:
                return self._refused(refusal)
        return FAILED

    async def call_async(self, request: Any) -> T | _Failure:
        with self._failures:
            try:
                if self._limiter is None:
                    answer = self._callable(request)
                else:
                    answer = await self._limiter.run(self._callable, request)
                if not isinstance(answer, self._kinds) and inspect.isawaitable(answer):
                    answer = await answer
                return self._checked(answer)
            except IdentityRefused as refusal:
                return self._refused(refusal)
        return FAILED

    def _checked(self, answer: Any) -> T:
        if isinstance(answer, self._kinds):
            return answer  # type: ignore[no-any-return]  # of the kinds that T stands for
        expected = "True or False" if self._kinds is bool else "an Identity or None"
        raise TypeError(f"{self._name} must return {expected}, not {type(answer).__name__}")

    def _refused(self, refusal: IdentityRefused) -> T:
        """Tell of a refusal: once in the log, as it may come with each request."""
        self._warn(f"Pavior's identity is left out: {refusal}")
        if self._report is not None:
            self._report(refused(refusal))
        return self._when_refused


def _is_async(callable_: Callable[[Any], Any]) -> bool:
    return inspect.iscoroutinefunction(callable_) or inspect.iscoroutinefunction(
        getattr(callable_, "__call__", None)  # noqa: B004  # an object that has such a method
    )


def _is_of_another_task(error: BaseException | None) -> bool:
    """Whether an error is the cancellation of a task that the request's own task has awaited.

    Before Python 3.11 a task cannot tell whether it is cancelled itself, so there it is not.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        own = asyncio.current_task()
    except RuntimeError:  # no event loop runs here, so the callable has run one
        return True
    cancelling: Callable[[], int] | None = getattr(own, "cancelling", None)
    return cancelling is not None and not cancelling()


class _LoggedFailures:
    """Logs what a site's callable raises, instead of failing the request."""

    def __init__(self, name: str, outcome: str, report: Report | None) -> None:
        self._name = name
        self._outcome = outcome
        self._report = report

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception) and not _is_of_another_task(error):
            return False
        logger.error("Pavior's %s: `%s` failed", self._outcome, self._name, exc_info=error)
        if self._report is not None:
            self._report(Event("lookup_failed", Reason.FAILED))
        return True
