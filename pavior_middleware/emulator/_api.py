"""The inbox for programs, as JSON, in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ._payload import number_in
from ._records import Contact, Listing, Message
from ._store import Store

CONTACTS_A_PAGE = 20
MESSAGES_OF_A_CONTACT = 20
MESSAGES_A_PAGE = 100


class Api:
    """The routes `/api/inbox` and `/api/contacts/…/messages`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes for programs."""
        return [
            Route("/api/inbox", self.inbox),
            Route("/api/contacts/{number}/messages", self.messages),
        ]

    def inbox(self, request: Request) -> Response:
        """Answer `{contacts, next, shared_auth_domains}`, the most recently active contact first.

        Each contact has its newest messages, the oldest of them first, and with `earlier` the path
        of those before, or null. `next` is the path of the contacts after these, or null.
        """
        before = number_in(request.query_params.get("before"))
        entries = self._store.entries(Listing(None, None, before), CONTACTS_A_PAGE + 1)
        shown = entries[:CONTACTS_A_PAGE]
        contacts = [
            self._store.contact(entry.number, newest=MESSAGES_OF_A_CONTACT) for entry in shown
        ]
        is_last = len(entries) == len(shown)
        return JSONResponse(
            {
                "contacts": [_contact_json(contact) for contact in contacts if contact],
                "next": None if is_last else f"/api/inbox?before={shown[-1].activity}",
                "shared_auth_domains": list(self._store.shared_auth_domains()),
            }
        )

    def messages(self, request: Request) -> Response:
        """Answer `{messages, earlier}`: a contact's newest messages, or those before a number."""
        number = number_in(request.path_params["number"])
        if number is None or self._store.contact(number, newest=1) is None:
            raise HTTPException(404, "there is no such contact; the inbox may have been cleared")
        before = number_in(request.query_params.get("before"))
        page = self._store.messages(number, before=before, limit=MESSAGES_A_PAGE)
        return JSONResponse(
            {
                "messages": _messages_json(page.messages),
                "earlier": _earlier(number, page.messages) if page.has_earlier else None,
            }
        )


def _contact_json(contact: Contact) -> dict[str, object]:
    has_earlier = contact.message_count > len(contact.messages)
    note = contact.last_init.note
    return {
        **asdict(contact),
        "messages": _messages_json(contact.messages),
        "earlier": _earlier(contact.number, contact.messages) if has_earlier else None,
        "last_init": {
            **asdict(contact.last_init),
            "signed_option": contact.last_init.signed_option,
            "note": note and note.text,
        },
    }


def _messages_json(messages: Sequence[Message]) -> list[dict[str, object]]:
    return [
        {name: value for name, value in asdict(message).items() if name != "number"}
        for message in messages
    ]


def _earlier(contact: int, messages: Sequence[Message]) -> str:
    return f"/api/contacts/{contact}/messages?before={messages[0].number}"
