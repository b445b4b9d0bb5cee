"""Whatever an app answers, through both adapters: the client gets what the documents say."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

from pavior_middleware import Identity
from pavior_middleware._page.element_data import unmasked
from tests.support.any_response import (
    BORROWER,
    NO_ENTITY_TAG,
    SITES,
    Case,
    Visit,
    cases,
    logins,
    policy_cases,
    revalidations,
    script_element,
)
from tests.support.both_adapters import Adapters, AsgiSite, Seen, WsgiSite, both_adapters
from tests.support.response_model import (
    Answer,
    Element,
    Held,
    Length,
    Login,
    Question,
    Reply,
    Request,
    Site,
    Tag,
    Visitor,
    directives,
    exchange,
    integrity,
    page_with,
    policies,
    reply_text,
    without,
)

HTML = (("Content-Type", "text/html; charset=utf-8"),)
PAGE = Reply(200, HTML, (b"<!doctype html><title>A</title>",))
LOGIN_COOKIE = "__Host-pavior-share"
TAG = re.compile(r'(W/)?"pavior\.([\w-]{22}|none|part)\.([swu])\.([^"]*)"')


@pytest.fixture(scope="module")
def adapters() -> Iterator[Adapters]:
    with both_adapters() as made:
        yield made


@cache
def wsgi_site(name: str) -> WsgiSite:
    return WsgiSite(SITES[name], asks_consent=False)


@cache
def site_of(name: str) -> Site:
    """Read from a page of a site what all its pages have in common."""
    seen = wsgi_site(name).fetch(Request(), lambda request: PAGE, Visitor())
    found = script_element(seen.body)
    assert found is not None
    root = (SITES[name].root_path or "").rstrip("/")
    paths = [url.removeprefix(root) for url in json.loads(found[2])["urls"][1:3] if url]
    files = {}
    for path in paths:
        got = wsgi_site(name).fetch(Request(path=path), lambda request: PAGE, Visitor())
        assert got.status == 200
        files[path] = got.body
    return Site(SITES[name], found[3], files)


@cache
def login_cookie(site: str, identity: Identity) -> str:
    """Return the cookie that a site gives to a user who is logged in."""
    seen = wsgi_site(site).fetch(Request(), lambda request: PAGE, Visitor(identity))
    (field,) = seen.values("set-cookie")
    return field.partition(";")[0]


@cache
def named_by(site: str, cookie: str) -> dict[str, Any]:
    """Return what a borrower learns about the user of a login cookie."""
    fields = {"origin": f"https://{BORROWER}", "sec-fetch-site": "cross-site", "cookie": cookie}
    request = Request(path="/.well-known/pavior/share-auth", fields=fields)
    seen = wsgi_site(site).fetch(request, lambda request: PAGE, Visitor())
    named: dict[str, Any] = json.loads(seen.body)
    return named


class Marks:
    """For which variant each mark of an entity tag stands: never one for two, never two for one."""

    def __init__(self) -> None:
        self._variants = {"none": "none", "part": "part"}

    def variant_of(self, mark: str) -> str | None:
        return self._variants.get(mark)

    def fits(self, mark: str, variant: str) -> bool:
        """Whether the mark stands for the variant, or both are new."""
        if mark in self._variants:
            return self._variants[mark] == variant
        return variant not in self._variants.values()

    def learn(self, mark: str, variant: str) -> None:
        self._variants[mark] = variant


MARKS = Marks()


def check_case(case: Case, adapters: Adapters) -> None:
    asks_consent = case.visits[0].visitor.consents is not None
    site = site_of(case.site)
    for adapter in adapters.of(site.settings, asks_consent=asks_consent):
        earlier: list[Seen] = []
        for visit in case.visits:
            request, login = resolved(case, visit, earlier)
            app = case.conduct.app(visit, lambda text: with_hashes(site, text))
            seen = adapter.fetch(request, app, visit.visitor)
            question = Question(
                *(site, request, visit.visitor, login, MARKS.variant_of),
                sends_head_alone=isinstance(adapter, AsgiSite),
            )
            expected = exchange(question, app)
            asked, meant = (list(map(comparable, each.seen)) for each in (seen, expected))
            assert asked == meant, ("requests", asked, meant)
            problems = [
                difference(case.site, each, app(expected.seen[each.request]), seen)
                for each in expected.answers
            ]
            assert None in problems, problems
            learn_mark(expected.answers[problems.index(None)], seen)
            check_login_cookie(case.site, visit.visitor.identity, seen)
            earlier.append(seen)


def resolved(case: Case, visit: Visit, earlier: list[Seen]) -> tuple[Request, Held | None]:
    """Return the request with what it holds of earlier answers, and its login cookie."""
    fields = dict(visit.request.fields)
    for name, tags in (("if-none-match", visit.tags), ("if-match", visit.tags_to_match)):
        known = [earlier[tag].values("etag") if isinstance(tag, int) else [tag] for tag in tags]
        value = ", ".join(each for values in known for each in values if each != NO_ENTITY_TAG)
        if value:
            fields[name] = value
    if visit.login is None or not case.site.startswith("lends"):
        return replace(visit.request, fields=fields), None
    if isinstance(visit.login, Identity):
        giver = case.site.removesuffix(", cacheable")
        cookie, login = login_cookie(giver, visit.login), Held(visit.login)
    else:
        cookie, login = f"{LOGIN_COOKIE}={visit.login}", Held(None)
    fields["cookie"] = "; ".join(filter(None, [fields.get("cookie", ""), cookie]))
    return replace(visit.request, fields=fields), login


def with_hashes(site: Site, text: str) -> str:
    return text.replace("{hash}", site.script_hash).replace("{file}", site.file_hashes[0])


def comparable(request: Request) -> tuple[Any, ...]:
    """Return what an app sees: entity tags and cookies in any order."""
    lists = {"if-match": ", ", "if-none-match": ", ", "cookie": "; "}
    fields = {
        name: sorted(value.split(lists[name])) if name in lists else value
        for name, value in request.fields.items()
    }
    return request.method, request.path, fields


def difference(site: str, expected: Answer, reply: Reply, seen: Seen) -> object:
    """Return what of an answer is not as expected; None if it is."""
    if seen.status != expected.status:
        return "status", seen.status, expected.status
    if expected.is_same:
        fields = [(name.lower(), value) for name, value in seen.fields]
        wanted = [(name.lower(), value) for name, value in expected.fields]
        if by_name(fields) != by_name(wanted):
            return "fields", fields, wanted
    else:
        problem = difference_of_fields(site, expected, reply, seen)
        if problem is not None:
            return problem
    return difference_of_body(site, expected, reply, seen)


def learn_mark(answer: Answer, seen: Seen) -> None:
    """Keep what the mark of a new entity tag stands for."""
    if answer.tag is not None:
        found = TAG.fullmatch(seen.values("etag")[0])
        assert found is not None
        MARKS.learn(found[2], answer.tag.variant)


def check_login_cookie(site: str, identity: Identity | None, seen: Seen) -> None:
    """A new login cookie names the visitor, and says whether the site vouches for them."""
    for each in seen.values("set-cookie"):
        name, _, value = each.partition(";")[0].partition("=")
        if name == LOGIN_COOKIE and value:
            assert identity is not None
            named = named_by(site, f"{name}={value}")
            assert (named.get("id"), named.get("email")) == (identity.id, identity.email)
            assert ("hmac" in named) == identity.authenticated


def by_name(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort fields by their names alone."""
    return sorted(fields, key=lambda each: each[0])


def difference_of_fields(site: str, expected: Answer, reply: Reply, seen: Seen) -> object:
    logins = [each for each in seen.values("set-cookie") if each.startswith(LOGIN_COOKIE)]
    problem = difference_of_login(site, expected.login, logins, seen)
    if problem is not None:
        return problem
    fields = tuple(each for each in seen.fields if each[1] not in logins)
    wanted = expected.fields
    if expected.may_drop_signature:
        fields, wanted = (without(each, *SIGNATURES) for each in (fields, wanted))
    if expected.length is not Length.SAME:
        wanted = without(wanted, "content-length")
        fields = without(fields, "content-length")
    got, meant = meaning(without(fields, "etag")), meaning(without(wanted, "etag"))
    if got != meant:
        names = [name for name in {*got, *meant} if got.get(name) != meant.get(name)]
        return [(name, got.get(name), meant.get(name)) for name in names]
    tags = seen.values("etag")
    if expected.tag is None:
        own = [value for name, value in wanted if name.lower() == "etag"]
        return None if tags == own else ("ETag", tags, own)
    return difference_of_tag(expected.tag, tags)


SIGNATURES = ("signature", "signature-input")


def meaning(fields: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """Return fields by what they mean."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    found: dict[str, object] = {}
    for name, each in values.items():
        if name == "vary":
            found[name] = {text.strip().lower() for text in ", ".join(each).split(",")}
        elif name == "cache-control":
            found[name] = directives(", ".join(each))
        elif name.startswith("content-security-policy"):
            found[name] = [
                [{key: set(sources) for key, sources in one.items()} for one in policies(value)]
                for value in each
            ]
        else:
            found[name] = each
    return found


def difference_of_tag(expected: Tag, values: list[str]) -> object:
    found = TAG.fullmatch(values[0]) if len(values) == 1 else None
    if found is None or found[3] != expected.kind or found[4] != expected.tag:
        return "ETag", values, expected
    if expected.is_weak not in (None, bool(found[1])):
        return "ETag's strength", values, expected
    if not MARKS.fits(found[2], expected.variant):
        return "ETag's mark", values, expected
    return None


def difference_of_login(site: str, expected: Login, values: list[str], seen: Seen) -> object:
    if expected is Login.STAYS:
        return ("login cookie", values) if values else None
    if len(values) != 1:
        return "login cookie", values, expected
    cookie, *attributes = [each.strip() for each in values[0].split(";")]
    age = 3600 if expected is Login.RENEWED else 0
    if {"Secure", "HttpOnly", "SameSite=None", "Path=/", f"Max-Age={age}"} != set(attributes):
        return "login cookie's attributes", attributes
    if (expected is Login.REMOVED) != (not cookie.partition("=")[2]):
        return "login cookie", cookie, expected
    return None


def difference_of_body(site: str, expected: Answer, reply: Reply, seen: Seen) -> object:
    gained = expected.element
    is_cut = len(reply.chunks) > 1
    is_head = not seen.seen or seen.seen[-1].method == "HEAD"
    if gained is None:
        body = b"" if is_head else reply.body
        # Of a coded page in pieces, the first may have been coded anew before it proved a part.
        if seen.body != body and not (is_cut and decoded(seen.body, reply) == reply_text(reply)):
            return "body", seen.body, body
    else:
        page = decoded(seen.body, reply)
        found = script_element(page)
        if found is None:
            return "no element", page
        problem = difference_of_element(site, gained, found)
        if problem is not None:
            return problem
        document = reply_text(reply)
        whole = page_with(site_of(site), reply, document, found[0])
        if page != whole and not (is_cut and is_one_script_richer(page, found[0], document)):
            return "page", page.replace(found[3], b""), whole.replace(found[3], b"")
    lengths = seen.values("content-length")
    right = [str(len(seen.body))]
    declares = bool(reply.values("content-length"))
    if expected.length is Length.ABSENT and lengths:
        return "Content-Length", lengths
    if expected.length is Length.OF_BODY and lengths != (right if declares else []):
        return "Content-Length", lengths, right
    if expected.length is Length.OF_BODY_OR_ABSENT and lengths not in ([], right):
        return "Content-Length", lengths, right
    return None


def is_one_script_richer(page: bytes, script: bytes, document: bytes) -> bool:
    """Whether the page is the document, with the script, and what closes an open element."""
    before, _, behind = page.partition(script)
    size = len(document) - len(behind)
    closer = re.fullmatch(rb"(?:</[a-z]+>|-->|->|>| \?>)?", before[size:])
    return before[:size] + behind == document and closer is not None


def decoded(body: bytes, reply: Reply) -> bytes:
    return reply_text(replace(reply, chunks=(body,)))


def difference_of_element(site: str, expected: Element, found: re.Match[bytes]) -> object:
    data = json.loads(html.unescape(found[2].decode()))
    hmac = data.pop("hmac", None)
    is_early = data.pop("early", False)
    tag = data.pop("tag", None)
    if data != expected.data:
        return "data", data, expected.data
    if (hmac and unmasked(hmac)) != expected.hmac:
        return "hmac", hmac, expected.hmac
    if (found[1].decode() if found[1] else None) != expected.nonce:
        return "nonce", found[1], expected.nonce
    if expected.may_be_early is False and is_early:
        return "early", found[0]
    if (tag is None) != ("ask" in expected.data):
        return "tag", tag
    if integrity(found[3]) != integrity(site_of(site).script):
        return "script", found[3]
    return None


@given(case=cases())
@settings(max_examples=3 * settings().max_examples)
def test_any_response_is_what_the_documents_say(case: Case, adapters: Adapters) -> None:
    check_case(case, adapters)


@given(case=policy_cases())
@settings(max_examples=5 * settings().max_examples // 2)
def test_any_policy_is_extended_as_the_documents_say(case: Case, adapters: Adapters) -> None:
    check_case(case, adapters)


@given(case=revalidations())
@settings(max_examples=3 * settings().max_examples // 2)
def test_any_copy_is_revalidated_as_the_documents_say(case: Case, adapters: Adapters) -> None:
    check_case(case, adapters)


@given(case=logins())
@settings(max_examples=3 * settings().max_examples // 2)
def test_any_response_changes_the_login_cookie_as_the_documents_say(
    case: Case, adapters: Adapters
) -> None:
    check_case(case, adapters)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        *(cases, policy_cases),
        *(pytest.param(each, marks=pytest.mark.exhaustive) for each in (revalidations, logins)),
    ],
)
def test_thousands_of_responses_are_what_the_documents_say(
    kind: Callable[[], SearchStrategy[Case]], adapters: Adapters
) -> None:
    @given(case=kind())
    @settings(max_examples=3000)
    def check(case: Case) -> None:
        check_case(case, adapters)

    check()
