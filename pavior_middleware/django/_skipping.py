"""How a view says that its pages get no chat."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction

from .._page.skip import skip as skip_response

View = TypeVar("View", bound=Callable[..., Any])


def skip(view: View) -> View:
    """Return the view, sync or async, whose pages get no chat.

    For class-based views, `SkipMixin` does the same.
    """
    if iscoroutinefunction(view):

        @wraps(view)
        async def skipped_async(*args: Any, **kwargs: Any) -> Any:
            return skip_response(await view(*args, **kwargs))

        return skipped_async  # type: ignore[return-value]

    @wraps(view)
    def skipped(*args: Any, **kwargs: Any) -> Any:
        return skip_response(view(*args, **kwargs))

    return skipped  # type: ignore[return-value]


class SkipMixin:
    """A base for a class-based view whose pages get no chat; it comes before `View`."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Return the view (`django.views.View.as_view`)."""
        return skip(super().as_view(**initkwargs))  # type: ignore[misc]
