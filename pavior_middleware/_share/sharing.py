"""All of our paths for one site, and what each of them needs for an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from http import HTTPStatus

from .._assets.page_files import FOLDER
from .._model.domains import Whitelist
from .._model.events import Event, Reason
from .._model.log import WarnOnce, logger
from .._model.paths import FRAME, HANDOFF, SHARE_AUTH, SHARE_SCRIPT
from .._model.settings import Settings
from .._model.visitor import Visitor
from .answer import Answer
from .frame import Frame
from .handoff import Handoff
from .login_cookie import LoginCookie
from .page_file import PATHS, page_file, without_hash
from .refused_origins import RefusedOrigins
from .request import Request
from .script import Script
from .share_auth import ShareAuth
from .tokens import Tokens
from .tossing import WARNING, believed


class Needed(Enum):
    """What a request needs before it can be answered."""

    VISITOR = "the visitor, whom the app knows: `answer` takes it"
    CONTENT = "the request's content: `exchange` takes it"


class Sharing:
    """How one site lends its login; made once, at start-up."""

    def __init__(self, settings: Settings, report: Callable[[Event], None]) -> None:
        self._report = report
        lends = settings.share_auth is None and bool(settings.shared_auth_domains)
        whitelist = Whitelist(settings.shared_auth_domains)
        tokens = None
        if lends and settings.secret_keys:  # keys are in no local variable: tracebacks may show it
            tokens = Tokens(settings.secret_keys, settings.shared_auth_seconds)
        if lends and tokens is None:
            logger.warning(
                "Pavior's login travels to sites under the same domain alone: set secret_key"
                " (PAVIOR_SECRET_KEY) to a long random text, so that it travels to other sites too"
            )
        self.cookie = None if tokens is None else LoginCookie(settings, tokens)
        """Keeps the login cookie, where there is one."""

        self.see_question: Callable[[Request, Visitor, Sequence[str]], None] | None = None
        """Called with each question, its visitor, and the names of the app's session cookie."""

        self._root_path = (settings.root_path or "").rstrip("/")
        self._session_cookies = settings.session_cookie
        self._sets_cookies = settings.share_auth_sets_cookies
        self._warn = WarnOnce()
        self._paths = set(PATHS)
        if settings.share_auth is None:
            self._paths.add(SHARE_AUTH)
        if lends:
            self._paths.update((SHARE_SCRIPT, FRAME, HANDOFF))
        self._share_auth = ShareAuth(settings, whitelist, tokens, self.cookie, report)
        self._refused = RefusedOrigins(whitelist)
        self._frame = Frame(whitelist)
        self._script = Script(hands_off=settings.hands_off)
        self._handoff = Handoff(settings, whitelist, tokens if settings.hands_off else None, report)

    def path(self, path: str, root_path: str) -> str | None:
        """Return the name, in `paths`, of one of our paths; None for a path of the app.

        Borrowers know only the domain, so our paths are at its root. They are also below
        `root_path`, by the request or by the setting, where a site's own pages look for them.
        """
        if FOLDER not in path:
            return None
        prefixes = ("", root_path, self._root_path)
        places = (without_hash(path.removeprefix(prefix)) for prefix in prefixes)
        return next((place for place in places if place in self._paths), None)

    def begin(self, request: Request) -> Answer | Needed:
        """Answer a request, or say what is needed for that."""
        if request.path in PATHS:
            return page_file(request)
        if request.path == SHARE_SCRIPT:
            return self._script.answer(request)
        if request.path == FRAME:
            answer = self._frame.answer(request)
            if answer.status == HTTPStatus.FORBIDDEN:
                self._refused.see(request)
            return answer
        endpoint = self._handoff if request.path == HANDOFF else self._share_auth
        refusal = endpoint.refusal(request)
        if refusal is not None:
            if refusal.status == HTTPStatus.FORBIDDEN:
                self._report(Event("refused", Reason.NOT_WHITELISTED))
                self._refused.see(request)
            return refusal
        takes_content = request.path == SHARE_AUTH and request.method == "POST"
        return Needed.CONTENT if takes_content else Needed.VISITOR

    def answer(
        self,
        request: Request,
        visitor: Visitor,
        session_cookies: Sequence[str] = (),
        set_cookies: Sequence[str] = (),
    ) -> Answer:
        """Answer a request whose visitor is known.

        `session_cookies` are names of the app's session cookie, for a site whose settings have
        none; `set_cookies` are the `Set-Cookie` fields of the app's own answer.
        """
        cookies = request.fields.get("cookie", ())
        loan = self.cookie.read(cookies) if self.cookie is not None else None
        names = self._session_cookies or session_cookies
        visitor = believed(visitor, loan, cookies, names)
        if visitor.is_doubtful:
            self._warn(WARNING)
        see_question = self.see_question  # another thread may remove it
        if see_question is not None:
            see_question(request, visitor, names)
        endpoint = self._handoff if request.path == HANDOFF else self._share_auth
        answer = endpoint.answer(request, visitor)
        if answer.is_named or not visitor.lookup_failed:
            self._report(Event("shared", is_named=answer.is_named))
        if self._sets_cookies:
            fields = (("Set-Cookie", value) for value in set_cookies)
            answer = replace(answer, headers=(*fields, *answer.headers))
        return answer

    def exchange(self, request: Request, content: bytes) -> Answer:
        """Answer a request, given its content or the first `LONGEST_CONTENT` + 1 bytes of it."""
        answer = self._share_auth.exchange(request, content)
        if answer.status == HTTPStatus.OK:
            self._report(Event("shared", is_named=answer.is_named))
        else:
            self._report(Event("refused", Reason.CODE))
        return answer

    def asks_app(self, path: str, root_path: str) -> bool:
        """Whether an answer may depend on the visitor."""
        return self.path(path, root_path) in (SHARE_AUTH, HANDOFF)
