"""Jinja: `{{ pavior_snippet() }}`, for templates that place the script themselves.

    templates.env.globals["pavior_snippet"] = pavior_snippet

Flask's templates have it once `Pavior(app)` is called.
"""

from __future__ import annotations

try:
    from jinja2 import pass_context
    from jinja2.runtime import Context
    from markupsafe import Markup
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("pavior_middleware.jinja needs Jinja: pip install jinja2") from error

from ._page.request import PageRequest


@pass_context
def pavior_snippet(context: Context) -> Markup:
    """Return the placeholder of the script, for the request in the template's context.

    It is a comment with a random text, which the middleware finds in the pages of this request. The
    first of them becomes the script, for the user found when the response goes out and with the
    nonce of the page's policy. The others are removed. So a rendered template that is kept names
    nobody. A page without a placeholder has the script in its usual place. Without the middleware
    the placeholder is empty.

    Raises `LookupError` if there is no request in the context.
    """
    request = context.get("request")
    if hasattr(request, "writer"):  # of aiohttp, whose pages our writer writes
        return place(getattr(request.writer, "page_request", None))
    carrier = getattr(request, "scope", None) or getattr(request, "environ", None)
    if carrier is None:
        raise LookupError(
            "pavior_snippet() needs `request` in the template's context: pass it to the template,"
            " and import macros that use it `with context`"
        )
    return place(carrier.get(PageRequest.KEY))


def place(request: object) -> Markup:
    """Return what the middleware puts the script in place of; nothing without a middleware."""
    if not isinstance(request, PageRequest) or request.is_skipped:
        return Markup()
    return Markup(request.place().decode("ascii"))  # noqa: S704  # nothing of a user's
