"""Where in a stream of HTML bytes the snippet goes: at the end of the head.

The end of the head is the point just before the token that makes a browser's parser leave it, by
the rules of WHATWG HTML: the tokens of section 13.2.5, and the insertion modes "initial", "before
html", "before head" and "in head" of section 13.2.6.4. That token is often not `</head>`, which
authors may leave out, and a `</head>` inside a comment or a script ends nothing.
"""

from __future__ import annotations

import re
from enum import Enum, auto

LIMIT = 64 * 1024
"""How many bytes of an unfinished part of the head are held back at the most."""

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")

_S = rb"[\t\n\f\r ]"
_NAME_END = rb"(?=[\t\n\f\r />])"

_TOKEN = re.compile(
    rb"(?P<space>" + _S + rb"+)"
    rb"|(?P<reference>&(?:Tab;|NewLine;|#0*(?:9|10|12|13|32)(?:;|(?=[^0-9;]))"
    rb"|#[xX]0*(?:9|[aA]|[cC]|[dD]|20)(?:;|(?=[^0-9a-fA-F;]))))"
    rb"|(?P<comment><!--)"
    # a doctype, a bogus comment, or "</>", which is nothing: each ends at the first ">"
    rb"|(?P<declaration><!(?!-?\Z)|<\?|</(?![A-Za-z]|\Z))"
    rb"|(?P<tag><(?P<slash>/?)(?P<name>[A-Za-z][^\t\n\f\r />]*)" + _NAME_END + rb")"
)
_UNFINISHED_TOKEN = re.compile(
    rb"(?:<(?:/?(?:[A-Za-z][^\t\n\f\r />]*)?|!-?)|&(?:#[xX]?[0-9a-fA-F]*|[A-Za-z]{0,8}))?\Z"
)
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*"
    rb"(?:(?P<end>>)|[^\t\n\f\r />][^\t\n\f\r />=]*"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*"
    rb"""(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|[^\t\n\f\r >"'][^\t\n\f\r >]*)?)?)?"""
)
_COMMENT_END = re.compile(rb"--!?>")
_SCRIPT_MARK = re.compile(
    rb"(?P<open><!--)|(?P<close>-->)|<(?P<slash>/?)script" + _NAME_END, re.IGNORECASE
)
_RAW_TEXT_END = {
    name: re.compile(rb"</" + name + _NAME_END, re.IGNORECASE)
    for name in (b"title", b"style", b"noscript", b"noframes")
}
_HEAD_START_TAGS = {b"html", b"head", b"base", b"basefont", b"bgsound", b"link", b"meta"}
_HEAD_START_TAGS |= {b"script", *_RAW_TEXT_END}
_LEAVING_END_TAGS = {b"head", b"body", b"html", b"br"}

_DOCTYPE = re.compile(rb"<!doctype", re.IGNORECASE)
_DOCTYPE_WITHOUT_NAME_OR_IN_QUOTES = re.compile(
    rb"<!doctype" + _S + rb"*(?:[^\t\n\f\r ]+" + _S + rb"+(?:PUBLIC|SYSTEM)" + _S + rb"*"
    rb"""(?:(?:"[^"]*"|'[^']*')""" + _S + rb"""*)?(?:"[^"]*|'[^']*))?\Z""",
    re.IGNORECASE,
)


class _Stop(Enum):
    """Why a walk along the head stopped."""

    HEAD_ENDS = auto()
    TOKEN_UNFINISHED = auto()
    ELEMENT_UNFINISHED = auto()  # and nothing but a ">" can finish it


class Inserter:
    """Puts a snippet into one HTML document that comes in pieces, cut anywhere.

    `added` is the number of bytes by which the document has grown; None until the place is known.
    It is 0 for a document that begins with the byte order mark of UTF-16, in which a snippet in
    ASCII would be garbage: that one stays as it is.
    """

    added: int | None

    def __init__(self, snippet: bytes, *, limit: int = LIMIT) -> None:
        self.added = None
        self._snippet = snippet
        self._limit = limit
        self._held = b""
        self._at_start = True
        self._awaits_gt = False

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return what may go on its way.

        Only an unfinished token or raw-text element of the head is held back, up to the limit;
        beyond it the snippet goes in before that element.
        """
        if self.added is not None:
            return data
        document = self._held + data
        if self._awaits_gt and b">" not in data and len(document) <= self._limit:
            self._held = document
            return b""
        position = 0
        if self._at_start:
            if _may_become_byte_order_mark(document):
                self._held = document
                return b""
            if document.startswith(_UTF16_BOMS):
                self.added, self._held = 0, b""
                return document
            position = len(_UTF8_BOM) if document.startswith(_UTF8_BOM) else 0
            self._at_start = False
        position, stop = _walk(document, position)
        self._awaits_gt = stop is _Stop.ELEMENT_UNFINISHED
        if stop is _Stop.HEAD_ENDS or len(document) - position > self._limit:
            return self._insert(document, position)
        self._held = document[position:]
        return document[:position]

    def finish(self) -> bytes:
        """Say that the document has ended; return the rest of it."""
        if self.added is not None:
            return b""
        return self._insert(self._held, *_place_at_end_of_file(self._held))

    def _insert(self, document: bytes, position: int, closer: bytes = b"") -> bytes:
        self.added, self._held = len(closer) + len(self._snippet), b""
        view = memoryview(document)
        return b"".join((view[:position], closer, self._snippet, view[position:]))


def insert(document: bytes, snippet: bytes) -> bytes:
    """Return the whole HTML document with the snippet at the end of its head."""
    inserter = Inserter(snippet)
    return inserter.feed(document) + inserter.finish()


def _may_become_byte_order_mark(document: bytes) -> bool:
    return any(mark.startswith(document) and mark != document for mark in (_UTF8_BOM, *_UTF16_BOMS))


def _walk(text: bytes, position: int) -> tuple[int, _Stop]:
    """Walk the finished tokens and elements of the head; say where the walk stopped, and why."""
    while True:
        token = _TOKEN.match(text, position)
        if token is None:
            unfinished = _UNFINISHED_TOKEN.match(text, position)
            return position, _Stop.TOKEN_UNFINISHED if unfinished else _Stop.HEAD_ENDS
        if token["tag"] and _leaves_head(token):
            return position, _Stop.HEAD_ENDS
        end = _end_of(token)
        if end is None:
            return position, _Stop.ELEMENT_UNFINISHED
        position = end


def _leaves_head(tag: re.Match[bytes]) -> bool:
    """Whether a tag makes the parser leave the head; the end tags that do not are ignored by it.

    A template could stand in the head, but a script inside one does not run, and where a template
    ends takes a whole parser to tell: the place before it is in the head as well.
    """
    name = tag["name"].lower()
    return name in _LEAVING_END_TAGS if tag["slash"] else name not in _HEAD_START_TAGS


def _end_of(token: re.Match[bytes]) -> int | None:
    """Where the token ends, with the element that it begins if the text of that one is raw."""
    text, kind = token.string, token.lastgroup
    if kind == "comment":
        return _end_of_comment(text, token.end())
    if kind == "declaration":
        return text.find(b">", token.end()) + 1 or None
    if kind != "tag":
        return token.end()
    end = _end_of_tag(text, token.end())
    name = token["name"].lower()
    if end is None or token["slash"]:
        return end
    if name == b"script":
        return _end_of_script(text, end)
    if name in _RAW_TEXT_END:
        end_tag = _RAW_TEXT_END[name].search(text, end)
        return _end_of_tag(text, end_tag.end()) if end_tag else None
    return end


def _end_of_comment(text: bytes, position: int) -> int | None:
    """Where the comment ends whose `<!--` ended at the position (sections 13.2.5.43 to 51)."""
    for abrupt in (b">", b"->"):
        if text.startswith(abrupt, position):
            return position + len(abrupt)
    end = _COMMENT_END.search(text, position)
    return end.end() if end else None


def _end_of_tag(text: bytes, position: int) -> int | None:
    """Where the tag ends whose name ended at the position (sections 13.2.5.32 to 40)."""
    while True:
        attribute = _ATTRIBUTE.match(text, position)
        assert attribute is not None  # noqa: S101  # the pattern matches the empty text
        position = attribute.end()
        if attribute["end"]:
            return position
        if position == len(text):
            return None


def _end_of_script(text: bytes, position: int) -> int | None:
    """Where the script element ends whose start tag ended at the position.

    After `<!--` a `<script` opens a second level that needs an end tag of its own, until `-->`
    (script data escaped and double escaped states, sections 13.2.5.18 to 31).
    """
    escaped = twice = False
    while True:
        mark = _SCRIPT_MARK.search(text, position)
        if mark is None:
            return None
        position = mark.end()
        if mark["open"]:
            escaped = True
            position -= 2  # its dashes may be those of "-->"
        elif mark["close"]:
            escaped = twice = False
        elif twice:
            twice = not mark["slash"]
        elif mark["slash"]:
            return _end_of_tag(text, position)
        else:
            twice = escaped


def _place_at_end_of_file(held: bytes) -> tuple[int, bytes]:
    """Return the place in the unfinished rest of a document, and what closes that rest before it.

    At the end of the file a comment is closed by the parser, and so is a doctype, which then means
    quirks mode. Anything else that is unfinished is dropped or taken for text.
    """
    if _TOKEN.match(held + b";") and held.startswith(b"&"):
        return len(held), b""
    if held.startswith(b"<!--"):
        text = held[4:]
        if text.endswith((b"--", b"--!")):
            return len(held), b">"
        return len(held), b"->" if text.endswith(b"-") else b"-->"
    if _DOCTYPE.match(held) and not _DOCTYPE_WITHOUT_NAME_OR_IN_QUOTES.match(held):
        return len(held), b" ?>"
    if held.startswith((b"<!", b"<?")) or (held.startswith(b"</") and not held[2:3].isalpha()):
        return (len(held), b">") if held != b"</" else (0, b"")
    return 0, b""
