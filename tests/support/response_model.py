"""The outcome of a response by the documents: slow code, meant to be compared with them by eye.

Each function names the section of docs/responses.md that it transcribes, or the other document. Of
the package it knows `placement.insert`, which docs/placement.md describes, and the classes in which
a site says what it wants. All else is written anew, by the standards.

`exchange` is where to begin: a request, an app and a visitor in, the requests that the app sees and
all acceptable answers out. There is more than one where the documents leave a choice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from pavior_middleware import Identity, Settings
from pavior_middleware.placement import insert

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """A request. The names of `fields` are in lower case."""

    method: str = "GET"
    scheme: str = "https"
    path: str = "/"
    root_path: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """Return a field, '' if there is no such field."""
        return self.fields.get(name, "")


@dataclass(frozen=True)
class Reply:
    """What an app answers."""

    status: int
    fields: Fields
    chunks: tuple[bytes, ...] = ()

    def values(self, name: str) -> list[str]:
        """Return the values of all fields of a name."""
        return [value for each, value in self.fields if each.lower() == name]

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return b"".join(self.chunks)


App = Callable[[Request], Reply]


@dataclass(frozen=True)
class Visitor:
    """Who visits; `consents` is None on a site that does not ask for consent."""

    identity: Identity | None = None
    consents: bool | None = None


@dataclass(frozen=True)
class Held:
    """The login cookie of a request: whom it names, None if it cannot be read."""

    identity: Identity | None


@dataclass(frozen=True)
class Site:
    """A site's settings, and what is the same on all its pages: the script's text, and its files.

    `files` are the paths of the files that the script may load, and their contents.
    """

    settings: Settings
    script: bytes
    files: Mapping[str, bytes]

    @property
    def borrows(self) -> bool:
        """Whether it borrows its login."""
        return self.settings.share_auth is not None

    @property
    def lends(self) -> bool:
        """Whether it lends its login by a cookie."""
        settings = self.settings
        return not self.borrows and bool(settings.shared_auth_domains and settings.secret_key)

    @property
    def script_hash(self) -> str:
        """The source expression by which a policy allows the script."""
        return f"'{integrity(self.script)}'"

    @property
    def file_hashes(self) -> list[str]:
        """The hashes of the files that the script may load."""
        return [integrity(content) for content in self.files.values()]


class Login(Enum):
    """What happens to the login cookie."""

    STAYS = "no Set-Cookie"
    RENEWED = "it names the visitor"
    REMOVED = "it is taken away"


NO_SCRIPT, PART = "none", "part"


@dataclass(frozen=True)
class Tag:
    """The entity tag of a page: `variant` is its data, or `NO_SCRIPT` or `PART`.

    `is_weak` is None where it may be either.
    """

    variant: str
    kind: str
    tag: str
    is_weak: bool | None


@dataclass(frozen=True)
class Element:
    """The script element that a page gains."""

    data: Mapping[str, Any]
    hmac: str | None
    nonce: str | None
    may_be_early: bool | None
    """Whether it loads the embed at once; None where it may or may not."""


class Length(Enum):
    """What the `Content-Length` of an answer is."""

    SAME = "as the app says"
    OF_BODY = "that of the body, if the app declares one"
    OF_BODY_OR_ABSENT = "that of the body, or no field"
    ABSENT = "no field"


@dataclass(frozen=True)
class Answer:
    """What a client may get.

    `fields` are all but `Content-Length` and, where they differ from the app's, `ETag` and the
    login cookie. `is_same` says that these are the app's fields to the letter, and not only by what
    they mean.
    """

    status: int
    fields: Fields
    is_same: bool = True
    element: Element | None = None
    tag: Tag | None = None
    login: Login = Login.STAYS
    length: Length = Length.SAME
    may_drop_signature: bool = False
    request: int = -1
    """The number of the request that the app sees whose reply this is."""


@dataclass(frozen=True)
class Exchange:
    """The requests that the app sees, one or two, and what the client may get in the end."""

    seen: tuple[Request, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Question:
    """One request to a site, with all that its answer may depend on.

    `variant_of` returns the variant for which an entity tag's mark stands, None if it is unknown.
    `sends_head_alone`: the interface lets a head go before there is any body, as ASGI does.
    """

    site: Site
    request: Request
    visitor: Visitor
    login_cookie: Held | None
    variant_of: Callable[[str], str | None]
    sends_head_alone: bool


def exchange(question: Question, app: App) -> Exchange:
    """Return what an app sees of a request, and what the client may get."""
    site, request = question.site, question.request
    if is_skipped(site.settings, request.path):
        reply = app(request)
        kept = without(reply.fields, "pavior-skip")
        return Exchange((request,), (Answer(reply.status, kept, is_same=kept == reply.fields),))
    first = as_app_sees(site, request)
    reply = app(first)
    if (
        reply.status == 304
        and not reply.values("pavior-skip")
        and may_hold_unknown_copy(site, request)
    ):
        return _exchange_with_unknown_copy(question, app, first, reply)
    answers = tuple(
        _answers(question, reply, copies(site, request), wants_part=wants_part(site, request))
    )
    if answers:
        return Exchange((first,), answers)
    # "The app is asked once more, without conditions"; "what the first answer set in cookies is
    # kept".
    second = asked_again(first, reply)
    again = app(second)
    cookies = tuple(each for each in reply.fields if each[0].lower() == "set-cookie")
    again = replace(again, fields=(*cookies, *again.fields))
    return Exchange((first, second), tuple(_answers(question, again, [], wants_part=False)))


def asked_again(first: Request, reply: Reply) -> Request:
    """Return the second request: without conditions, and with the cookies that the first has set.

    Only cookies for the site's root, or for no path, are known here.
    """
    fields = {name: value for name, value in first.fields.items() if name not in CONDITIONS}
    cookies = [each.strip() for each in first.get("cookie").split(";") if each.strip()]
    for each in reply.values("set-cookie"):
        pair = each.partition(";")[0]
        name = pair.partition("=")[0]
        cookies = [*(each for each in cookies if each.partition("=")[0] != name), pair]
    fields["cookie"] = "; ".join(cookies)
    return replace(first, fields=fields if cookies else without_cookie(fields))


def without_cookie(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields except for `Cookie`."""
    return {name: value for name, value in fields.items() if name != "cookie"}


def _exchange_with_unknown_copy(
    question: Question, app: App, first: Request, reply: Reply
) -> Exchange:
    """Return what comes of a 304 to a client whose copy may be a page without the script.

    "Validators", the paragraph on copies without a mark: the app is asked once more. Its second
    answer goes out if it is a page that gains the script, or that lacks consent; else the 304 does.
    """
    second = asked_again(first, reply)
    again = app(second)
    cookies = tuple(each for each in reply.fields if each[0].lower() == "set-cookie")
    own = tuple(each for each in again.fields if each[0].lower() == "set-cookie")
    again = replace(again, fields=(*cookies, *again.fields))
    waits = replace(question, sends_head_alone=False)  # the body may tell that the 304 goes out
    answers = tuple(_answers(waits, again, [], wants_part=False))
    is_skipped_by_app = bool(again.values("pavior-skip"))
    may_gain = is_page(again) and again.status < 400 and not is_skipped_by_app
    fallback = Answer(304, (*reply.fields, *own), is_same=not own, request=0)
    if not may_gain:
        answers = (fallback,)
    elif question.visitor.consents is False and not question.site.settings.cacheable_pages:
        pass  # the copy may hold the script, which a page without it replaces
    elif first.method != "HEAD" and any(each.element is None for each in answers):
        # Its head may have to be sent before its body tells whether it gains the script.
        answers = (*answers, fallback)
    return Exchange((first, second), answers)


def is_skipped(settings: Settings, path: str) -> bool:
    """docs/skipping.md, "Some paths": `*` stands for any text."""
    patterns = (".*".join(map(re.escape, each.split("*"))) for each in settings.skip_paths)
    return any(re.fullmatch(pattern, path, re.DOTALL) for pattern in patterns)


# docs/placement.md, "What is a document"

FRAMES = {"iframe", "frame", "embed", "object", "fencedframe"}


def destination(site: Site, request: Request) -> str:
    """What the browser wants the response for, on a site where that matters."""
    return "" if site.settings.cacheable_pages else request.get("sec-fetch-dest")


def _may_gain_script(site: Site, request: Request, wanted: str) -> bool:
    return wanted in {"document", "empty", ""} or (
        wanted in FRAMES and site.settings.inject_in_frames
    )


def may_gain_script(site: Site, request: Request) -> bool:
    """Whether a page gains the script, as far as the request tells."""
    return _may_gain_script(site, request, destination(site, request))


def markup_decides(site: Site, request: Request) -> bool:
    """Whether what begins like a document gains the script, and nothing else."""
    return destination(site, request) in {"empty", ""}


def begins_like_document(page: bytes) -> bool:
    """Whether it begins with a doctype, or an html, head or body tag."""
    blank = rb"(?:[\t\n\f\r \0]|<!--.*?-->|<\?[^>]*>)*"
    return bool(
        re.match(
            rb"(?:\xef\xbb\xbf)?" + blank + rb"<(?:!doctype|(?:html|head|body)(?=[\t\n\f\r />]))",
            page,
            re.IGNORECASE | re.DOTALL,
        )
    )


# "Validators": what the app sees


CONTENT = ("content-length", "transfer-encoding")


def may_hold_unknown_copy(site: Site, request: Request) -> bool:
    """Whether the client's copy may be a page, and no entity tag tells which script it holds."""
    wanted = request.get("sec-fetch-dest")
    tags = entity_tags(request.get("if-none-match"))
    if (
        request.method not in {"GET", "HEAD"}
        or has_content(request)
        or is_marked(request.get("if-none-match"))
        or not _may_gain_script(site, request, wanted)
    ):
        return False
    if tags:
        return wanted not in {"", "empty"} or "text/html" in request.get("accept").lower()
    has_condition = {"if-none-match", "if-modified-since"} & set(request.fields)
    return bool(has_condition) and not site.settings.cacheable_pages


CONDITIONS = ("if-modified-since", "if-none-match", "if-range", "range")
_ENTITY_TAG = re.compile(r'(?P<weak>[Ww]/)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^",\s]+))')
_MARKED = re.compile(
    r"pavior\.(?P<mark>[\w-]{22}|none|part)\.(?P<kind>[swu])\.(?P<tag>.*)", re.DOTALL
)


@dataclass(frozen=True)
class Copy:
    """A copy that a client holds, by its entity tag. `mark` is None if it is the app's own."""

    tag: str
    is_weak: bool
    mark: str | None
    is_strong: bool
    is_bare: bool = False

    @property
    def own_tag(self) -> str:
        """The entity tag as the app knows it."""
        if self.is_bare:
            return self.tag
        return f'W/"{self.tag}"' if self.is_weak else f'"{self.tag}"'


def entity_tags(value: str) -> list[Copy]:
    """Read `If-None-Match` or `If-Match`; `*` names no copy."""
    if value.strip() == "*":
        return []
    found = []
    for each in _ENTITY_TAG.finditer(value):
        text, is_weak = each["quoted"] if each["quoted"] is not None else each["bare"], each["weak"]
        marked = _MARKED.fullmatch(text)
        found.append(
            Copy(
                marked["tag"],
                marked["kind"] == "w",
                marked["mark"],
                not is_weak,
                marked["kind"] == "u",
            )
            if marked
            else Copy(text, bool(is_weak), None, not is_weak)
        )
    return found


def is_marked(value: str) -> bool:
    """Whether a field names a copy that the middleware had a hand in."""
    return any(copy.mark for copy in entity_tags(value))


def has_content(request: Request) -> bool:
    """Whether the request has content, which can be read only once."""
    return request.get("content-length") not in {"", "0"} or "transfer-encoding" in request.fields


def wants_page_range(site: Site, request: Request) -> bool:
    """Whether the request asks for a part of what may be a page with a script."""
    return (
        request.method in {"GET", "HEAD"}
        and "range" in request.fields
        and _may_gain_script(site, request, request.get("sec-fetch-dest"))
    )


def as_app_sees(site: Site, request: Request) -> Request:
    """Return the request as the app sees it at first."""
    fields = dict(request.fields)
    for name in ("if-match", "if-none-match"):
        if is_marked(request.get(name)):
            tags = dict.fromkeys(copy.own_tag for copy in entity_tags(request.get(name)))
            fields[name] = ", ".join(tags)
    is_read = request.method in {"GET", "HEAD"}
    is_range = wants_page_range(site, request)
    holds_ours = is_read and is_marked(request.get("if-none-match"))
    left_out: set[str] = {"if-modified-since"} if holds_ours else set()
    without_content = {n: v for n, v in fields.items() if n not in CONTENT}
    bare = replace(request, fields=without_content)
    may_be_made_again = is_range or holds_ours or may_hold_unknown_copy(site, bare)
    if may_be_made_again and has_content(request):
        left_out |= set(CONDITIONS)
    return replace(request, fields={n: v for n, v in fields.items() if n not in left_out})


def copies(site: Site, request: Request) -> list[Copy]:
    """Return the copies that a 304 of the app may speak of, if one of them may be stale."""
    value = request.get("if-none-match")
    if request.method not in {"GET", "HEAD"} or has_content(request) or not is_marked(value):
        return []
    return entity_tags(value)


def wants_part(site: Site, request: Request) -> bool:
    """Whether the app sees a `Range`, and its part of a page would have no script."""
    return wants_page_range(site, request) and not has_content(request)


# "Which responses gain the script"

ELSEWHERE = ("x-accel-redirect", "x-lighttpd-send-file", "x-sendfile")


def media_type(reply: Reply) -> tuple[str, str]:
    """Return the media type and the charset: of several, the last (Fetch, section 3.7)."""
    essence = charset = ""
    for value in reply.values("content-type"):
        for each in re.findall(r'(?:[^,"]|"[^"]*")+', value):
            found, *parameters = re.findall(r'(?:[^;"]|"[^"]*")+', each) or [""]
            found = found.strip().lower()
            if "/" not in found or found == "*/*":
                continue
            named = [
                text.partition("=")[2].strip().strip('"').lower()
                for text in parameters
                if text.partition("=")[0].strip().lower() == "charset"
            ]
            charset = named[0] if named else (charset if found == essence else "")
            essence = found
    return essence, charset


def is_html(reply: Reply) -> bool:
    """Whether it is HTML, in a charset in which ASCII bytes mean ASCII."""
    essence, charset = media_type(reply)
    return essence == "text/html" and not charset.startswith(("utf-16", "utf-32", "iso-2022", "hz"))


def is_shown(reply: Reply) -> bool:
    """Whether it is no download."""
    return all(
        value.partition(";")[0].strip().lower() == "inline"
        for value in reply.values("content-disposition")
    )


KNOWN_CODINGS = {"gzip", "x-gzip", "deflate", "br", "zstd"}


def codings(reply: Reply) -> list[str]:
    """Return the content codings, in the order in which they were applied."""
    names = ",".join(reply.values("content-encoding")).lower().split(",")
    return [name.strip() for name in names if name.strip() not in {"", "identity"}]


def is_in_sandbox(reply: Reply) -> bool:
    """Whether an enforced policy's sandbox keeps the page apart from the site.

    "Any `sandbox` directive counts, even one that browsers ignore."
    """
    words = [
        directive.lower().split()
        for value in reply.values("content-security-policy")
        for directive in re.split("[,;]", value)
    ]
    return any(
        each[:1] == ["sandbox"] and not {"allow-scripts", "allow-same-origin"} <= set(each)
        for each in words
    )


def is_page(reply: Reply) -> bool:
    """Whether it is an HTML page, whole, that a browser shows. Pages of errors are."""
    has_page = reply.status >= 200 and reply.status // 100 != 3
    return (
        has_page
        and reply.status not in {204, 205, 206}
        and not any(reply.values(name) for name in ("content-range", *ELSEWHERE))
        and is_html(reply)
        and is_shown(reply)
        and set(codings(reply)) <= KNOWN_CODINGS
        and not is_in_sandbox(reply)
    )


# What a page says


def is_nobody(identity: Identity | None) -> bool:
    """Whether an identity names nobody, or is refused (docs/identity.md)."""
    return identity is None or not (identity.id or identity.email) or is_refused(identity)


def is_refused(identity: Identity) -> bool:
    """Whether Pavior could take the signature for that of somebody else's address."""
    user_id, email = identity.id or "", identity.email or ""
    if "@" in unicodedata.normalize("NFKC", user_id) and user_id != email:
        return True
    is_address = (
        re.fullmatch(r"[^@\s]+@[^@\s]+", email) is not None
        and email.isprintable()
        and unicodedata.normalize("NFKC", email) == email
    )
    return identity.authenticated and bool(email) and not is_address


def is_foreign(question: Question) -> bool:
    """Whether another origin's script may have made the request ("Who may store a page")."""
    site, request = question.site, question.request
    if site.settings.cacheable_pages or site.borrows:
        return False
    where = request.fields.get("sec-fetch-site")
    if where is not None:
        return where not in {"same-origin", "none"} and request.get("sec-fetch-mode") != "navigate"
    return has_foreign_origin(request)


def has_foreign_origin(request: Request) -> bool:
    own = f"{request.scheme}://{request.get('host')}"
    return "origin" in request.fields and request.get("origin") != own


def names_visitor(question: Question) -> bool:
    """Whether the page holds what is the visitor's alone: who it is, or attributes."""
    site, identity = question.site, question.visitor.identity
    if site.settings.cacheable_pages or site.borrows or is_foreign(question) or identity is None:
        return False
    return not is_refused(identity) and bool(identity.id or identity.email or identity.attributes)


def element(question: Question, reply: Reply) -> Element:
    """Return the script element of a page (docs/page-script.md)."""
    site, settings, request = question.site, question.site.settings, question.request
    is_personal, foreign = names_visitor(question), is_foreign(question)
    root = settings.root_path
    if root is None:
        root = request.root_path if is_personal or foreign else ""
    urls = [settings.embed_url, *(root.rstrip("/") + path for path in site.files)]
    options: dict[str, Any] = {
        "teamVanityId": settings.team_vanity_id,
        "doChat": settings.do_chat,
        "doTimeTravel": settings.do_time_travel,
        **settings.init_options,
    }
    ask = 0
    if site.borrows:
        options["shareAuth"] = settings.share_auth
        urls += ["", f"https://{settings.share_auth}/.well-known/pavior/share.js"]
        ask = 3
    elif settings.cacheable_pages or foreign:
        ask = 1 if question.visitor.consents is None else 2
    user: dict[str, Any] = {}
    signature = None
    identity = question.visitor.identity
    if is_personal and identity is not None:
        user = {**identity.attributes, "id": identity.id, "email": identity.email}
        signed = identity.id or identity.email
        if identity.authenticated and signed:
            signature = hmac.new(
                settings.api_key.encode(), signed.encode(), hashlib.sha256
            ).hexdigest()
    data = {
        "v": 1,
        "site": options,
        "user": {name: value for name, value in user.items() if value is not None},
        "urls": urls,
        "ask": ask,
        "frames": settings.inject_in_frames,
        "bubble": settings.bubble,
        "links": [f"https://{domain}" for domain in settings.shared_auth_domains]
        if site.lends and settings.handoff
        else [],
        "hash": " ".join(site.file_hashes) if needs_hashes(reply) else "",
    }
    has_meta_policy = b"http-equiv" in reply_text(reply).lower()
    may_be_early = None if has_meta_policy or len(reply.chunks) > 1 else False
    data = {name: value for name, value in data.items() if value}
    return Element(data, signature, page_nonce(reply), may_be_early)


def variant(of: Element) -> str:
    """Return what tells a page's script from others: all that is in its data."""
    data = {name: value for name, value in of.data.items() if name != "hash"}
    return json.dumps([data, of.hmac], sort_keys=True)


DECODERS: dict[str, Callable[[bytes], bytes]] = {}
"""By the name of each coding, what opens it; the tests fill this with the codecs' libraries."""


def reply_text(reply: Reply) -> bytes:
    """Return the body without its codings; b'' if it is not what `Content-Encoding` says."""
    body = reply.body
    for name in reversed(codings(reply)):
        body = DECODERS[name](body) if body else b""
    return body


def page_with(site: Site, reply: Reply, document: bytes, script: bytes) -> bytes:
    """Return a whole document with the script in its place (docs/placement.md).

    Where the `Content-Type` names the charset, a `<meta charset>` is of no account, and neither is
    a `<meta>` policy with `csp="leave"`: `insert` does not get to see them.
    """
    seen = document
    if media_type(reply)[1]:
        seen = re.sub(rb"charset", b"xxxxset", seen, flags=re.IGNORECASE)
    if site.settings.csp == "leave":
        seen = re.sub(rb"http-equiv", b"xxxx-equiv", seen, flags=re.IGNORECASE)
    page = insert(seen, script)
    if page == seen:
        return document
    place = page.rindex(script)
    behind = len(page) - place - len(script)
    before = len(document) - behind
    closer = page[before:place]  # of a comment or title that the end of the file cuts short
    return document[:before] + closer + script + document[before:]


WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
"""Byte order marks of UTF-16 and UTF-32."""


def gains_nothing(site: Site, reply: Reply, document: bytes) -> bool:
    """Whether a document stays without the script.

    AMP pages do, and pages in which it "would push a later `<meta charset>` beyond the first 1,024
    bytes" ("Policies").
    """
    script = b"<script>" + site.script + b"</script>"
    return page_with(site, reply, document, script) == document


# "Streams"


def head_is_first(question: Question, reply: Reply) -> bool:
    """Whether the head of a page goes before any of its body."""
    return (
        question.sends_head_alone
        and question.request.method != "HEAD"
        and not markup_decides(question.site, question.request)
        and not codings(reply)
        and not reply.values("content-length")
    )


# The answers


def _answers(
    question: Question,
    reply: Reply,
    copies: Sequence[Copy],
    *,
    wants_part: bool,
) -> Iterator[Answer]:
    """Yield the acceptable answers; none if the app has to be asked again."""
    site = question.site
    kept = without(reply.fields, "pavior-skip")
    skips = len(kept) < len(reply.fields)
    if reply.status == 304 and copies:
        yield from _answers_of_304(question, replace(reply, fields=kept), copies, skips=skips)
    elif skips:
        yield Answer(reply.status, kept, is_same=False)
    elif reply.status == 206 and wants_part and is_html(reply) and is_shown(reply):
        return
    elif not is_page(reply):
        # A 304 answers no form (RFC 9110 section 15.4.5), so either way is right.
        either = (Login.STAYS,) if reply.status == 304 else ()
        for login in dict.fromkeys((*logins_of_other(question, reply.status), *either)):
            yield _answer_of_other(reply, login)
    elif not may_gain_script(site, question.request):
        # docs/sharing-explained.md does not say whether a page that answers a form in a frame is an
        # answer to a form, or a page that stays unchanged.
        for login in dict.fromkeys((Login.STAYS, *logins_of_other(question, reply.status))):
            yield _without_script(question, reply, ["Sec-Fetch-Dest"], login)
    elif question.visitor.consents is False and not site.settings.cacheable_pages:
        for login in logins_of_page(question):
            yield _without_script(question, reply, varies_by(question), login)
    else:
        yield from _answers_of_page(question, reply)


def _answers_of_page(question: Question, reply: Reply) -> Iterator[Answer]:
    site, request = question.site, question.request
    is_cut = len(reply.chunks) > 1
    document = reply_text(reply)
    has_ended = request.method != "HEAD"
    # "A page that is not what it says from its start passes as it came."
    stays = (bool(codings(reply)) and not document) or document.startswith(WIDE_BOMS)
    is_part = not stays and markup_decides(site, request) and not begins_like_document(document)
    stays = stays or (not is_part and gains_nothing(site, reply, document))
    is_gain = not (has_ended and (stays or is_part))
    # "A page that then gains nothing keeps its bytes under that head."
    is_first = head_is_first(question, reply)
    if has_ended and stays and not is_first:
        yield Answer(reply.status, reply.fields, is_same=False)
    elif has_ended and is_part:
        if site.settings.cacheable_pages:
            yield Answer(reply.status, reply.fields, is_same=False)
        else:
            yield from _answers_of_part(question, reply, is_strong=True)
    # The head of a streamed page may have to go before its first bytes tell what it is, and the
    # script before a second <html> that tells of AMP.
    for gains_element in {is_gain, is_gain or is_cut}:
        for login in logins_of_page(question) if is_gain or is_cut or is_first else ():
            yield _page(question, reply, login, gains_element=gains_element)


def _page(question: Question, reply: Reply, login: Login, *, gains_element: bool = True) -> Answer:
    """Return a page with the script."""
    is_head = question.request.method == "HEAD"
    gained = element(question, reply)
    is_cut = len(reply.chunks) > 1
    # "The tag is strong only where every byte is known."
    is_weak: bool | None = bool(
        gained.hmac
        or needs_hashes(reply)
        or (reply.status != 304 and (codings(reply) or head_is_first(question, reply)))
        or not gains_element
    )
    if is_cut and is_weak is False:
        is_weak = None
    length = Length.OF_BODY_OR_ABSENT if is_cut else Length.OF_BODY
    return Answer(
        reply.status,
        _head(question, reply, gained, login),
        is_same=False,
        element=gained if gains_element and not is_head else None,
        tag=None if gained.nonce else entity_tag(reply, variant(gained), is_weak=is_weak),
        login=login,
        length=Length.ABSENT if is_head else length,
    )


def _head(question: Question, reply: Reply, gained: Element, login: Login) -> Fields:
    """Return the fields of a page with the script, except for its tag."""
    site, foreign = question.site, is_foreign(question)
    fields = without(reply.fields, "etag", "content-length", "accept-ranges", *DIGESTS)
    fields = without_signature(fields)
    if site.settings.csp == "extend":
        fields = with_policies_that_allow(question, fields, gained)
    is_personal = names_visitor(question)
    fields = with_vary(fields, *varies_by(question), *(["Origin"] if is_personal else []))
    if is_personal or foreign or login is not Login.STAYS:
        fields = kept_private(fields, no_store=foreign)
    return fields


def _without_script(question: Question, reply: Reply, names: Sequence[str], login: Login) -> Answer:
    """Return a page that stays without the script for this request."""
    fields = with_vary(without_signature(without(reply.fields, "etag")), *names)
    if login is not Login.STAYS:
        fields = kept_private(fields)
    is_weak = None if needs_hashes(reply) else False
    tag = entity_tag(reply, NO_SCRIPT, is_weak=is_weak)
    return Answer(reply.status, fields, is_same=False, tag=tag, login=login)


def _answers_of_part(question: Question, reply: Reply, *, is_strong: bool) -> Iterator[Answer]:
    """Yield a part of a page, which names nobody, so that it does not renew the cookie."""
    for login in logins_of_page(question):
        if names_visitor(question):
            login = Login.STAYS
        fields = with_vary(without_signature(without(reply.fields, "etag")), "Sec-Fetch-Dest")
        if login is not Login.STAYS:
            fields = kept_private(fields)
        is_cut = len(reply.chunks) > 1
        is_weak = None if needs_hashes(reply) or is_cut else not is_strong
        yield Answer(
            reply.status,
            fields,
            is_same=False,
            tag=entity_tag(reply, PART, is_weak=is_weak),
            login=login,
            length=Length.OF_BODY_OR_ABSENT if is_cut else Length.SAME,
        )


def _answers_of_304(
    question: Question, reply: Reply, copies: Sequence[Copy], *, skips: bool
) -> Iterator[Answer]:
    """Yield what goes on of a 304; nothing if no copy that it may mean is right ("Validators")."""
    site, visitor = question.site, question.visitor
    own = entity_tags(", ".join(reply.values("etag")))
    meant = [copy for copy in copies if not own or copy.tag == own[0].tag]
    gains = may_gain_script(site, question.request) and not (
        visitor.consents is False and not site.settings.cacheable_pages
    )
    gained = element(question, reply)
    wanted: set[str] = set()
    if gains and not skips and is_in_sandbox(reply):
        return
    if not skips:
        wanted = {variant(gained)} if gains else {NO_SCRIPT}
        if gains and gained.nonce:
            wanted = set()
        # "A copy of a part of a page holds for every visitor."
        if may_gain_script(site, question.request) and markup_decides(site, question.request):
            wanted.add(PART)
    right = [copy for copy in meant if copy.mark and question.variant_of(copy.mark) in wanted]
    if not own and len(right) < len(meant):
        return
    for copy in right:
        if copy.mark == PART:
            yield from _answers_of_part(question, reply, is_strong=copy.is_strong)
        elif copy.mark == NO_SCRIPT:
            is_unasked = not may_gain_script(site, question.request)
            names = ["Sec-Fetch-Dest"] if is_unasked else varies_by(question)
            for login in (Login.STAYS,) if is_unasked else logins_of_page(question):
                answer = _without_script(question, reply, names, login)
                yield _weakened(answer, is_strong=copy.is_strong)
        else:
            bare = replace(reply, fields=without(reply.fields, "content-length"))
            for login in logins_of_page(question):
                answer = replace(_page(question, bare, login), element=None, length=Length.ABSENT)
                yield _weakened(answer, is_strong=copy.is_strong)
    if not right and any(copy.mark is None for copy in meant):
        yield Answer(reply.status, reply.fields, is_same=False)


def _weakened(answer: Answer, *, is_strong: bool) -> Answer:
    if answer.tag is None or is_strong:
        return answer
    return replace(answer, tag=replace(answer.tag, is_weak=True))


def _answer_of_other(reply: Reply, login: Login) -> Answer:
    """Return what is no page: untouched, except for the cookie that it may have to change."""
    if login is Login.STAYS:
        return Answer(reply.status, reply.fields)
    return Answer(
        reply.status,
        kept_private(reply.fields),
        is_same=False,
        login=login,
        may_drop_signature=True,
    )


# Header fields

DIGESTS = ("content-digest", "content-md5", "digest", "repr-digest")
OF_SOME_CACHES = ("-cache-control", "edge-control", "surrogate-control", "x-accel-expires")
CHANGED = {
    *DIGESTS,
    *("accept-ranges", "cache-control", "content-length", "content-security-policy", "etag"),
    *("content-security-policy-report-only", "expires", "last-modified", "vary"),
}


def without(fields: Fields, *names: str) -> Fields:
    """Return the fields except for those of these names."""
    return tuple(each for each in fields if each[0].lower() not in names)


def entity_tag(reply: Reply, of: str, *, is_weak: bool | None) -> Tag | None:
    """Return the tag that the app's becomes; None without one, or for what is no entity tag."""
    value = next(iter(reply.values("etag")), "")
    found = re.fullmatch(r'(?P<weak>[Ww]/)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"]+))', value)
    if found is None:
        return None
    text = found["quoted"] if found["quoted"] is not None else found["bare"]
    kind = "w" if found["weak"] else "u" if found["quoted"] is None else "s"
    return Tag(of, kind, text, True if found["weak"] else is_weak)


def without_signature(fields: Fields) -> Fields:
    """Remove the signatures if they cover what the middleware changes (RFC 9421)."""
    covered = {
        name
        for each, value in fields
        if each.lower() == "signature-input"
        for name in re.findall(r'"([^"]*)"', value.lower())
    }
    if covered & CHANGED or any(name.endswith(OF_SOME_CACHES) for name in covered):
        return without(fields, "signature", "signature-input")
    return fields


def varies_by(question: Question) -> list[str]:
    """Return the request fields on which pages depend ("Who may store a page")."""
    if question.site.settings.cacheable_pages:
        return []
    if question.site.borrows and question.visitor.consents is None:
        return ["Sec-Fetch-Dest"]
    return ["Cookie", "Sec-Fetch-Dest"]


def with_vary(fields: Fields, *names: str) -> Fields:
    """Add names to `Vary`; with `*` there is nothing to add."""
    value = ", ".join(v for n, v in fields if n.lower() == "vary")
    if not names or "*" in (each.strip() for each in value.split(",")):
        return fields
    return (*without(fields, "vary"), ("Vary", ", ".join(filter(None, [value, *names]))))


def directives(value: str) -> dict[str, str]:
    """Read a `Cache-Control` field; names are case-insensitive (RFC 9111 section 5.2)."""
    found = re.findall(r'([^\s,="]+)(?:=("[^"]*"|[^\s,]*))?', value)
    return {name.lower(): argument.strip('"') for name, argument in found}


def kept_private(fields: Fields, *, no_store: bool = False) -> Fields:
    """Let only the user's own browser store the page, and no cache with `no_store`."""
    kept = directives(", ".join(v for n, v in fields if n.lower() == "cache-control"))
    for name in ("public", "s-maxage", "immutable", "stale-if-error", "stale-while-revalidate"):
        kept.pop(name, None)
    kept |= {"private": "", "no-cache": ""}
    if no_store:
        kept["no-store"] = ""
        kept.pop("must-understand", None)
    value = ", ".join(
        f'{name}="{argument}"' if argument else name for name, argument in kept.items()
    )
    fields = without(fields, "cache-control", "expires", "last-modified")
    fields = tuple(each for each in fields if not each[0].lower().endswith(OF_SOME_CACHES))
    return (*fields, ("Cache-Control", value))


# docs/sharing-explained.md: the login cookie


def logins_of_page(question: Question) -> tuple[Login, ...]:
    """Return what may happen to the cookie with a page, or with what begins no document."""
    site, request = question.site, question.request
    if not site.lends or site.settings.cacheable_pages:
        return (Login.STAYS,)
    user = _user(question)
    is_unseen = _is_begun_elsewhere(request) or has_two_sessions(question)
    if user is not None and is_unseen and not _is_top_of_window(request):
        return (Login.STAYS,)
    if not is_nobody(user):
        # A cookie that names this very user need not be renewed with each page.
        is_own = question.login_cookie is not None and question.login_cookie.identity == user
        return (Login.RENEWED, Login.STAYS) if is_own or is_foreign(question) else (Login.RENEWED,)
    if not _may_be_removed(question):
        return (Login.STAYS,)
    # Without `Sec-Fetch-Site`, docs/sharing-explained.md does not say whether another site has
    # begun it.
    return (Login.REMOVED, Login.STAYS) if is_foreign(question) else (Login.REMOVED,)


def logins_of_other(question: Question, status: int) -> tuple[Login, ...]:
    """Return what may happen to the cookie with a redirect, an answer to a form, or else."""
    request, user = question.request, _user(question)
    is_form = request.method not in {"GET", "HEAD", "OPTIONS", "TRACE"}
    is_redirect = status in {301, 302, 303, 307, 308}
    if not question.site.lends or not _may_be_removed(question) or not (is_form or is_redirect):
        return (Login.STAYS,)
    if "sec-fetch-site" not in request.fields and has_foreign_origin(request):
        return (Login.STAYS,)
    if user is None:
        return (Login.REMOVED,)
    is_shown_by_no_tab = not is_form and not _is_top_of_window(request)
    if _is_begun_elsewhere(request) or is_shown_by_no_tab or has_two_sessions(question):
        return (Login.STAYS,)
    if question.login_cookie is not None and question.login_cookie.identity == user:
        return (Login.STAYS,)
    return (Login.REMOVED,) if is_nobody(user) else (Login.RENEWED,)


def _user(question: Question) -> Identity | None:
    identity = question.visitor.identity
    if question.visitor.consents is False or identity is None:
        return None
    return identity if identity.id or identity.email else None


def _is_top_of_window(request: Request) -> bool:
    """Whether the response may be shown at the top of a window, as far as the browser tells."""
    return request.get("sec-fetch-dest") in {"", "document"}


def _is_begun_elsewhere(request: Request) -> bool:
    return request.get("sec-fetch-site") in {"same-site", "cross-site"}


def _may_be_removed(question: Question) -> bool:
    """Whether the cookie came along in a request with which the app's own cookies come."""
    request = question.request
    is_of_other_site = request.get("sec-fetch-site") == "cross-site"
    in_frame_of_other_site = "sec-fetch-storage-access" in request.fields
    return question.login_cookie is not None and not (is_of_other_site or in_frame_of_other_site)


def has_two_sessions(question: Question) -> bool:
    """Whether the request holds two cookies of the session's name."""
    names = [each.partition("=")[0].strip() for each in question.request.get("cookie").split(";")]
    return any(names.count(name) > 1 for name in question.site.settings.session_cookie)


# "Policies"

Policy = Mapping[str, list[str]]


def policies(value: str) -> list[dict[str, list[str]]]:
    """Read the policies of a field. Of a name the first directive counts, and only in ASCII."""
    found = []
    for text in value.split(","):
        policy: dict[str, list[str]] = {}
        for directive in text.split(";"):
            words = directive.split()
            if words and directive.isascii():
                policy.setdefault(words[0].lower(), words[1:])
        found.append(policy)
    return found


def all_policies(reply: Reply) -> list[dict[str, list[str]]]:
    """Return all policies of a response, those that are enforced first."""
    return [
        policy
        for name in ("content-security-policy", "content-security-policy-report-only")
        for value in reply.values(name)
        for policy in policies(value)
    ]


def in_force(policy: Policy, *names: str) -> str | None:
    """Return the first of these directives that the policy has."""
    return next((name for name in names if name in policy), None)


def for_scripts(policy: Policy) -> str | None:
    """Return the name of the directive in force for scripts."""
    return in_force(policy, "script-src-elem", "script-src", "default-src")


def nonces(sources: Sequence[str]) -> list[str]:
    """Return the nonces among source expressions."""
    found = (re.fullmatch(r"(?i:'nonce-)([A-Za-z0-9+/_-]+={0,2})'", each) for each in sources)
    return [each[1] for each in found if each]


def page_nonce(reply: Reply) -> str | None:
    """Return the nonce that the script carries: the first one, of an enforced policy if any."""
    for policy in all_policies(reply):
        name = for_scripts(policy)
        for nonce in nonces(policy[name]) if name else ():
            return nonce
    return None


def allows_files(sources: Sequence[str]) -> bool:
    """Whether the site's own files are allowed."""
    return bool({"'self'", "*", "https:", "'strict-dynamic'"} & {each.lower() for each in sources})


def needs_hashes(reply: Reply) -> bool:
    """Whether the script has to give its files' hashes to a policy, if only one that reports."""
    nonce = page_nonce(reply)
    return any(
        name is not None and nonce not in nonces(policy[name]) and not allows_files(policy[name])
        for policy in all_policies(reply)
        for name in [for_scripts(policy)]
    )


def with_policies_that_allow(question: Question, fields: Fields, gained: Element) -> Fields:
    """Return the fields with each policy extended so that the chat runs."""
    extended = []
    for name, value in fields:
        if name.lower() in {"content-security-policy", "content-security-policy-report-only"}:
            wanted = [extended_policy(question.site, gained, each) for each in policies(value)]
            value = ", ".join(
                "; ".join(" ".join([name, *sources]) for name, sources in policy.items())
                for policy in wanted
            )
        extended.append((name, value))
    return tuple(extended)


def extended_policy(site: Site, gained: Element, policy: Policy) -> dict[str, list[str]]:
    """Return a policy that allows the script, what it loads, and what that calls and frames."""
    embed = site.settings.embed_url
    embed_origin = "{0.scheme}://{0.netloc}".format(urlsplit(embed))
    lender = f"https://{site.settings.share_auth}/.well-known/pavior/" if site.borrows else None
    extended = {name: list(sources) for name, sources in policy.items()}

    name = for_scripts(policy)
    if name is not None and gained.nonce not in nonces(policy[name]):
        sources = policy[name]
        lower = {each.lower() for each in sources}
        is_strict = "'strict-dynamic'" in lower
        has_hash = any(each.startswith(("'sha256-", "'sha384-", "'sha512-")) for each in lower)
        # CSP Level 3, section 6.7.3.2: "Does a source list allow all inline behavior".
        allows_inline = "'unsafe-inline'" in lower and not (
            nonces(sources) or has_hash or is_strict
        )
        gains = [] if allows_inline else [site.script_hash]
        if allows_inline and gained.data.get("ask") and not allows_files(sources):
            gains.append("'self'")
        if not allows_inline and not allows_files(sources):
            gains += [f"'{each}'" for each in site.file_hashes]
        if not is_strict:
            gains += not_allowed(sources, {embed_origin: embed})
            if lender:
                gains += not_allowed(sources, {lender + "share.js": lender + "share.js"})
        _add(extended, "script-src" if name == "default-src" else name, name, gains)

    name = in_force(policy, "connect-src", "default-src")
    if name is not None:
        gains = not_allowed(policy[name], {embed_origin: embed_origin + "/"})
        if lender:
            gains += not_allowed(policy[name], {lender + "share-auth": lender + "share-auth"})
        elif not {"'self'", "*"} & {each.lower() for each in policy[name]}:
            gains.append("'self'")
        _add(extended, "connect-src", name, gains)

    name = in_force(policy, "frame-src", "child-src", "default-src")
    if name is not None and lender:
        gains = not_allowed(policy[name], {lender + "frame": lender + "frame"})
        _add(extended, "frame-src", name, gains)

    names = policy.get("trusted-types")
    if names is not None and not {"pavior-middleware", "*"} & set(names):
        _add(extended, "trusted-types", "trusted-types", ["pavior-middleware"])
    return extended


def _add(policy: dict[str, list[str]], name: str, copied: str, gains: Sequence[str]) -> None:
    """Add sources to a directive, copied first from the one in its place. `'none'` gives way."""
    there = policy[copied] if name not in policy else policy[name]
    missing = [each for each in gains if each not in there]
    if missing:
        is_none = [each.lower() for each in there] == ["'none'"]
        policy[name] = [*([] if is_none else there), *missing]


def not_allowed(sources: Sequence[str], wanted: Mapping[str, str]) -> list[str]:
    """Return the wanted source expressions whose URLs no source allows."""
    return [
        expression
        for expression, url in wanted.items()
        if not any(allows(source, url) for source in sources)
    ]


_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9.-]+)"
    r"(?::(?P<port>\d+|\*))?(?P<path>/\S*)?",
    re.IGNORECASE,
)


def allows(source: str, url: str) -> bool:
    """Whether a source expression allows a URL on every page (CSP Level 3, section 6.7.2.7)."""
    target = urlsplit(url)
    schemes = {target.scheme, "http"} if target.scheme == "https" else {target.scheme}
    if source == "*" or source.lower().removesuffix(":") in {f"{each}" for each in schemes}:
        return source == "*" or source.endswith(":")
    found = _HOST_SOURCE.fullmatch(source)
    if found is None:
        return False
    # Without a scheme the page's own counts, which may be https.
    if (found["scheme"] or "https").lower() not in schemes:
        return False
    host, target_host = found["host"].lower(), target.hostname or ""
    if host.startswith("*"):
        if not target_host.endswith(host[1:]):
            return False
    elif host != target_host:
        return False
    default = {"https": 443, "http": 80}[target.scheme]
    port = target.port or default
    if found["port"] is None:
        is_port = port == default
    else:
        is_port = found["port"] in {"*", str(port)} or (found["port"], port) == ("80", 443)
    path = found["path"] or "/"
    is_path = target.path.startswith(path) if path.endswith("/") else target.path == path
    return is_port and is_path


def integrity(content: bytes) -> str:
    """Return the hash of a content, as browsers check it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"
