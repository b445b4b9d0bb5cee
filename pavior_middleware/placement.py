"""Where in a stream of HTML bytes the snippet goes: before the first stylesheet of the head.

A script behind a stylesheet that is still loading waits for it, and the parser with it (WHATWG HTML
section 4.12.1.1, "has a style sheet that is blocking scripts"). Where the head has no stylesheet,
the snippet goes to the end of the head.

The end of the head is the point just before the token that makes a browser's parser leave it. The
rules are those of WHATWG HTML: the tokens of section 13.2.5, and the insertion modes "initial",
"before html", "before head" and "in head" of section 13.2.6.4. That token is often not `</head>`,
which authors may leave out. A `</head>` inside a comment or a script ends nothing.

What is fed goes on at once, except for what is not known yet:

- an unfinished token, since the parser drops a tag that the end of the file cuts short;
- a script that has not ended, since one that never ends never runs, and must not be made to;
- what follows the first stylesheet, as long as it may hold one of two things. One is a
  `<meta charset>` that the snippet would push out of the browser's sight. The other is a policy
  that decides about the snippet's form.

All are held up to a limit. `flush` releases all except the first.

A policy that the head sets by `<meta http-equiv>` does not apply to what is before it. So the
snippet goes in before such a tag, unless the policy should apply to the snippet as well.

AMP pages, which may have no such script, stay unchanged.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

LIMIT = 64 * 1024
"""How many bytes are held back at most."""

PRESCAN = 1024
"""In how many first bytes a browser looks for `<meta charset>` (WHATWG HTML section 13.2.3.2)."""

_UTF8_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # UTF-16, and with it UTF-32

_BOMS = (_UTF8_BOM, *_WIDE_BOMS)
_STARTS_OF_BOMS = frozenset({b"", *(mark[:1] for mark in _BOMS)})

_S = rb"[\t\n\f\r ]"
_NAME_END = rb"(?=[\t\n\f\r />])"

# What heads are usually made of, well-formed and not long: a faster way along tokens and elements
# that the steps of `Inserter` know as well. What ends a repetition cannot be in it, and long
# ones are left to the steps, so there is no long way back where the rest does not match.
_USUAL_ATTRIBUTE = (
    rb" (?![hH][tT][tT][pP]-)[a-zA-Z:_-]+"
    rb"(?:=\"[^\"]*\"|=[a-zA-Z0-9_./:-]+(?=[ >])|='[^']*'|(?=[ >]))"
)
_USUAL_ATTRIBUTES = rb"(?:" + _USUAL_ATTRIBUTE + rb"){0,32} ?/?>"
_USUAL_HTML = rb"html(?:(?! [aA][mM][pP])" + _USUAL_ATTRIBUTE + rb"){0,32} ?/?>"
# Of the values of `rel` those of one word that is not "stylesheet".
_USUAL_LINK_ATTRIBUTES = (
    rb"(?:(?! [rR][eE][lL]=)" + _USUAL_ATTRIBUTE + rb"|(?i: rel)="
    rb"(?:\"(?![sS])[a-zA-Z-]+\"|(?![sS])[a-zA-Z-]+(?=[ >])|'(?![sS])[a-zA-Z-]+')){0,32} ?/?>"
)
_USUAL_STYLESHEET = (
    rb"<(?:style|link(?:(?! [rR][eE][lL]=)" + _USUAL_ATTRIBUTE + rb"){0,32}"
    rb" rel=(?:\"stylesheet\"|stylesheet(?=[ >])|'stylesheet'))" + _USUAL_ATTRIBUTES
)


def _usual(tags: bytes, then: bytes = b"") -> re.Pattern[bytes]:
    return re.compile(
        rb"[\t\n\f\r ]*(?:<(?:"
        + tags
        + rb"|script"
        + _USUAL_ATTRIBUTES
        + rb"(?:</script>|(?:[^<]{0,4096}<(?!/[sS]|!-)){0,16}[^<]{0,4096}</script>)"
        rb"|title>[^<]{0,4096}</title>"
        rb"|!(?:--(?!-?>)(?:[^-]{0,4096}-(?!-)){0,16}[^-]{0,4096}-->|(?:doctype|DOCTYPE) html>)"
        rb"|" + _USUAL_HTML + rb")[\t\n\f\r ]*){0,64}" + then
    )


_USUAL_BEFORE_STYLESHEET = _usual(
    rb"(?:meta|head|base)" + _USUAL_ATTRIBUTES + rb"|link" + _USUAL_LINK_ATTRIBUTES,
    rb"(?=(?P<stylesheet>" + _USUAL_STYLESHEET + rb")|)",
)
_USUAL = _usual(
    rb"(?:meta|link|head|base)"
    + _USUAL_ATTRIBUTES
    + rb"|style"
    + _USUAL_ATTRIBUTES
    + rb"[^<]{0,4096}</style>"
)
_TOKEN = re.compile(
    # By the standard a NUL ends the head; every browser's engine leaves it out and goes on.
    rb"(?P<space>[\t\n\f\r \x00]+)"
    rb"|(?P<reference>&(?:Tab;|NewLine;|#0{0,32}(?:9|10|12|13|32)(?:;|(?=[^0-9;]))"
    rb"|#[xX]0{0,32}(?:9|[aA]|[cC]|[dD]|20)(?:;|(?=[^0-9a-fA-F;]))))"
    rb"|(?P<comment><!--)"
    # a doctype, a bogus comment, or "</>", which is nothing: each ends at the first ">"
    rb"|(?P<declaration><!(?!-?\Z)|<\?|</(?![A-Za-z]|\Z))"
    rb"|(?P<tag><(?P<slash>/?)(?P<name>[A-Za-z][^\t\n\f\r />]*)" + _NAME_END + rb")"
)
_UNFINISHED_TOKEN = re.compile(
    rb"(?:<(?:/?(?P<name>[A-Za-z][^\t\n\f\r />]*)?|!-?)"
    rb"|&(?:#[xX]?[0-9a-fA-F]{0,34}|[A-Za-z]{0,8}))?\Z"
)
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*"
    rb"(?:(?P<end>>)|[^\t\n\f\r />][^\t\n\f\r />=]*"
    rb"(?:[\t\n\f\r ]*(?:\Z|=[\t\n\f\r ]*"
    rb"(?:\"[^\"]*(?:\"|(?P<double>\Z))|'[^']*(?:'|(?P<single>\Z))"
    rb"|[^\t\n\f\r >\"'][^\t\n\f\r >]*)?))?)?"
)
_NAMED_VALUE = re.compile(
    rb"[\t\n\f\r /]*(?P<name>[^\t\n\f\r />][^\t\n\f\r />=]*)"
    rb"(?:[\t\n\f\r ]*=[\t\n\f\r ]*"
    rb"(?P<value>\"[^\"]*\"|'[^']*'|[^\t\n\f\r >\"'][^\t\n\f\r >]*)?)?"
)
# Of a number's digits those that tell which character it is, if it is one: `html.unescape` fails
# where there are thousands, and takes more than linear time.
_NUMBER = re.compile(r"&#0*([0-9]{1,8})[0-9]*")
_SPACES = re.compile(r"[\t\n\f\r ]+")
_COMMENT_END = re.compile(rb"--!?>")
_SCRIPT_END = re.compile(rb"</script" + _NAME_END, re.IGNORECASE)
_ESCAPED_SCRIPT_MARK = re.compile(
    rb"(?P<close>-->)|<(?P<slash>/?)script" + _NAME_END, re.IGNORECASE
)
_LONGEST_END_TAG = len(b"</noscript>")

_RAW_TEXT_END = {
    name: re.compile(rb"</" + name + _NAME_END, re.IGNORECASE)
    for name in (b"title", b"style", b"noscript", b"noframes")
}
_HEAD_START_TAGS = {b"html", b"head", b"base", b"basefont", b"bgsound", b"link", b"meta"}
_HEAD_START_TAGS |= {b"script", *_RAW_TEXT_END}
_LEAVING_END_TAGS = {b"head", b"body", b"html", b"br"}

# What the search for a charset sees: a comment, whose two dashes at each end may be the same ones.
_COMMENT_OR_META = re.compile(
    rb"<!(?=--).*?(?:-->|\Z)|(?P<meta><meta(?=[\t\n\f\r /]))", re.IGNORECASE | re.DOTALL
)
_TAG_END = re.compile(rb"[\t\n\f\r /]*>")
_AMP = re.compile(rb"(?:amp|\xe2\x9a\xa1(?:\xef\xb8\x8f)?)(?:4(?:ads|email))?", re.IGNORECASE)
_GT, _DOUBLE_QUOTE, _SINGLE_QUOTE = re.compile(b">"), re.compile(b'"'), re.compile(b"'")
_NAME_ENDS = re.compile(rb"[\t\n\f\r />]")
_DOCUMENT_TAGS = {b"html", b"head", b"body"}
_NOTHING_AT_END_OF_FILE = {b"</", b"<?", b"<?xml"}  # the last two for Chromium, which drops them
_DOCTYPE = re.compile(rb"<!doctype", re.IGNORECASE)
_DOCTYPE_WITHOUT_NAME_OR_IN_QUOTES = re.compile(
    rb"<!doctype" + _S + rb"*(?:[^\t\n\f\r ]+" + _S + rb"+(?:PUBLIC|SYSTEM)" + _S + rb"*"
    rb"""(?:(?:"[^"]*"|'[^']*')""" + _S + rb"""*)?(?:"[^"]*|'[^']*))?\Z""",
    re.IGNORECASE,
)


class Inserter:
    """Puts a snippet into one HTML document that comes in pieces, cut anywhere.

    `snippet_before_policy` is the form of the snippet for a place behind which a `<meta>` may set a
    Content-Security-Policy. It is used where a `<meta>` does, and where the rest of the head had
    not come yet.

    With `documents_only`, what does not begin like a document (with a doctype, or an html, head or
    body tag) is taken for a fragment and stays unchanged. `charset_is_known` tells that the browser
    need not look for a `<meta charset>`. Without `before_policy`, a `<meta>` that sets a
    Content-Security-Policy makes no difference to the place.

    `added` is the number of bytes by which the document has grown; None until the place is known.
    It is 0 for what stays unchanged. That is fragments, AMP pages, and documents that begin with
    the byte order mark of UTF-16 or UTF-32, in which a snippet in ASCII would be garbage.
    """

    added: int | None = None
    is_determined = True
    """Whether the place and the form are those of the whole document, however it was cut."""
    is_fragment = False
    """Whether it stays unchanged because it does not begin like a document."""

    inserted: tuple[int, bytes, bool] | None = None
    """The place in what was held, what closes a token there, and whether the form is the early one.

    Set once the snippet is there.
    """

    _start = b""  # the bytes in which a browser looks for a charset that is not known
    _text = b""  # what was not sent yet
    _sent = 0  # how much was
    _sendable = 0  # up to here the text may go, and here the snippet could
    _place: int | None = None  # that before the first stylesheet
    _position = 0  # up to here the text is understood
    _awaited: re.Pattern[bytes] | None = None  # nothing changes before this comes
    _tag = b""  # the start tag that has not ended; none for an end tag
    _element = b""  # the element of raw text that has not ended
    _is_escaped = _is_escaped_twice = False
    _seeks_stylesheet = True
    _policy_may_follow = True
    _is_decided = _stays = False

    def __init__(
        self,
        snippet: bytes,
        *,
        snippet_before_policy: bytes | None = None,
        documents_only: bool = False,
        charset_is_known: bool = False,
        before_policy: bool = True,
        limit: int = LIMIT,
    ) -> None:
        self._snippet = snippet
        self._snippet_before_policy = snippet_before_policy
        self._before_policy = before_policy
        self._is_document = not documents_only
        self._charset_is_known = charset_is_known
        self._limit = limit
        self._step: Callable[[Inserter], bool] = Inserter._begin

    @property
    def stays(self) -> bool:
        """Whether the document stays unchanged."""
        return self.added == 0

    @property
    def position(self) -> int:
        """How many of the bytes that are held, or were when the snippet went in, are understood."""
        return self._position

    def feed(self, data: bytes) -> bytes:
        """Take the document's next bytes and return what may go on its way.

        The same bytes in other pieces give the same document. Once the place is known, the very
        same object is returned.
        """
        if self.added is not None:
            return data
        if not self._charset_is_known and len(self._start) < PRESCAN:
            self._start += data[: PRESCAN - len(self._start)]
        self._text = self._text + data if self._text else data
        if self._awaited and not self._awaited.search(data) and len(self._text) <= self._limit:
            return b""
        self._awaited = None
        while self._step(self):
            pass
        if not self._is_decided:
            if self._place is not None:
                self._decide_unless_more_matters(self._place)
                if not self._is_decided and len(self._text) - self._place > self._limit:
                    self._decide_at_stylesheet(self._place)
            if not self._is_decided and len(self._text) - self._sendable > self._limit:
                self.is_determined = False
                return self._insert()
        return self._insert() if self._is_decided else self._send()

    def flush(self) -> bytes:
        """Say that what was fed must not wait for more; return what may go on its way of the rest.

        If the first stylesheet has come, the snippet goes in before it, and if a script is held,
        before that. There is one exception to both: a `<meta charset>` may follow that the snippet
        would push out of the browser's sight. Then the script is held further, and for a stylesheet
        the snippet goes to the end of the head.
        """
        if self.added is not None:
            return b""
        sent = b""
        if self._place is not None:
            self._decide_at_stylesheet(self._place)
            if self._is_decided:
                return self._insert()
            sent = self._send()
        if self._element != b"script" or self._awaits_charset() or self._hides(self._sendable):
            return sent
        self.is_determined = False
        return sent + self._insert()

    def finish(self) -> bytes:
        """Say that the document has ended; return the rest of it."""
        if self.added is not None:
            return b""
        if self._step is Inserter._look_for_charset:
            self._end_before_policy()
            return self._insert()
        self._end_head()
        return self._insert() if self._place is not None else self._send() + self._finish()

    def _finish(self) -> bytes:
        if self._step is Inserter._walk_comment:
            self._sendable = len(self._text)
            return self._insert(_comment_closer(self._text))
        if self._element == b"":
            self._sendable, closer = _place_at_end_of_file(self._text)
            return self._insert(closer)
        if self._step is Inserter._walk_raw_text:
            self._sendable = len(self._text)  # the beginning of an end tag is text by now
        return self._insert()

    def insert_behind(self, data: bytes, rest: bytes = b"") -> bytes:
        """Take the document's next bytes and return all that is held, the snippet behind it.

        Its place is given, anywhere in the document. `rest` is what follows as far as it has
        come, which is only looked at.
        """
        text = self._text + data
        if self._snippet_before_policy is not None:
            self._text = text + rest[: self._limit]
            while self._step(self):
                pass
            has_policy = self._step is Inserter._look_for_charset
            self.is_determined = self.is_determined and (self._is_decided or has_policy)
        snippet, self._text = self._form(), b""
        self.added = len(snippet)
        return text + snippet

    def _form(self) -> bytes:
        if self._snippet_before_policy is not None and self._policy_may_follow:
            return self._snippet_before_policy
        return self._snippet

    def _insert(self, closer: bytes | None = None) -> bytes:
        if self._stays or not self._is_document:
            self.is_fragment = not self._stays
            self.added, text, self._text = 0, self._text, b""
            return text
        place, snippet = self._place, self._form()
        if place is not None:
            closer = b""
        elif closer is None:
            closer = b"</" + self._element + b">" if self._element in _RAW_TEXT_END else b""
        self.added = len(closer) + len(snippet)
        view = memoryview(self._text)
        place = self._sendable if place is None else place
        self.inserted = place, closer, snippet is self._snippet_before_policy
        self._text = b""
        return b"".join((view[:place], closer, snippet, view[place:]))

    def _send(self) -> bytes:
        size = self._sendable if self._place is None else self._place
        ready, self._text = self._text[:size], self._text[size:]
        self._sent += size
        self._position -= size
        self._sendable -= size
        if self._place is not None:
            self._place = 0
        return ready

    def _awaits_charset(self) -> bool:
        """Whether a `<meta charset>` may come where a browser sees it."""
        return not self._charset_is_known and (
            len(self._start) < PRESCAN and _end_of_charset(self._start) is None
        )

    def _hides(self, place: int, end: int = PRESCAN) -> bool:
        """Whether there is one between a place and an end that the snippet pushes out of sight."""
        if self._charset_is_known:
            return False
        charset = _end_of_charset(self._start)
        longest = max(len(self._snippet), len(self._snippet_before_policy or b""))
        if charset is None or charset <= PRESCAN - longest:
            return False
        return self._sent + place < charset <= self._sent + end

    def _meet_stylesheet(self) -> None:
        if not self._seeks_stylesheet:
            return
        self._seeks_stylesheet = False
        self._place = self._sendable
        self._decide_unless_more_matters(self._place)

    def _decide_unless_more_matters(self, place: int) -> None:
        """Decide about the place before the stylesheet if nothing depends on what comes next."""
        if self._snippet_before_policy is None:
            self._is_decided = not (self._awaits_charset() or self._hides(place))

    def _decide_at_stylesheet(self, place: int) -> None:
        """Decide about the place before the stylesheet without what comes next."""
        self.is_determined = False
        self._is_decided = not (self._awaits_charset() or self._hides(place))
        if not self._is_decided:
            self._place = None

    def _end_head(self) -> None:
        self._is_decided = True
        self._policy_may_follow = False
        self._choose_place()

    def _choose_place(self) -> None:
        if self._place is not None and self._hides(self._place, self._sendable):
            self._place = None

    # Each step understands some more of the text, and tells whether to go on with `self._step`.

    def _begin(self) -> bool:
        text = self._text
        if text.startswith(_WIDE_BOMS):
            self._is_decided = self._stays = True
            return False
        if text[:1] in _STARTS_OF_BOMS and any(
            mark.startswith(text) and mark != text for mark in _BOMS
        ):
            return False
        if text.startswith(_UTF8_BOM):
            self._position = self._sendable = len(_UTF8_BOM)
            self._charset_is_known = True
        self._step = Inserter._walk
        return True

    def _walk(self) -> bool:
        """Walk along the head, from one token to the next."""
        if self._is_document:
            self._walk_usual()
            if self._is_decided:
                return False
        self._sendable = self._position
        token = _TOKEN.match(self._text, self._position)
        if token is None:
            unfinished = _UNFINISHED_TOKEN.match(self._text, self._position)
            if not unfinished:
                self._end_head()
            self._awaited = _NAME_ENDS if unfinished and unfinished["name"] else None
            return False
        if not self._is_document:
            if _is_unfinished_doctype(token):
                return False
            self._is_document = _begins_document(token)
            if not self._is_document and not _may_precede_document(token):
                self._is_decided = True
                return False
        if token["tag"]:
            if _leaves_head(token):
                self._end_head()
                # The head may go on behind a template.
                self._policy_may_follow = token["name"].lower() == b"template"
                return False
            self._tag = b"" if token["slash"] else token["name"].lower()
            self._step = Inserter._walk_tag
        elif token["comment"]:
            self._step = Inserter._begin_comment
        elif token["declaration"]:
            self._step = Inserter._walk_declaration
        self._position = token.end()
        return True

    def _walk_usual(self) -> None:
        while True:
            usual = _USUAL_BEFORE_STYLESHEET if self._seeks_stylesheet else _USUAL
            found = usual.match(self._text, self._position)
            if found is None:
                return
            end = found.end()
            has_moved = end > self._position
            self._position = end
            if self._seeks_stylesheet and found["stylesheet"] is not None:
                self._sendable = end
                self._meet_stylesheet()
                if self._is_decided:
                    return
            elif not has_moved or self._text.startswith(b"</", end):
                return  # nothing usual begins so

    def _walk_tag(self) -> bool:
        """Walk along the attributes of a tag (sections 13.2.5.32 to 40)."""
        while True:
            attribute = _ATTRIBUTE.match(self._text, self._position)
            assert attribute is not None  # noqa: S101  # the pattern matches the empty text
            if attribute["end"]:
                self._position = attribute.end()
                self._tag_ends()
                return not self._is_decided
            if attribute.end() == len(self._text):
                self._awaited = _DOUBLE_QUOTE if attribute["double"] is not None else _GT
                self._awaited = _SINGLE_QUOTE if attribute["single"] is not None else self._awaited
                return False
            self._position = attribute.end()

    def _tag_ends(self) -> None:
        if self._tag == b"":
            self._element = b""
            self._step = Inserter._walk
        elif self._tag == b"script":
            self._element = self._tag
            self._is_escaped = self._is_escaped_twice = False
            self._step = Inserter._walk_script
        elif self._tag in _RAW_TEXT_END:
            if self._tag == b"style":
                self._meet_stylesheet()
            self._element = self._tag
            self._sendable = self._position
            self._step = Inserter._walk_raw_text
        else:
            self._step = Inserter._walk
            tag = self._text[self._sendable : self._position]
            if self._tag == b"link" and self._seeks_stylesheet and _is_stylesheet(tag):
                self._meet_stylesheet()
            elif self._tag == b"meta" and self._before_policy and _sets_policy(tag):
                self._step = Inserter._look_for_charset
            # Behind a stylesheet, the place may be decided, so how the page is cut would matter.
            elif self._tag == b"html" and self._seeks_stylesheet and _is_amp(tag):
                self._is_decided = self._stays = True

    def _look_for_charset(self) -> bool:
        """Look whether a `<meta charset>` follows that the snippet would push out of sight."""
        if not self._awaits_charset():
            self._end_before_policy()
        return False

    def _end_before_policy(self) -> None:
        self._is_decided = True
        self._choose_place()
        # The script or the charset: the page stays unchanged.
        self._stays = self._hides(self._sendable if self._place is None else self._place)

    def _walk_raw_text(self) -> bool:
        """Look for the element's end tag (RCDATA and RAWTEXT, sections 13.2.5.2 and 3)."""
        text, position = self._text, self._position
        while (position := text.find(b"</", position)) >= 0:
            end_tag = _RAW_TEXT_END[self._element].match(text, position)
            if end_tag:
                self._sendable = position
                return self._begin_end_tag(end_tag)
            rest = text[position : position + _LONGEST_END_TAG]
            if position + len(rest) == len(text) and _begins_end_tag(rest, self._element):
                break
            position += 2
        else:
            position = len(text) - text.endswith(b"<")
        self._position = self._sendable = position
        return False

    def _walk_script(self) -> bool:
        """Look for the script's end tag.

        After `<!--` a `<script` opens a second level that needs an end tag of its own, until `-->`
        (script data escaped and double escaped states, sections 13.2.5.18 to 31).
        """
        text, end = self._text, -1
        while True:
            if self._is_escaped:
                mark = _ESCAPED_SCRIPT_MARK.search(text, self._position)
                if mark is None:
                    break
                if mark["slash"] and not self._is_escaped_twice:
                    return self._begin_end_tag(mark)
                self._is_escaped = not mark["close"]
                self._is_escaped_twice = not (mark["close"] or mark["slash"])
                self._position = mark.end()
                continue
            if end < self._position:
                end = text.find(b"</", self._position)
                end = len(text) if end < 0 else end
            comment = text.find(b"<!--", self._position, end)
            if comment >= 0:
                self._is_escaped = True
                self._position = comment + 2  # its dashes may be those of "-->"
                continue
            end_tag = _SCRIPT_END.match(text, end)
            if end_tag:
                return self._begin_end_tag(end_tag)
            if end > len(text) - _LONGEST_END_TAG:
                break
            self._position = end + 2
        self._position = max(self._position, len(text) - _LONGEST_END_TAG)
        self._awaited = _GT
        return False

    def _begin_end_tag(self, found: re.Match[bytes]) -> bool:
        self._position = found.end()
        self._tag = b""
        self._step = Inserter._walk_tag
        return True

    def _begin_comment(self) -> bool:
        """Look for an end that is no end elsewhere (sections 13.2.5.43 and 44)."""
        text, position = self._text, self._position
        for abrupt in (b">", b"->"):
            if text.startswith(abrupt, position):
                self._position += len(abrupt)
                self._step = Inserter._walk
                return True
        if text[position : position + 2] in (b"", b"-"):
            return False
        self._step = Inserter._walk_comment
        return True

    def _walk_comment(self) -> bool:
        end = _COMMENT_END.search(self._text, self._position)
        if end:
            self._position = end.end()
            self._step = Inserter._walk
            return True
        self._position = max(self._position, len(self._text) - len(b"--!"))
        self._sendable = self._position
        return False

    def _walk_declaration(self) -> bool:
        end = self._text.find(b">", self._position)
        if end >= 0:
            self._position = end + 1
            self._step = Inserter._walk
            return True
        self._awaited = _GT
        return False


def insert(document: bytes, snippet: bytes) -> bytes:
    """Return the whole HTML document with the snippet before the first stylesheet of its head.

    Without a stylesheet it stands at the end of the head.
    """
    inserter = Inserter(snippet)
    return inserter.feed(document) + inserter.finish()


def _begins_end_tag(text: bytes, name: bytes) -> bool:
    return (b"</" + name).startswith(text.lower())


def _begins_document(token: re.Match[bytes]) -> bool:
    if token["tag"]:
        return not token["slash"] and token["name"].lower() in _DOCUMENT_TAGS
    return _DOCTYPE.match(token.string, token.start()) is not None


def _may_precede_document(token: re.Match[bytes]) -> bool:
    """Whether it is a space or a comment, as `<?xml …?>` is one too."""
    return bool(token["space"] or token["comment"] or token["declaration"] == b"<?")


def _is_unfinished_doctype(token: re.Match[bytes]) -> bool:
    beginning = token.string[token.start() : token.start() + len(b"<!doctype")]
    return len(beginning) < len(b"<!doctype") and b"<!doctype".startswith(beginning.lower())


def _leaves_head(tag: re.Match[bytes]) -> bool:
    """Whether a tag makes the parser leave the head; the end tags that do not are ignored by it.

    A template may be in the head, but a script inside it does not run, and only a whole parser can
    tell where it ends. The place before the template is in the head as well.
    """
    name = tag["name"].lower()
    return name in _LEAVING_END_TAGS if tag["slash"] else name not in _HEAD_START_TAGS


def _attributes(text: bytes, position: int, end: int) -> tuple[dict[bytes, bytes], int]:
    """Return a tag's attributes, names in lower case, and where they end.

    `position` is the end of the tag's name. Values are as they are written, without quotes.
    """
    values: dict[bytes, bytes] = {}
    # No search: where blanks follow the last attribute, it would begin at each of them anew.
    while attribute := _NAMED_VALUE.match(text, position, end):
        value = attribute["value"] or b""
        if value.startswith((b'"', b"'")):
            value = value[1:-1]
        values.setdefault(attribute["name"].lower(), value)
        position = attribute.end()
    return values, position


def _value(tag: bytes, element: bytes, name: bytes) -> str:
    """Return the value of an attribute of a whole start tag, in lower case; '' if it has none."""
    if name not in tag.lower():
        return ""
    values, _ = _attributes(tag, len(b"<" + element), len(tag) - 1)
    text = _NUMBER.sub(r"&#\1", values.get(name, b"").decode("latin-1"))
    return html.unescape(text).lower()


def _sets_policy(tag: bytes) -> bool:
    """Whether a whole `<meta …>` tag holds a Content-Security-Policy (section 4.2.5.3)."""
    return _value(tag, b"meta", b"http-equiv") == "content-security-policy"


def _is_stylesheet(tag: bytes) -> bool:
    """Whether a whole `<link …>` tag is that of a stylesheet (section 4.6.7.20)."""
    return "stylesheet" in _SPACES.split(_value(tag, b"link", b"rel"))


def _is_amp(tag: bytes) -> bool:
    """Whether a whole `<html …>` tag says that the page is one for AMP, in any of its formats."""
    values, _ = _attributes(tag, len(b"<html"), len(tag) - 1)
    return any(map(_AMP.fullmatch, values))


def _end_of_charset(start: bytes) -> int | None:
    """Return where the first `<meta>` ends that tells a browser the charset (section 13.2.3.2).

    None if no charset ends within the document's first bytes.
    """
    position = 0
    while found := _COMMENT_OR_META.search(start, position):
        position = found.end()
        if not found["meta"]:
            continue
        values, position = _attributes(start, position, len(start))
        by_type = values.get(b"http-equiv", b"").lower() == b"content-type"
        if b"charset" in values or (by_type and b"charset" in values.get(b"content", b"").lower()):
            end = _TAG_END.match(start, position)
            return end.end() if end else None
    return None


def _place_at_end_of_file(rest: bytes) -> tuple[int, bytes]:
    """Return the place in the unfinished token at the end, and what closes that token before it.

    At the end of the file a comment is closed by the parser, and so is a doctype, which then means
    quirks mode. Anything else that is unfinished is dropped or taken for text.
    """
    if rest.startswith(b"&#") and _TOKEN.match(rest + b";"):
        return len(rest), b""
    if rest.startswith(b"<!--"):
        return len(rest), _comment_closer(rest[len(b"<!--") :])
    if _DOCTYPE.match(rest) and not _DOCTYPE_WITHOUT_NAME_OR_IN_QUOTES.match(rest):
        return len(rest), b" ?>"
    if rest.startswith((b"<!", b"<?")) or (rest.startswith(b"</") and not rest[2:3].isalpha()):
        return (0, b"") if rest.lower() in _NOTHING_AT_END_OF_FILE else (len(rest), b">")
    return 0, b""


def _comment_closer(end: bytes) -> bytes:
    """What closes a comment that ends so, without adding to its text."""
    if end.endswith((b"--", b"--!")):
        return b">"
    return b"->" if end.endswith(b"-") else b"-->"
