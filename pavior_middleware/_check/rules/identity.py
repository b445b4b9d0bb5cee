"""Whom the page names, and whether Pavior would believe it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..._model.identity import verify
from ..evidence import Evidence, Failed
from ..findings import Finding, advice, not_checked, problem
from ..whom import described, masked, names_somebody

_AT_SIGN = re.compile("[@\ufe6b\uff20]")
_NAME = re.compile(r"[^\W\d_]+(?:[._-][^\W\d_]+)*\d{0,4}")


def names_nobody(evidence: Evidence) -> Iterator[Finding]:
    """The page with the cookie names nobody."""
    named = evidence.named
    if named is None:
        yield not_checked(
            "login",
            "Who is named on the page of somebody who is logged in.",
            "That takes the cookie of a login.",
            "Pass --cookie-file, or set PAVIOR_CHECK_COOKIE.",
        )
    elif isinstance(named.page, Failed):
        yield not_checked(
            "login",
            f"Who is named on the page of somebody who is logged in: {named.page.reason}.",
            "The page was not fetched with the cookie.",
            "Pass the address of the page itself, as https.",
        )
    elif _tells_user(evidence) and not names_somebody(evidence.named_options):
        yield problem(
            "names-nobody",
            "With the cookie, the page names nobody.",
            "Somebody who is logged in chats as an anonymous visitor.",
            "Check that the login of this cookie has not expired, and that `identity` returns"
            " that user for this page; the app's log says why if it fails.",
        )


def _tells_user(evidence: Evidence) -> bool:
    """Whether the page with the cookie has an element, and the site itself says who is there."""
    element = next(iter(evidence.named_markup.elements), None)
    return element is not None and element.data is not None and not element.borrows


def named_without_script(evidence: Evidence) -> Iterator[Finding]:
    """The page with the cookie has no element, although nobody's page has one."""
    page = evidence.named_page
    if page is not None and evidence.markup.elements and not evidence.named_markup.elements:
        yield problem(
            "no-script-with-login",
            f"With the cookie, the page ({page.status}, {page.url}) has no script of the"
            " middleware.",
            "Somebody who is logged in has no chat.",
            "Look at what the app does otherwise for them: another template, path or Content-Type.",
        )


def anonymous_page_names(evidence: Evidence) -> Iterator[Finding]:
    """Nobody's page names somebody."""
    options = [evidence.element.options] if evidence.element else []
    for each in options:
        if names_somebody(each):
            yield problem(
                "names-somebody-else",
                f"Without any cookie, the page names {described(each)}.",
                "Either a cache serves somebody's page to others, or `identity` returns a user for"
                " everybody. All visitors chat as that user, and the hmac is good for ever.",
                "Take the page out of the cache, find out why it was stored, and change the API"
                " key.",
            )


def hmac(evidence: Evidence) -> Iterator[Finding]:
    """The hmac of the named user is missing, wrong, or cannot be checked."""
    options = evidence.named_options
    if not names_somebody(options):
        return
    if "hmac" not in options:
        yield advice(
            "not-authenticated",
            f"The page names {described(options)}.",
            "To Pavior that is a lead: the team sees a warning sign beside each message.",
            "If the site vouches for this user, return an Identity with authenticated=True.",
        )
    elif not evidence.keys.api_key:
        yield not_checked(
            "hmac",
            "Whether the hmac is right.",
            "That takes the API key.",
            "Set PAVIOR_API_KEY, or pass --env-file or --app.",
        )
    elif not verify(evidence.keys.api_key, _identifier(options), str(options["hmac"])):
        name = "id" if "id" in options else "email"
        yield problem(
            "hmac-wrong",
            f"The hmac on the page is not that of its {name} by the API key at hand.",
            "If the key at hand is that of Pavior's settings page, nobody is authenticated for"
            " Pavior.",
            "Copy the API key from Pavior's settings page to PAVIOR_API_KEY on the server, and"
            " restart it. If the key at hand is the wrong one, correct that.",
        )


def known_to_pavior(evidence: Evidence) -> Iterator[Finding]:
    """The team's id and the API key cannot be checked without Pavior."""
    element = evidence.element
    if element is None:
        return
    yield not_checked(
        "team",
        f"Whether the team id {element.site.get('teamVanityId')!r} is yours.",
        "Only Pavior knows its teams.",
        "Compare it with Pavior's settings page.",
    )
    yield not_checked(
        "key-at-pavior",
        "Whether Pavior has the same API key.",
        "A key that is wrong here and on the server looks right.",
        "Write a message as a user of your own: in Pavior, it must have no warning sign.",
    )


def _identifier(options: Mapping[str, Any]) -> str:
    return str(options.get("id") or options.get("email"))


def kind_of_id(evidence: Evidence) -> Iterator[Finding]:
    """An id that is an email, or looks like a user name."""
    options = evidence.named_options
    identifier = options.get("id")
    if not isinstance(identifier, str):
        return
    if _AT_SIGN.search(identifier):
        yield problem(
            "id-is-email",
            f"The id {masked(identifier)!r} is an email.",
            "People change their address, and Pavior takes them for somebody else then. Who gets"
            " an address that was given up chats as its former owner.",
            "Return the primary key of the user as id, and the address, once it is confirmed, as"
            " email.",
        )
    elif _NAME.fullmatch(identifier):
        yield advice(
            "id-is-name",
            f"The id {identifier!r} looks like a user name.",
            "Where users choose or change their names, one of them can take over the name, and the"
            " chat, of another.",
            "Return the primary key of the user as id.",
        )


def other_answer(evidence: Evidence) -> Iterator[Finding]:
    """The page and `share-auth` name different users."""
    element = next(iter(evidence.named_markup.elements), None)
    shared = evidence.shared_options
    if element is None or element.data is None or element.names_later or shared is None:
        return
    on_page = evidence.named_options
    differing = [name for name in ("id", "email", "hmac") if on_page.get(name) != shared.get(name)]
    if differing:
        yield problem(
            "share-auth-differs",
            f"The page names {described(on_page)}, and its site's share-auth names"
            f" {described(shared)}: {', '.join(differing)} differ.",
            "A page that is brought back, or loaded by a script, asks share-auth and then names"
            " whom that names.",
            "Have `identity` return the same user at all paths, and the session cookie sent to all"
            " (Path=/). If only the hmac differs, machines have different API keys.",
        )


RULES = (
    names_nobody,
    named_without_script,
    anonymous_page_names,
    hmac,
    kind_of_id,
    other_answer,
    known_to_pavior,
)
