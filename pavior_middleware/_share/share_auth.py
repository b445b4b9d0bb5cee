"""`share-auth`: tells the site itself and whitelisted origins who is logged in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from .._model import events
from .._model.domains import Whitelist
from .._model.events import Event
from .._model.identity import Identity, IdentityRefused, signed_options
from .._model.init_options import identity_options
from .._model.log import WarnOnce
from .._model.settings import Settings
from .._model.visitor import Visitor
from .answer import NOT_WHITELISTED, Answer, Fields, answer, not_allowed, refused
from .login_cookie import LoginCookie
from .request import Request
from .tokens import Tokens

LONGEST_CONTENT = 8192  # bytes

_READING, _WITH_CODES = "GET, HEAD", "GET, HEAD, POST"
_EXPIRES, _ACCESS = "Pavior-Expires-In", "Pavior-Storage-Access"


@dataclass(frozen=True)
class _Client:
    """Who asks: the site itself, or a borrower.

    `cors` are the fields that let it read the answer in a browser (Fetch section 3.3.3).
    """

    borrower: str | None
    cors: Fields = ()


class ShareAuth:
    """Answers this path for one site; made once, at start-up.

    The site's own pages get all options of their init. Borrowers get the options that identify the
    user, and with them, in the field `Pavior-Expires-In`, for how many seconds they may keep that
    without asking again. `0` with an empty answer says that the app's own cookies came along, so
    nobody is logged in, or that the session is in doubt. Without the field, the cookies may have
    been left out. Then `Pavior-Storage-Access: active` says that the browser would have sent the
    login cookie, if there were one.
    """

    def __init__(
        self,
        settings: Settings,
        whitelist: Whitelist,
        tokens: Tokens | None,
        cookie: LoginCookie | None,
        report: Callable[[Event], None],
    ) -> None:
        self._report = report
        self._settings = settings
        self._whitelist = whitelist
        self._tokens = tokens
        self._cookie = cookie
        self._methods = _READING if tokens is None else _WITH_CODES
        self._warn = WarnOnce()

    def refusal(self, request: Request) -> Answer | None:
        """Answer what can be answered without knowing the user, or return None.

        For an origin that is not whitelisted, nothing about the user is read. So neither the answer
        nor the time that it takes shows anything about the user.
        """
        client = self._client(request)
        if client is None:
            return refused(NOT_WHITELISTED)
        if request.method == "OPTIONS":
            methods = ("Access-Control-Allow-Methods", self._methods)
            return answer(204, "", b"", *client.cors, methods)
        if request.method not in self._methods.split(", "):
            return not_allowed(f"{self._methods}, OPTIONS", *client.cors)
        if request.method == "POST" and not client.cors:
            return refused("A code is exchanged by the origin that it was made for.")
        return None

    def answer(self, request: Request, visitor: Visitor) -> Answer:
        """Answer who is logged in, as JSON: options of init; `{}` for nobody.

        For the site's own pages, `null` says that there is no consent to the chat. If it is not
        known who is logged in, the answer is a 503. Then pages keep to what they know.
        """
        client = self._client(request)
        if client is None:
            return refused(NOT_WHITELISTED)
        if client.borrower is None:
            return (
                _failed(client) if visitor.lookup_failed else self._answer_to_site(request, visitor)
            )
        if visitor.is_doubtful:
            return _options_answer({}, 0, client)
        identity, seconds = visitor.user, self._settings.shared_auth_seconds
        # The app may get no cookie in another site's request, and so see neither user nor consent.
        # The login cookie exists only if there was consent.
        if identity is None and request.site != "same-site":
            loan = self._cookie and self._cookie.read(request.fields.get("cookie", ()))
            if loan:
                identity, seconds = loan.identity, seconds - loan.age
        options = self._identified(identity)
        if options:
            return _options_answer(options, seconds, client)
        if visitor.lookup_failed:
            return _failed(client)
        if request.storage_access == "inactive":
            retry = f'retry; allowed-origin="{client.borrower}"'
            return _options_answer({}, None, client, ("Activate-Storage-Access", retry))
        if request.storage_access == "active":
            return _options_answer({}, None, client, (_ACCESS, "active"))
        # If the page and all around it belong to one site, the browser does not send this field.
        is_known = request.site == "same-site" and request.storage_access is None
        return _options_answer({}, 0 if is_known else None, client)

    def exchange(self, request: Request, content: bytes) -> Answer:
        """Answer whom a handoff's code names, if the page that it was made for asks.

        The content is a form: `code` and `verifier`.
        """
        client = self._client(request)
        if client is None or client.borrower is None:
            return refused(NOT_WHITELISTED)
        loan = None
        if self._tokens is not None and len(content) <= LONGEST_CONTENT:
            code, verifier = _form(content, "code"), _form(content, "verifier")
            loan = self._tokens.read_code(code, client.borrower, verifier)
        if loan is None:
            reason = "This code is too old, or was not made for this page."
            return refused(reason, *client.cors)
        seconds = self._settings.shared_auth_seconds - loan.age
        return _options_answer(self._identified(loan.identity), seconds, client)

    def _client(self, request: Request) -> _Client | None:
        """Return who asks; None if it is neither a page of the site itself nor a borrower's.

        GETs of our own pages have no `Origin` (Fetch section 3.1). Without a `Sec-Fetch-Site` a
        page of another site could make such a request too, but not read the answer. A page of the
        lender that a borrower frames asks for the borrower, in a parameter.
        """
        origins = request.fields.get("origin", ())
        if len(origins) == 1 and self._whitelist.allows(origins[0]):
            return _Client(
                origins[0],
                (
                    ("Access-Control-Allow-Origin", origins[0]),
                    ("Access-Control-Allow-Credentials", "true"),
                    ("Access-Control-Expose-Headers", f"{_EXPIRES}, {_ACCESS}"),
                ),
            )
        if origins or request.site not in (None, "same-origin"):
            return None
        if not request.has_parameter("origin"):
            return _Client(None)
        borrower = request.parameter("origin")
        if borrower is None or not self._whitelist.allows(borrower):
            return None
        return _Client(borrower)

    def _answer_to_site(self, request: Request, visitor: Visitor) -> Answer:
        options: dict[str, object] | None = None
        if visitor.consents:
            try:
                options = identity_options(self._settings, visitor.identity)
            except IdentityRefused as refusal:
                self._refuse(refusal)
                options = {}
        fields = []
        if self._cookie is not None:
            # In a frame of another site's page the app's own cookies may be missing. So a request
            # without them does not show that nobody is logged in.
            cookies = request.fields.get("cookie", ()) if request.storage_access is None else ()
            cookie = self._cookie.update(visitor, "; ".join(cookies))
            fields = [("Set-Cookie", cookie)] if cookie else []
        body = json.dumps(options).encode()
        return answer(200, "application/json", body, *fields, is_named=_names(options))

    def _identified(self, identity: Identity | None) -> dict[str, str]:
        if identity is None:
            return {}
        try:
            return signed_options(self._settings.api_key, identity)
        except IdentityRefused as refusal:
            self._refuse(refusal)
            return {}

    def _refuse(self, refusal: IdentityRefused) -> None:
        self._warn(f"Pavior's identity is not shared: {refusal}")
        self._report(events.refused(refusal))


def _failed(client: _Client) -> Answer:
    reason = "This site cannot tell now who is logged in. Its log says why."
    return answer(503, "text/plain; charset=utf-8", f"{reason}\n".encode(), *client.cors)


def _form(content: bytes, name: str) -> str:
    """Return a field of a form; '' if it has none."""
    try:
        fields = parse_qs(content.decode("latin-1"), max_num_fields=16)
    except ValueError:  # there are more fields than are allowed
        return ""
    return fields.get(name, [""])[0]


def _options_answer(
    options: dict[str, str], seconds: int | None, client: _Client, *fields: tuple[str, str]
) -> Answer:
    expiry = () if seconds is None else ((_EXPIRES, str(max(seconds, 0))),)
    body = json.dumps(options).encode()
    is_named = _names(options)
    return answer(200, "application/json", body, *client.cors, *expiry, *fields, is_named=is_named)


def _names(options: Mapping[str, object] | None) -> bool:
    """Whether init options name somebody."""
    return options is not None and not options.keys().isdisjoint(("id", "email"))
