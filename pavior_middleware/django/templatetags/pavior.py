"""`{% load pavior %}{% pavior_snippet %}`, for templates that place the script themselves."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe

from ..._page.request import PageRequest

register = template.Library()


@register.simple_tag(takes_context=True)  # type: ignore[untyped-decorator]  # Django is untyped
def pavior_snippet(context: Any) -> SafeString:
    """Return the placeholder of the script, for the request in the template's context.

    The placeholder is a comment with a random text, which the middleware finds in the page of this
    request. It replaces the placeholder by the script, for the user found when the response goes
    out. So a cached part of a template names nobody. A page without a placeholder has the script in
    its usual place. So has a page whose template has no request, such as that of Django's own error
    500. Without the middleware the placeholder is empty.
    """
    meta = getattr(context.get("request"), "META", {})
    request = meta.get(PageRequest.KEY)
    if not isinstance(request, PageRequest) or request.is_skipped:
        return mark_safe("")
    return mark_safe(request.place().decode("ascii"))  # noqa: S308  # nothing of a user's
