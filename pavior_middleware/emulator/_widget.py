"""The widget's side: its script, and the calls it makes from other sites' pages.

Any origin may call these, without cookies. What a browser may do hangs on its session's token.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from . import _clock
from ._changes import Changes
from ._payload import read_json
from ._store import Store, Visit
from ._verification import Borrowing, Team, attributes, judge

LONGEST_MESSAGE = 10_000  # characters

_SCRIPT = Path(__file__).parent / "static" / "embed.js"
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Widget:
    """The routes `/embed`, `/widget/init` and `/widget/messages`."""

    def __init__(self, team: Team, store: Store, changes: Changes) -> None:
        self._team, self._store, self._changes = team, store, changes
        self._script = _SCRIPT.read_text("utf-8")

    @property
    def routes(self) -> list[BaseRoute]:
        """What the widget's script needs of the server."""
        cors = Middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["POST"],
            allow_headers=["content-type"],
        )
        calls = [
            Route("/init", self.init, methods=["POST"]),
            Route("/messages", self.add_message, methods=["POST"]),
        ]
        return [Route("/embed", self.embed), Mount("/widget", routes=calls, middleware=[cors])]

    async def embed(self, _: Request) -> Response:
        """Answer the script that defines `Pavior`."""
        headers = {
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Cache-Control": "no-cache",
        }
        return Response(self._script, media_type="text/javascript", headers=headers)

    async def init(self, request: Request) -> Response:
        """Verify an init and begin its session.

        Takes `{options, visitor?, borrowed?, borrowFailure?, page?: {url, title}}`; answers
        `{session, visitor, status, authenticated, reason, email, messages}`.
        """
        body = await read_json(request)
        options = _object(body.get("options"))
        page = _object(body.get("page"))
        borrowing = self._borrowing(request, options, body)
        outcome = judge(self._team, options, borrowing)
        visitor = body.get("visitor")
        if not (isinstance(visitor, str) and _VISITOR.fullmatch(visitor)):
            visitor = secrets.token_urlsafe(16)
        received = {**options, **(borrowing.identity if borrowing else {})}
        visit = Visit(
            outcome=outcome,
            visitor=visitor,
            options=_without_credentials(received),
            attributes=attributes(options),
            page_url=_text(page.get("url")),
            page_title=_text(page.get("title")),
            at=_clock.now(),
        )
        session = self._store.begin_session(visit)
        self._changes.publish()
        return JSONResponse(
            {
                "session": session,
                "visitor": visitor,
                "status": outcome.status,
                "authenticated": outcome.authenticated,
                "reason": outcome.reason,
                "email": outcome.email,
                "messages": [
                    {"number": message.number, "text": message.text, "sentAt": message.sent_at}
                    for message in self._store.conversation(session)
                ],
            }
        )

    async def add_message(self, request: Request) -> Response:
        """Take `{session, text}`; answer `{number, text, sentAt}`, or 410 for no such session."""
        body = await read_json(request)
        session, text = body.get("session"), body.get("text")
        if not isinstance(session, str) or not isinstance(text, str) or not text.strip():
            raise HTTPException(400, "session and text must be text, and not empty")
        if len(text) > LONGEST_MESSAGE:
            raise HTTPException(413, f"the message is longer than {LONGEST_MESSAGE} characters")
        text, sent_at = text.strip(), _clock.now()
        number = self._store.add_message(session, text, sent_at)
        if number is None:
            raise HTTPException(410, "there is no such session: call init again")
        self._changes.publish()
        return JSONResponse({"number": number, "text": text, "sentAt": sent_at}, 201)

    def _borrowing(
        self, request: Request, options: Mapping[str, object], body: Mapping[str, object]
    ) -> Borrowing | None:
        lender = _text(options.get("shareAuth"))
        if lender is None:
            return None
        borrowed = _object(body.get("borrowed"))
        return Borrowing(
            lender=lender[:255],
            identity={name: borrowed[name] for name in ("id", "email", "hmac") if name in borrowed},
            failure=(_text(body.get("borrowFailure")) or "")[:200] or None,
            origin=request.headers.get("origin"),
            allowed_domains=self._store.shared_auth_domains(),
        )


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _without_credentials(options: Mapping[str, object]) -> dict[str, object]:
    """Cut the hmac short: whole, it would let a reader of the inbox chat as its user for ever."""
    hmac = options.get("hmac")
    if not isinstance(hmac, str) or not hmac:
        return dict(options)
    return {**options, "hmac": f"{hmac[:8]}…"}
