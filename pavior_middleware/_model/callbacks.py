"""Calls the site's own callables, `identity` and `consent`; their failures fail no request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from enum import Enum
from types import CoroutineType
from typing import Any, Final, Generic, TypeVar

import anyio

from .events import refused
from .failures import Failures, Report
from .identity import Identity, IdentityRefused
from .identity_key import NOT_SAID, LoginChanged, NotSaid
from .in_time import in_time, may_begin_first, rest_in_time
from .log import WarnOnce
from .threads import Threads
from .visitor import Visitor

TIMEOUT_SECONDS = 2.0

T = TypeVar("T")


class _Failure(Enum):
    FAILED = "It is not known what the callable would say."


FAILED: Final = _Failure.FAILED


class Callbacks:
    """The callables of one site. They take the ASGI scope or the WSGI environ.

    `default_identity` replaces an `identity` that is not given. It never blocks, and may return
    `NOT_SAID`, or `LOGIN_CHANGED`, which counts as a failure that needs no log line.

    What the callables raise is logged. If `identity` fails, the visitor counts as anonymous. If
    `consent` fails, there is no consent. `Visitor.lookup_failed` tells of both. A task that is
    cancelled while `identity` awaits it is a failure, too. The cancellation of the request itself
    is raised.

    `may_block` tells that, under ASGI, plain functions run in threads of their own. Under ASGI, a
    callable that has not answered within `seconds` fails. Nothing can stop one that blocks the
    event loop, nor one under WSGI, which runs in the server's thread.
    """

    def __init__(
        self,
        identity: Callable[[Any], object] | None,
        consent: Callable[[Any], object] | None = None,
        *,
        default_identity: Callable[[Any], object] | None = None,
        report: Report | None = None,
        may_block: bool = False,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._consent: _Callback[bool] | None = None
        self._identity: _Callback[Identity | NotSaid | LoginChanged | None] | None = None
        if consent is not None:
            self._consent = _Callback[bool](
                *(consent, "consent", bool, False, report),
                may_block=may_block,
                seconds=seconds,
            )
        reader = identity or default_identity
        if reader is not None:
            kinds = (Identity, type(None), NotSaid, LoginChanged)
            self._identity = _Callback[Identity | NotSaid | LoginChanged | None](
                *(reader, "identity", kinds, None, report),
                may_block=may_block and identity is not None,
                seconds=seconds,
            )

    def visitor(self, request: Any) -> Visitor:
        """Return the request's visitor; `identity` is not called without consent."""
        if self._consent is not None and (consents := self._consent.call(request)) is not True:
            return _WITHOUT_CONSENT if consents is False else _CONSENT_FAILED
        return _NOBODY if self._identity is None else _visitor(self._identity.call(request))

    def begin(self, request: Any) -> Visitor | Coroutine[Any, Any, Visitor]:
        """Return the request's visitor, or a coroutine that returns it, where that may take a wait.

        This is for ASGI: the callables may be coroutine functions.
        """
        if self._consent is not None:
            return self._with_consent(self._consent, request)
        if self._identity is None:
            return _NOBODY
        answer = self._identity.begin(request)
        if answer is None or isinstance(answer, Identity):
            return Visitor(answer)
        return _visitor(answer) if isinstance(answer, _ANSWERS) else _awaited(answer)

    async def visitor_async(self, request: Any) -> Visitor:
        """Return what `begin` leads to."""
        visitor = self.begin(request)
        return visitor if isinstance(visitor, Visitor) else await visitor

    async def _with_consent(self, consent: _Callback[bool], request: Any) -> Visitor:
        consents = await consent.call_async(request)
        if consents is not True:
            return _WITHOUT_CONSENT if consents is False else _CONSENT_FAILED
        if self._identity is None:
            return _NOBODY
        return _visitor(await self._identity.call_async(request))


_NOBODY = Visitor()
_WITHOUT_CONSENT = Visitor(consents=False)
_IDENTITY_FAILED = Visitor(lookup_failed=True)
_CONSENT_FAILED = Visitor(consents=False, lookup_failed=True)
_NOT_SAID = Visitor(is_said=False)

_ANSWERS = (Identity, NotSaid, LoginChanged, _Failure)
_Answer = Identity | NotSaid | LoginChanged | _Failure | None


def _visitor(answer: _Answer) -> Visitor:
    if answer is None or isinstance(answer, Identity):
        return Visitor(answer)
    return _NOT_SAID if answer is NOT_SAID else _IDENTITY_FAILED


async def _awaited(answer: Coroutine[Any, Any, _Answer]) -> Visitor:
    return _visitor(await answer)


class _Callback(Generic[T]):
    """One callable. It returns one of the `kinds`; `when_refused` replaces a refused identity.

    If the callable raises anything else, or returns another type, the result is `FAILED`.
    """

    def __init__(
        self,
        callable_: Callable[[Any], Any],
        name: str,
        kinds: Any,
        when_refused: T,
        report: Report | None,
        *,
        may_block: bool,
        seconds: float,
    ) -> None:
        self._callable = callable_
        self._name = name
        self._kinds = kinds
        self._when_refused = when_refused
        outcome = "identity is left out" if name == "identity" else "chat is left out"
        self._report = report
        self._failures = Failures(name, outcome, report)
        self._warn = WarnOnce()
        self._seconds = seconds
        self._threads: Threads | None = None
        if may_block and not _is_async(callable_):
            self._threads = Threads(callable_, seconds, self._log_late)

    def call(self, request: Any) -> T | _Failure:
        with self._failures:
            try:
                answer = self._callable(request)
            except IdentityRefused as refusal:
                return self._refused(refusal)
            return answer if isinstance(answer, self._kinds) else self._checked(answer)
        return FAILED

    def begin(self, request: Any) -> T | _Failure | Coroutine[Any, Any, T | _Failure]:
        """Return the answer; a coroutine that returns it if that takes a wait."""
        if self._threads is not None:
            return self._finish(self._in_thread(self._threads, request))
        with self._failures:
            try:
                answer = self._callable(request)
                if isinstance(answer, CoroutineType) and may_begin_first():
                    try:
                        waits_for = answer.send(None)
                    except StopIteration as finished:
                        answer = finished.value
                    else:
                        return self._finish(rest_in_time(answer, waits_for, self._seconds))
                elif not isinstance(answer, self._kinds) and inspect.isawaitable(answer):
                    return self._finish(in_time(answer, self._seconds))
                return answer if isinstance(answer, self._kinds) else self._checked(answer)
            except IdentityRefused as refusal:
                return self._refused(refusal)
        return FAILED

    async def call_async(self, request: Any) -> T | _Failure:
        answer = self.begin(request)
        return await answer if isinstance(answer, Coroutine) else answer

    async def _finish(self, answer: Coroutine[Any, Any, Any]) -> T | _Failure:
        with self._failures:
            try:
                return self._checked(await answer)
            except IdentityRefused as refusal:
                return self._refused(refusal)
        return FAILED

    async def _in_thread(self, threads: Threads, request: Any) -> Any:
        deadline = anyio.current_time() + self._seconds
        answer = await threads.call(request, deadline)
        if not isinstance(answer, self._kinds) and inspect.isawaitable(answer):
            answer = await in_time(answer, self._seconds, deadline)
        return answer

    def _log_late(self, error: BaseException) -> None:
        """Log the error of a call after its request has stopped waiting for it."""
        if isinstance(error, IdentityRefused):
            self._warn(f"Pavior's identity is left out: {error}")
        else:
            self._failures.log(error)

    def _checked(self, answer: Any) -> T:
        if isinstance(answer, self._kinds):
            return answer  # type: ignore[no-any-return]  # of the kinds that T stands for
        expected = "True or False" if self._kinds is bool else "an Identity or None"
        raise TypeError(f"{self._name} must return {expected}, not {type(answer).__name__}")

    def _refused(self, refusal: IdentityRefused) -> T:
        """Log and report a refusal. The log line comes once, as each request may be refused."""
        self._warn(f"Pavior's identity is left out: {refusal}")
        if self._report is not None:
            self._report(refused(refusal))
        return self._when_refused


def _is_async(callable_: Callable[[Any], Any]) -> bool:
    return inspect.iscoroutinefunction(callable_) or inspect.iscoroutinefunction(
        getattr(callable_, "__call__", None)  # noqa: B004  # an object that has such a method
    )
