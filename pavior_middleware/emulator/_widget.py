"""The widget's side: its script, and the calls it makes from other sites' pages.

Any origin may call these, without cookies. A browser's rights depend on its session's token. The
script is in memory, and other threads read the database, so the script never waits for it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from . import _clock
from ._changes import Changes
from ._payload import is_number, read_json
from ._records import Visit
from ._repetition import note_on
from ._store import Store
from ._verification import Borrowing, Team, attributes, judge

LONGEST_MESSAGE = 10_000  # characters
MESSAGES_A_PAGE = 50

_SCRIPT = Path(__file__).parent / "static" / "embed.js"
_VISITOR = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Widget:
    """The routes `/embed`, `/widget/init`, `/widget/messages` and `/widget/earlier`."""

    def __init__(self, team: Team, store: Store, changes: Changes) -> None:
        self._team, self._store, self._changes = team, store, changes
        self._script = _SCRIPT.read_text("utf-8")

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes that the widget's script needs."""
        cors = Middleware(
            CORSMiddleware,
            allow_origins=["*"],
            allow_methods=["POST"],
            allow_headers=["content-type"],
        )
        calls = [
            Route("/init", self.init, methods=["POST"]),
            Route("/messages", self.add_message, methods=["POST"]),
            Route("/earlier", self.earlier_messages, methods=["POST"]),
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

        Takes `{options, visitor?, borrowed?, borrowFailure?, former?, page?: {url, title}}`, where
        `former` is the identity of the page's init before; answers `{session, visitor, status,
        authenticated, reason, warning, email, messages, hasEarlier}`.
        """
        body = await read_json(request)
        options = _object(body.get("options"))
        page = _object(body.get("page"))
        borrowing = await self._borrowing(request, options, body)
        outcome = judge(self._team, options, borrowing)
        visitor = body.get("visitor")
        if not (isinstance(visitor, str) and _VISITOR.fullmatch(visitor)):
            visitor = secrets.token_urlsafe(16)
        received = {**options, **(borrowing.identity if borrowing else {})}
        visit = Visit(
            outcome=outcome,
            visitor=visitor,
            options=without_credentials(received),
            attributes=attributes(options),
            page_url=_text(page.get("url")),
            page_title=_text(page.get("title")),
            at=_clock.now(),
            note=note_on(options, body.get("former")),
        )
        session = await run_in_threadpool(self._store.begin_session, visit)
        self._changes.publish()
        page_of_messages = await self._conversation(session.token, before=None)
        return JSONResponse(
            {
                "session": session.token,
                "visitor": visitor,
                "status": outcome.status,
                "authenticated": outcome.authenticated,
                "reason": outcome.reason,
                "warning": visit.note.text if visit.note and visit.note.is_warning else None,
                "email": outcome.email,
                **page_of_messages,
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
        number = await run_in_threadpool(self._store.add_message, session, text, sent_at)
        if number is None:
            raise HTTPException(410, "there is no such session: call init again")
        self._changes.publish()
        return JSONResponse({"number": number, "text": text, "sentAt": sent_at}, 201)

    async def earlier_messages(self, request: Request) -> Response:
        """Take `{session, before}`, a message's number; answer `{messages, hasEarlier}`."""
        body = await read_json(request)
        session, before = body.get("session"), body.get("before")
        if not isinstance(session, str) or not is_number(before):
            raise HTTPException(400, "session must be text, and before the number of a message")
        return JSONResponse(await self._conversation(session, before=before))

    async def _conversation(self, session: str, *, before: int | None) -> dict[str, object]:
        page = await run_in_threadpool(
            self._store.conversation, session, before=before, limit=MESSAGES_A_PAGE
        )
        return {
            "messages": [
                {"number": message.number, "text": message.text, "sentAt": message.sent_at}
                for message in page.messages
            ],
            "hasEarlier": page.has_earlier,
        }

    async def _borrowing(
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
            allowed_domains=await run_in_threadpool(self._store.shared_auth_domains),
        )


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def without_credentials(options: Mapping[str, object]) -> dict[str, object]:
    """Return options with a shortened hmac: who reads a whole one can chat as its user for ever."""
    hmac = options.get("hmac")
    if not isinstance(hmac, str) or not hmac:
        return dict(options)
    return {**options, "hmac": f"{hmac[:8]}…"}
