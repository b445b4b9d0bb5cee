"""The team's side: the inbox page, its settings, its JSON view and its live updates."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Route

from . import _clock
from ._changes import Changes
from ._domains import DomainsError, domain_of, parse_domains
from ._payload import read_form
from ._store import Contact, Store

GROUPS: Mapping[str, str] = {
    "signup": "Signups",
    "lead": "Leads",
    "anonymous": "Anonymous",
}

_TEMPLATES = Path(__file__).parent / "templates"
_CONTACT_NUMBER = re.compile(r"[0-9]{1,18}")


class Inbox:
    """The routes `/`, `/contacts/…`, `/settings`, `/clear`, `/events` and `/api/inbox`."""

    def __init__(self, team_vanity_id: str, store: Store, changes: Changes) -> None:
        self._team_vanity_id, self._store, self._changes = team_vanity_id, store, changes
        self._pages = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters |= {
            "display_name": display_name,
            "readable": _clock.readable,
            "web_url": web_url,
            "value_text": value_text,
        }

    @property
    def routes(self) -> list[BaseRoute]:
        """What the inbox's pages need of the server."""
        return [
            Route("/", self.overview),
            Route("/contacts/{number}", self.contact, name="contact"),
            Route("/settings", self.settings, methods=["GET"]),
            Route("/settings", self.save_settings, methods=["POST"]),
            Route("/clear", self.clear, methods=["POST"]),
            Route("/events", self.events),
            Route("/api/inbox", self.as_json),
        ]

    async def overview(self, request: Request) -> Response:
        """Show who was here, how to connect a site, and the settings."""
        domains = "\n".join(self._store.shared_auth_domains())
        return self._page(request, None, domains_text=domains)

    async def contact(self, request: Request) -> Response:
        """Show one contact's conversation beside the list."""
        number = request.path_params["number"]
        if _CONTACT_NUMBER.fullmatch(number):
            for contact in self._store.contacts():
                if contact.number == int(number):
                    return self._page(request, contact)
        raise HTTPException(404, "There is no such contact; the inbox may have been cleared.")

    async def settings(self, _: Request) -> Response:
        """Lead to the text box, which is on the overview."""
        return RedirectResponse("/#settings", 303)

    async def save_settings(self, request: Request) -> Response:
        """Save the text box; answer the page again, with what to mend, if a line is no domain."""
        _refuse_other_sites(request)
        text = (await read_form(request)).get("domains", "")
        try:
            domains = parse_domains(text)
        except DomainsError as error:
            return self._page(request, None, domains_text=text, problems=error.problems)
        self._store.save_shared_auth_domains(domains)
        self._changes.publish()
        return RedirectResponse("/?saved=1#settings", 303)

    async def clear(self, request: Request) -> Response:
        """Forget every contact and message."""
        _refuse_other_sites(request)
        self._store.clear()
        self._changes.publish()
        return RedirectResponse("/", 303)

    async def events(self, _: Request) -> Response:
        """Stream the inbox's version, each time it grows."""
        return StreamingResponse(self._changes.stream(), media_type="text/event-stream")

    async def as_json(self, _: Request) -> Response:
        """Answer what the pages show, for programs."""
        return JSONResponse(
            {
                "contacts": [_as_json(contact) for contact in self._store.contacts()],
                "shared_auth_domains": list(self._store.shared_auth_domains()),
            }
        )

    def _page(
        self,
        request: Request,
        chosen: Contact | None,
        *,
        domains_text: str = "",
        problems: Sequence[str] = (),
    ) -> Response:
        version = self._changes.version  # before the contacts, lest a change fall in between
        contacts = self._store.contacts()
        shown = request.query_params.get("show", "")
        shown = shown if shown in GROUPS else ""
        page = self._pages.get_template("page.html").render(
            team=self._team_vanity_id,
            origin=f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}",
            version=version,
            groups=GROUPS,
            counts=Counter(contact.status for contact in contacts),
            total=len(contacts),
            shown=shown,
            contacts=[contact for contact in contacts if shown in ("", contact.status)],
            chosen=chosen,
            domains_text=domains_text,
            problems=problems,
            saved="saved" in request.query_params,
        )
        return HTMLResponse(page, 422 if problems else 200)


def display_name(contact: Contact) -> str:
    """Return what to call a contact: their name, else the email, else the id."""
    attributes = contact.attributes
    parts = (attributes.get("firstName"), attributes.get("lastName"))
    full_name = " ".join(part for part in parts if isinstance(part, str) and part.strip())
    name = attributes.get("name")
    if isinstance(name, str) and name.strip():
        return name
    if full_name or contact.email:
        return full_name or str(contact.email)
    if contact.status == "anonymous":
        return f"Visitor {contact.identifier[:6]}"
    return contact.identifier


def web_url(text: str | None) -> bool:
    """Whether a page's address is one to link to: a `javascript:` one would be a trap."""
    try:
        return text is not None and urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def value_text(value: object) -> str:
    """Return an option's value as a person reads it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_json(contact: Contact) -> dict[str, object]:
    view = asdict(contact)
    for message in view["messages"]:
        del message["number"]
    return view


def _refuse_other_sites(request: Request) -> None:
    """Raise `HTTPException` (403) where a browser says that another site's page sent this."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same_host = origin is None or domain_of(origin) == request.headers.get("host", "").lower()
    if site not in ("same-origin", "none") or not same_host:
        raise HTTPException(403, "Only the inbox's own pages may change it.")
