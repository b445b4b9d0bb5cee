"""The team's side: the inbox's pages, their settings and their live updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ._changes import Changes
from ._display import FILTERS
from ._domains import DomainsError, domain_of, parse_domains
from ._payload import number_in, read_form
from ._records import Contact, Entry, Listing
from ._setup import Setup
from ._store import Store
from ._verification import Status

GROUPS: Mapping[Status, str] = {
    "signup": "Signups",
    "lead": "Leads",
    "anonymous": "Anonymous",
}
CONTACTS_A_PAGE = 25
FOLDED_CONTACTS = 10
MESSAGES_A_PAGE = 25
CHANGES_A_PAGE = 25
"""After more changes than this, an open page reloads."""

_TEMPLATES = Path(__file__).parent / "templates"


class _List(NamedTuple):
    """One page of a list of contacts; `older` is the activity that the next page begins before."""

    entries: Sequence[Entry]
    older: int | None


class Inbox:
    """The routes `/`, `/contacts/…`, `/live`, `/settings`, `/clear` and `/events`.

    Routes that read the database run in other threads than the one that serves the widget's script.
    """

    def __init__(self, setup: Setup, store: Store, changes: Changes) -> None:
        self._setup, self._store, self._changes = setup, store, changes
        self._pages = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters |= FILTERS
        self._pages.globals |= {"groups": GROUPS, "team": setup.team_vanity_id}

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes of the inbox's pages."""
        return [
            Route("/", self.overview),
            Route("/contacts/{number}", self.contact, name="contact"),
            Route("/live", self.live),
            Route("/settings", self.settings, methods=["GET"]),
            Route("/settings", self.save_settings, methods=["POST"]),
            Route("/clear", self.clear, methods=["POST"]),
            Route("/events", self.events),
        ]

    def overview(self, request: Request) -> Response:
        """Show who was here, how to connect a site, and the settings."""
        return self._page(request, None, domains_text="\n".join(self._store.shared_auth_domains()))

    def contact(self, request: Request) -> Response:
        """Show one contact's conversation beside the list."""
        number = number_in(request.path_params["number"])
        contact = None if number is None else self._store.contact(number, newest=0)
        if contact is None:
            raise HTTPException(404, "There is no such contact; the inbox may have been cleared.")
        return self._page(request, contact)

    def live(self, request: Request) -> Response:
        """Answer what has changed on a page since an activity, as markup; 204 for too many changes.

        Takes the page's own query, `since`, and on a contact's page `contact` and `after`, the
        number of the last message that is shown.
        """
        query = request.query_params
        since, number = number_in(query.get("since")), number_in(query.get("contact"))
        changed = self._store.changed_entries(since or 0, CHANGES_A_PAGE + 1)
        if len(changed) > CHANGES_A_PAGE:
            return Response(status_code=204)
        is_changed = any(entry.number == number for entry in changed)
        chosen = self._store.contact(number, newest=0) if number and is_changed else None
        after = number_in(query.get("after")) or 0
        messages = (
            self._store.messages_after(chosen.number, after, MESSAGES_A_PAGE + 1) if chosen else []
        )
        if len(messages) > MESSAGES_A_PAGE:
            return Response(status_code=204)
        page = self._pages.get_template("live.html").render(
            **self._counts(_status_in(request)),
            path=f"/contacts/{number}" if number else "/",
            chosen_number=number,
            chosen=chosen,
            changed=changed,
            activity=changed[-1].activity if changed else since,
            messages=messages,
        )
        return HTMLResponse(page)

    async def settings(self, _: Request) -> Response:
        """Redirect to the text box, which is on the overview."""
        return RedirectResponse("/#settings", 303)

    async def save_settings(self, request: Request) -> Response:
        """Save the text box. If a line is not a domain, answer what to correct in it."""
        _refuse_other_sites(request)
        text = (await read_form(request)).get("domains", "")
        try:
            domains = parse_domains(text)
        except DomainsError as error:
            problems = error.problems
            return await run_in_threadpool(
                lambda: self._page(request, None, domains_text=text, problems=problems)
            )
        await run_in_threadpool(self._store.save_shared_auth_domains, domains)
        self._changes.publish()
        return RedirectResponse("/?saved=1#settings", 303)

    async def clear(self, request: Request) -> Response:
        """Delete every contact and message."""
        _refuse_other_sites(request)
        await run_in_threadpool(self._store.clear)
        self._changes.begin_anew()
        return RedirectResponse("/", 303)

    async def events(self, _: Request) -> Response:
        """Stream the inbox's version, each time it grows."""
        return StreamingResponse(self._changes.stream(), media_type="text/event-stream")

    def problem(self, status: int, text: str) -> Response:
        """Return a page that says what is wrong, without reading the database."""
        page = self._pages.get_template("problem.html").render(status=status, text=text)
        return HTMLResponse(page, status)

    def _page(
        self,
        request: Request,
        chosen: Contact | None,
        *,
        domains_text: str = "",
        problems: Sequence[str] = (),
    ) -> Response:
        # Both are read before the contacts, so that no change falls in between.
        version, activity = self._changes.version, self._store.activity()
        query = request.query_params
        status = _status_in(request)
        before = number_in(query.get("before"))
        silent_only = "silent" in query
        listed = self._list(Listing(status, not silent_only, before), CONTACTS_A_PAGE)
        is_first = before is None
        folded = (
            self._list(Listing(status, wrote=False), FOLDED_CONTACTS)
            if is_first and not silent_only
            else _List((), None)
        )
        shown_before = number_in(query.get("earlier"))
        messages = (
            self._store.messages(chosen.number, before=shown_before, limit=MESSAGES_A_PAGE)
            if chosen
            else None
        )
        origin = f"{request.scope['scheme']}://{request.headers.get('host', 'localhost')}"
        page = self._pages.get_template("page.html").render(
            **self._counts(status),
            path=f"/contacts/{chosen.number}" if chosen else "/",
            setup_lines=self._setup.lines(origin),
            key_text=self._setup.key_text,
            is_kept=self._store.is_file,
            version=version,
            activity=activity,
            listed=listed,
            folded=folded,
            silent_only=silent_only,
            is_first=is_first,
            chosen=chosen,
            chosen_number=chosen.number if chosen else None,
            messages=messages,
            is_newest=shown_before is None,
            domains_text=domains_text,
            problems=problems,
            saved="saved" in query,
        )
        return HTMLResponse(page, 422 if problems else 200)

    def _list(self, listing: Listing, length: int) -> _List:
        entries = self._store.entries(listing, length + 1)
        shown = entries[:length]
        return _List(shown, shown[-1].activity if len(entries) > length else None)

    def _counts(self, shown: Status | None) -> dict[str, object]:
        """Return which group a page shows, and how many contacts each group has."""
        counts = self._store.counts()
        of_status = {
            status: sum(counts.get((status, wrote), 0) for wrote in (True, False))
            for status in GROUPS
        }
        silent = {status: counts.get((status, False), 0) for status in GROUPS}
        return {
            "shown": shown or "",
            "counts": of_status,
            "total": sum(of_status.values()),
            "silent": silent[shown] if shown else sum(silent.values()),
        }


def _status_in(request: Request) -> Status | None:
    """Return the group that a page's query names; None for all."""
    name = request.query_params.get("show")
    return next((status for status in GROUPS if status == name), None)


def _refuse_other_sites(request: Request) -> None:
    """Raise `HTTPException` (403) if a browser says that another site's page sent the request."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    same_host = origin is None or domain_of(origin) == request.headers.get("host", "").lower()
    if site not in ("same-origin", "none") or not same_host:
        raise HTTPException(403, "Only the inbox's own pages may change it.")
