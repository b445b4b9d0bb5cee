"""What the site's own callables say of a request's visitor: who it is, and whether it consents."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

from .identity import Identity, IdentityRefused
from .log import WarnOnce, logger

T = TypeVar("T")


@dataclass(frozen=True)
class Visitor:
    """Who is visiting, None for somebody unknown, and whether the chat may be shown to them.

    `is_doubtful` tells that the app names somebody, who may not be who is visiting.
    """

    identity: Identity | None = None
    consents: bool = True
    is_doubtful: bool = False

    @property
    def user(self) -> Identity | None:
        """The identity if it names somebody."""
        return self.identity if self.identity and self.identity.identifier else None


class VisitorSource:
    """Asks the site's callables in such a way that they fail no request.

    They take the ASGI scope or the WSGI environ. Whatever they raise is logged. Where `identity`
    fails, the visitor counts as anonymous; where `consent` fails, it counts as not given.
    """

    def __init__(
        self,
        identity: Callable[[Any], object] | None,
        consent: Callable[[Any], object] | None = None,
    ) -> None:
        self._consent = _Question(consent, "consent", bool, without=True, on_failure=False)
        self._identity: _Question[Identity | None] = _Question(
            identity, "identity", (Identity, type(None)), without=None, on_failure=None
        )

    def ask(self, request: Any) -> Visitor:
        """Return the request's visitor; without consent, nobody asks who it is."""
        if not self._consent.ask(request):
            return Visitor(consents=False)
        return Visitor(self._identity.ask(request))

    async def ask_async(self, request: Any) -> Visitor:
        """Return the request's visitor; the callables may be coroutine functions."""
        if not await self._consent.ask_async(request):
            return Visitor(consents=False)
        return Visitor(await self._identity.ask_async(request))


class _Question(Generic[T]):
    def __init__(
        self,
        callable_: Callable[[Any], object] | None,
        name: str,
        kind: Any,
        *,
        without: T,
        on_failure: T,
    ) -> None:
        self._callable = callable_
        self._name = name
        self._kind = kind
        self._without = without
        self._on_failure = on_failure
        self._failures = _LoggedFailures(name)

    def ask(self, request: Any) -> T:
        if self._callable is None:
            return self._without
        with self._failures:
            return self._checked(self._callable(request))
        return self._on_failure

    async def ask_async(self, request: Any) -> T:
        if self._callable is None:
            return self._without
        with self._failures:
            answer = self._callable(request)
            return self._checked(await answer if inspect.isawaitable(answer) else answer)
        return self._on_failure

    def _checked(self, answer: Any) -> T:
        if isinstance(answer, self._kind):
            return answer  # type: ignore[no-any-return]  # of the kind that T stands for
        expected = "True or False" if self._kind is bool else "an Identity or None"
        raise TypeError(f"{self._name} must return {expected}, not {type(answer).__name__}")


class _LoggedFailures:
    """Logs what a site's callable raises, instead of failing the request; refusals only once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._warn = WarnOnce()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, IdentityRefused):
            self._warn(f"Pavior's identity is left out: {error}")
        elif isinstance(error, Exception):
            outcome = "identity is left out" if self._name == "identity" else "chat is left out"
            logger.error("Pavior's %s: `%s` failed", outcome, self._name, exc_info=error)
        else:
            return False
        return True
