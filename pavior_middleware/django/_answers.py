"""The answers of our paths, as responses of Django."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

from django.http import HttpResponse

from .._share import Answer


class AnswerResponse(HttpResponse):  # type: ignore[misc]  # Django is untyped
    """The response to a request for one of our paths.

    The layers above cannot set cookies in it, unless the setting `share_auth_sets_cookies` allows
    it. Otherwise a late answer could restore a session that has ended.
    """

    xframe_options_exempt = True  # its own policy says which pages may have it in a frame
    _has_been_logged = True  # Django would log or mail each refusal and failure; we log them once

    def __init__(self, answer: Answer, *, is_head: bool, may_set_cookies: bool) -> None:
        headers = {name: value for name, value in answer.headers if name.lower() != "set-cookie"}
        body = b"" if is_head else answer.body
        super().__init__(body, status=answer.status, headers=headers)
        if "Content-Type" not in headers:
            del self.headers["Content-Type"]
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                self.cookies.update(SimpleCookie(value))
        self._may_set_cookies = may_set_cookies

    def set_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Set a cookie (`HttpResponse.set_cookie`), if that is allowed."""
        if self._may_set_cookies:
            super().set_cookie(*args, **kwargs)
