"""Whom a page names, as a site's own tests ask for it, and why a page does not name them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from .._model.identity import Identity, verify
from .._model.paths import SHARE_AUTH
from .._page.element_data import elements_data, options_of
from ._responses import Received, received

_NOT_MODIFIED = 304
_ANSWER_VARIES_BY = "Sec-Fetch-Storage-Access"


def init_options(response: object) -> Mapping[str, Any] | None:
    """Return the options that a page passes to `init`; None if the page has no chat.

    `response` is that of a client: WebTest, Werkzeug and Flask, Django, Starlette, Quart, Falcon,
    httpx, requests. A page alone will do, as bytes or text: for aiohttp, `await response.read()`.
    So will the answer of the site's own `/.well-known/pavior/share-auth`: it has the user's options
    alone, and None says that there is no consent.

    Raises `AssertionError` for a page that names its user later, in the browser, as with
    `cacheable_pages` or `share_auth`, and `TypeError` for what is no response.
    """
    return _options(received(response))


def assert_named(
    response: object, user: Identity | str | int | UUID, *, api_key: str | None = None
) -> None:
    """Assert that a page names a user, and that Pavior would believe it.

    `user` is an id or an email, or an `Identity`: then the page has its id, its email and its
    attributes, and an hmac unless the identity is not authenticated. With `api_key`, the hmac must
    be made with that key. `response` is what `init_options` takes.

    Raises `AssertionError`, which says what the page names instead, and why.
    """
    __tracebackhide__ = True
    problem = _naming_problem(received(response), user, api_key)
    del api_key  # a traceback may show the locals
    if problem:
        raise AssertionError(problem)


def assert_anonymous(response: object) -> None:
    """Assert that a page has the chat, and names nobody in it.

    `response` is what `init_options` takes. Raises `AssertionError`, which says whom the page
    names, or why it has no chat.
    """
    __tracebackhide__ = True
    seen = received(response)
    options = _options(seen)
    if options is None:
        raise AssertionError(_without_chat(seen))
    if not options.keys().isdisjoint(("id", "email")):
        raise AssertionError(f"The page names {_user(options)}, and should name nobody.")


def chat_options(response: object) -> Mapping[str, Any]:
    """Return what `init_options` does; raise `AssertionError` for a page without the chat."""
    seen = received(response)
    options = _options(seen)
    if options is None:
        raise AssertionError(_without_chat(seen))
    return options


def _options(seen: Received) -> Mapping[str, Any] | None:
    if _is_answer(seen):
        answered: Mapping[str, Any] | None = json.loads(seen.body)
        return answered
    elements = elements_data(seen.body)
    if not elements:
        return None
    data = elements[0]  # of several, a browser runs the first one
    if "shareAuth" in data["site"]:
        raise AssertionError(
            f"The page borrows its login from {data['site']['shareAuth']} (share_auth) when it is"
            " in a browser: its response tells nothing of the user."
        )
    if "ask" in data:
        raise AssertionError(
            f"The page asks {SHARE_AUTH} who is logged in when it is in a browser: with"
            " cacheable_pages, or because another origin's script requested it. Pass the response"
            f" to a GET of {SHARE_AUTH} by the same client."
        )
    return options_of(data)


def _is_answer(seen: Received) -> bool:
    """Whether it is the JSON of our own path, and not of the app's."""
    is_json = seen.field("content-type").startswith("application/json")
    return is_json and _ANSWER_VARIES_BY in seen.field("vary")


def _naming_problem(
    seen: Received, user: Identity | str | int | UUID, api_key: str | None
) -> str | None:
    options = _options(seen)
    if options is None:
        return _without_chat(seen)
    return _other_user_problem(options, user) or _hmac_problem(options, user, api_key)


def _other_user_problem(
    options: Mapping[str, Any], user: Identity | str | int | UUID
) -> str | None:
    if not isinstance(user, Identity):
        wanted = str(user)
        if wanted in (options.get("id"), options.get("email")):
            return None
        return f"The page names {_user(options)}, and should name {wanted!r}."
    fields = {"id": user.id, "email": user.email}
    if any(options.get(name) != value for name, value in fields.items()):
        return f"The page names {_user(options)}, and should name {_user(fields)}."
    others = [name for name, value in user.attributes.items() if options.get(name) != value]
    if not others:
        return None
    had, wanted_values = (
        ", ".join(f"{name} {values.get(name)!r}" for name in others)
        for values in (options, user.attributes)
    )
    return f"The page names {_user(options)} with {had}, and should do so with {wanted_values}."


def _hmac_problem(
    options: Mapping[str, Any], user: Identity | str | int | UUID, api_key: str | None
) -> str | None:
    hmac = options.get("hmac")
    if isinstance(user, Identity) and not user.authenticated:
        return hmac and f"The page vouches for {_user(options)} by an hmac, and should not."
    if hmac is None:
        return (
            f"The page names {_user(options)} without an hmac, so to Pavior it is a lead: is the"
            " Identity made with authenticated=False?"
        )
    name = "id" if "id" in options else "email"
    if api_key is not None and not verify(api_key, options[name], hmac):
        return f"The hmac of {_user(options)} is not that of the {name} by this api_key."
    return None


def _user(options: Mapping[str, Any]) -> str:
    named = [f"{name} {options[name]!r}" for name in ("id", "email") if options.get(name)]
    return " and ".join(named) or "nobody"


def _without_chat(seen: Received) -> str:
    """Say that a response has no chat, what it is, and what may be the reason."""
    facts = [] if seen.status is None else [f"status {seen.status}"]
    facts += [f"{name} {seen.field(name.lower()) or 'absent'}" for name in _fields_to_name(seen)]
    names = f" ({', '.join(facts)})" if facts else ""
    return f"The response has no chat{names}. {_reason(seen)}"


def _fields_to_name(seen: Received) -> list[str]:
    if seen.fields is None:
        return []
    names = ["Content-Type"]
    return names + [each for each in ("Content-Encoding", "Location") if seen.field(each.lower())]


def _reason(seen: Received) -> str:
    if _is_answer(seen):
        return "There is no consent to it."
    if seen.problem:
        return f"It cannot be read: {seen.problem}."
    if seen.status == _NOT_MODIFIED:
        return "The page is in the client's own copy: ask without If-None-Match."
    if seen.field("location"):
        return "It is a redirect: pass the response that it leads to."
    if not seen.body:
        return "It has no body."
    if seen.fields is not None and not seen.field("content-type").startswith("text/html"):
        return "The middleware gives the chat to pages alone, whose Content-Type is text/html."
    return (
        "Is the middleware around the app, and is PAVIOR_ENABLED not false? Has the app skipped the"
        " page, is there no consent, or is it a part of a page? Settings(on_event=print) says which"
        " it is."
    )
