"""Forms of `Origin` that have fooled other whitelists; ours must refuse them.

The whitelist that they are made for is `WHITELISTED`, whose origins are `ACCEPTED` and
`https://<labels>.cards.example.com`. They are drawn from PortSwigger's cheat sheet of URL
validation bypasses, from what Corsy, CORScanner and nuclei try, and from what has been written
about the matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import punctuation

WHITELISTED = ("help.example.com", "help.example.com:8443", "localhost:8003", "*.cards.example.com")
ACCEPTED = (
    "https://help.example.com",
    "https://help.example.com:8443",
    "https://localhost:8003",
    "http://localhost:8003",
)


def _words(text: str) -> list[str]:
    return text.split()


def _utf8(text: str) -> str:
    """Return what a server makes of the field when a client sends it in UTF-8."""
    return text.encode().decode("latin-1")


# What no domain name has. Some browsers let some of it into one all the same (Safari nearly all of
# `,&'";!$^*()+=`~_{}|`), and there are parsers that end a host at each of the others.
_ODD = [
    *punctuation.replace(".", ""),
    *" \t\n\r\0\x0b\x0c\x1f\x7f\x85\xa0\xad",
    "\r\n",
    *_words("%00 %09 %0a %0b %0d%0a %20 %23 %2e %2f %3a %3f %40 %5c %60 %ff %252e"),
]
_SCHEMES = """http ftp ws wss file javascript data about blob chrome chrome-extension moz-extension
    safari-web-extension android-app app capacitor ionic tauri resource intent gopher view-source
    ssh httpss xhttps http+s shttp https+http htps s 0 * ."""
_THIS_MACHINE = """127.0.0.1 127.1 127.0.0.2 0 0.0.0.0 2130706433 0x7f000001 0x7f.1 0177.0.0.1
    017700000001 127.0.0.1. [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:0:0:1]
    [::1%25lo] ::1 [localhost] localhost.localdomain localhost6 ip6-localhost 127.0.0.1.nip.io
    local_host"""

ORIGIN_TRICKS: Mapping[str, Sequence[str]] = {
    # A text that stands for no origin, or for any: of sandboxed frames, files, redirects.
    "no origin": [
        "",
        "null ",
        "null, null",
        *_words("""null NULL Null "null" undefined None 0 * *.* https://* https:// http:// https:
            :// // . about:blank about:srcdoc data: data:text/html, file:// file:/// blob:null"""),
    ],
    # A site that has nothing to do with ours. It gets an answer if any origin is reflected.
    "another site": _words("""
        https://evil.test http://evil.test https://example.com https://example.org
        https://www.example.com https://help.example.org https://help.example.net
        https://help.evil.test https://com"""),
    # The host is only the end of the attacker's: `endswith`, or a pattern without its `^`.
    "more before the host": _words("""
        https://evilhelp.example.com https://evil-help.example.com https://evil.help.example.com
        https://www.help.example.com https://evil.test.help.example.com
        https://help.example.com.help.example.com https://evilhelp.example.com:8443
        https://evillocalhost:8003 http://evil.localhost:8003 https://a.localhost:8003"""),
    # The host is only the beginning of the attacker's: `startswith`, or a pattern without its `$`.
    "more after the host": _words("""
        https://help.example.com.evil.test https://help.example.comevil.test
        https://help.example.community https://help.example.com.au https://help.example.coma
        https://help.example.com-evil.test https://help.example.com.evil
        https://help.example.com.local https://help.example.com.localhost
        https://help.example.com:8443.evil.test https://help.example.com.evil.test:8443
        https://localhost.evil.test http://localhost.evil.test:8003 https://localhostevil:8003
        http://localhost:8003.evil.test http://localhost:8003evil.test
        https://a.cards.example.com.evil.test https://a.cards.example.comevil.test"""),
    # The host is a part of the attacker's: `in`, or a search for a pattern.
    "in the middle": _words("""
        https://evil.help.example.com.evil.test https://evilhelp.example.comevil.test
        https://evil-localhost:8003.evil.test https://evil.a.cards.example.com.evil.test
        https://evil.test/https://help.example.com/ https://evil.test/?o=help.example.com&
        https://evil.test/#help.example.com/ xhttps://help.example.comx"""),
    # A part of the host: it passes a comparison with swapped sides.
    "less than the host": _words("""
        https://help.example.co https://help.example.c https://help.example https://help https://h
        https://elp.example.com https://p.example.com https://example.com:8443 https h
        https://help.example.com:844 https://localhost:800 https://ocalhost:8003"""),
    # A dot of a pattern that nobody escaped matches any character.
    "another letter for a dot": _words("""
        https://helpxexample.com https://help.examplexcom https://helpxexamplexcom
        https://helpexample.com https://help.examplecom https://help0example.com
        https://a.cardsxexample.com https://axcards.example.com https://a.cards.examplexcom"""),
    # Such a character where a prefix is looked for: the site is evil.test's.
    "odd characters after the host": [f"https://help.example.com{odd}.evil.test" for odd in _ODD],
    # The same as a label of its own.
    "odd labels after the host": [f"https://help.example.com.{odd}.evil.test" for odd in _ODD],
    # Such a character where a suffix is looked for.
    "odd characters before the host": [f"https://evil.test{odd}help.example.com" for odd in _ODD],
    # Such a character for a dot.
    "odd characters for a dot": [f"https://help{odd}example.com" for odd in _ODD],
    # Such a character and nothing after it: what `$` or `strip` passes over.
    "odd characters at the end": [f"https://help.example.com{odd}" for odd in _ODD],
    # Such a character in what a wildcard stands for: a host that ends before it is evil.test.
    "odd characters in a wildcard": [f"https://evil.test{odd}.cards.example.com" for odd in _ODD],
    # Blanks around: a server takes some of them away (RFC 9110, 5.5), and a whitelist need not.
    "blanks around": [
        " https://help.example.com",
        "\thttps://help.example.com",
        "  https://help.example.com  ",
        "\nhttps://help.example.com",
        "\r\nhttps://help.example.com",
        "\0https://help.example.com",
        "\xa0https://help.example.com",
        _utf8("\ufeffhttps://help.example.com"),
        "https://a.cards.example.com ",
        "https://a.cards.example.com\n",
        "http://localhost:8003 ",
        "http://localhost:8003\n",
    ],
    # Blanks inside, some of which the URL parsers of browsers leave out.
    "blanks inside": [
        "https ://help.example.com",
        "https: //help.example.com",
        "https:// help.example.com",
        "ht\ttps://help.example.com",
        "https:/\t/help.example.com",
        "https://he\tlp.example.com",
        "https://help\n.example.com",
        "https://help.example.com :8443",
        "https://help.example.com: 8443",
    ],
    # The host is the user's name, and the site another; or there is a name before the right host.
    "user info": _words("""
        https://help.example.com@evil.test https://help.example.com:pw@evil.test
        https://help.example.com:8443@evil.test https://help.example.com%40evil.test
        https://help.example.com@@evil.test https://help.example.com&@evil.test#@help.example.com
        https://a.cards.example.com@evil.test https://evil.test@a.cards.example.com
        https://user@help.example.com https://user:pw@help.example.com https://@help.example.com
        https://:@help.example.com https://evil.test:443@help.example.com
        https://help.example.com@help.example.com http://localhost:8003@evil.test"""),
    # Dots that a resolver passes over, so that the host is the same and the origin is not.
    "dots": _words("""
        https://help.example.com. https://help.example.com.. https://.help.example.com
        https://help..example.com https://help.example..com https://help.example.com.:8443
        https://localhost.:8003 http://localhost.:8003 https://..help.example.com
        https://help.example.com./ https://./help.example.com"""),
    # Browsers write schemes and hosts in lower case; a comparison that passes case over is loose.
    "case": _words("""
        https://HELP.example.com https://help.Example.com https://help.example.COM
        HTTPS://help.example.com Https://help.example.com HTTPS://HELP.EXAMPLE.COM
        https://LOCALHOST:8003 http://Localhost:8003 https://help.example.coM:8443"""),
    # A port is a part of the origin; the default one is never written. 73979 and 65979 are 8443
    # and 443 in 16 bits.
    "ports": _words("""
        https://help.example.com:443 https://help.example.com:80 https://help.example.com:0
        https://help.example.com:8444 https://help.example.com:84430 https://help.example.com:08443
        https://help.example.com:0443 https://help.example.com:65536 https://help.example.com:-1
        https://help.example.com:73979 https://help.example.com:65979
        https://help.example.com:8443:8443 https://help.example.com:443:8443
        https://help.example.com:8_443 https://help.example.com:+8443 https://help.example.com:8443a
        https://help.example.com:8443. https://help.example.com:8443/ https://help.example.com:https
        https://help.example.com:0x20fb https://help.example.com::8443 http://help.example.com:8443
        http://help.example.com:443 http://help.example.com:80 https://help.example.com:8003
        https://localhost http://localhost https://localhost:443 http://localhost:80
        http://localhost:8004 http://localhost:80030 https://localhost:08003 http://localhost:
        https://localhost:8443 https://localhost:8003: https://a.cards.example.com:443
        https://a.cards.example.com:8443 https://a.cards.example.com:"""),
    # Python's `\d` and `int` know the digits of other scripts, and `isdigit` superscripts.
    "characters that only look like digits": [
        "https://help.example.com:844\xb3",
        _utf8("https://help.example.com:\uff18\uff14\uff14\uff13"),
        _utf8("http://localhost:\u0668\u0660\u0660\u0663"),
    ],
    # Any scheme except https: anybody on the way may have written what is sent in plain text.
    "schemes": [
        *(f"{scheme}://help.example.com" for scheme in _SCHEMES.split()),
        *_words("""blob:https://help.example.com filesystem:https://help.example.com
            view-source:https://help.example.com http://a.cards.example.com ws://localhost:8003
            capacitor://localhost ionic://localhost file://localhost:8003
            url:https://help.example.com"""),
    ],
    # The scheme is missing, doubled or misspelt.
    "around the scheme": _words("""
        help.example.com //help.example.com ://help.example.com /help.example.com
        https:help.example.com https:/help.example.com https:///help.example.com
        https:////help.example.com https//help.example.com https;//help.example.com
        https:://help.example.com https::help.example.com https://https://help.example.com
        https:https://help.example.com http://https://help.example.com http:https://localhost:8003
        help.example.com:8443 localhost:8003 //localhost:8003 https:.//help.example.com
        https://evil.test;https://help.example.com https+://help.example.com"""),
    # A backslash is a slash to browsers but not to other parsers.
    "backslashes": _words(r"""
        https:\\help.example.com https:/\help.example.com https:\/help.example.com
        https://evil.test\@help.example.com https://help.example.com\@evil.test
        https://help.example.com:8443\@@evil.test https://evil.test\\help.example.com
        https://\help.example.com https://h\elp.example.com \\help.example.com
        https://evil.test\a.cards.example.com https://evil.test\.help.example.com"""),
    # What follows an origin in a URL is no part of it.
    "paths, queries, fragments": _words("""
        https://help.example.com/index.html https://help.example.com// https://help.example.com/?
        https://help.example.com/.. https://help.example.com/# https://help.example.com?a=b
        https://help.example.com#a https://help.example.com/@evil.test https://help.example.com;a
        https://evil.test/help.example.com/ https://evil.test//help.example.com
        https://evil.test?https://help.example.com https://evil.test#https://help.example.com
        https://evil.test/a.cards.example.com https://evil.test?a.cards.example.com
        https://evil.test#a.cards.example.com https://evil.test/?.cards.example.com
        https://evil.test:443/.cards.example.com https://evil.test:443#.cards.example.com
        http://localhost:8003/ https://a.cards.example.com/"""),
    # Several in one field (RFC 6454 let it be a list; WSGI joins fields of one name with a comma).
    "several": [
        "https://help.example.com, https://evil.test",
        "https://evil.test, https://help.example.com",
        "https://help.example.com https://evil.test",
        "https://evil.test https://help.example.com",
        "https://help.example.com https://help.example.com",
        "https://help.example.com https://help.example.com:8443",
        "https://help.example.com, null",
        "https://help.example.com, *",
        "null, https://help.example.com",
        "null https://help.example.com",
        "https://help.example.com\nhttps://evil.test",
        "https://help.example.com\r\nX-A: b",
        "Origin: https://help.example.com",
        ", ",
        *_words("""
            https://help.example.com,https://evil.test https://evil.test,https://help.example.com
            https://help.example.com;https://evil.test https://help.example.com|https://evil.test
            https://help.example.com,https://help.example.com ,https://help.example.com
            https://help.example.comhttps://evil.test [https://help.example.com]
            ["https://help.example.com"] <https://help.example.com> 'https://help.example.com'
            "https://help.example.com" (https://help.example.com)"""),
    ],
    # Letters that look like ours, or that UTS #46 maps to ours. A Cyrillic letter and one with an
    # accent come raw and in Punycode. The others are full width, circled, script, Roman and long.
    "look-alike letters": [
        *_words("https://xn--hlp-rdd.example.com https://xn--hlp-bma.example.com"),
        "https://h\xe9lp.example.com",
        *map(
            _utf8,
            _words("""
                https://h\u0435lp.example.com https://h\u00e9lp.example.com
                https://\uff48elp.example.com https://\uff48\uff45\uff4c\uff50.example.com
                https://\u24d7elp.example.com https://he\u2113p.example.com
                https://help.example.\u217dom https://help.example.\u2103om
                http\u017f://help.example.com https://localho\u017ft:8003"""),
        ),
    ],
    # Dots: the ideographic, the full and the half width one, which end a label too, and others.
    "look-alike dots": [
        _utf8(f"https://{before}{dot}{after}")
        for before, after in (("help", "example.com"), ("a", "cards.example.com"))
        for dot in "\u3002\uff0e\uff61\u2024\ufe52\u00b7\u0387"
    ],
    # Characters of which NFKC makes `/`, `?`, `#`, `@`, `:`, a backslash, `a/c`, `c/o` or `1.`.
    "characters that split": [
        _utf8(f"https://{before}{split}{after}")
        for before, after in (
            ("evil.test", ".cards.example.com"),
            ("help.example.com", ".evil.test"),
        )
        for split in "\uff0f\uff1f\uff03\uff20\uff1a\uff3c\u2100\u2105\u2488\u2a74\ufe16\ufe5f"
    ],
    # Characters that are not seen, most of which UTS #46 leaves out.
    "unseen characters": [
        _utf8(f"https://help{unseen}.example.com")
        for unseen in "\u00ad\u034f\u180b\u200b\u200c\u200d\u202e\u2028\u2060\u2064\ufe0f\ufeff"
    ],
    # Letters to Python's `\w`, `isalnum` and `islower`, or to `[a-z]` without regard to case; then
    # a byte that begins no character, and an overlong dot.
    "characters that only look like letters": [
        *(f"https://{letter}.cards.example.com" for letter in "\xaa\xb2\xb5\xba\xdf\xe9"),
        *(
            _utf8(f"https://{letter}.cards.example.com")
            for letter in "\u0131\u0130\u017f\u212a\u0661"
        ),
        "https://help\xff.example.com",
        "https://help\xc0\xaeexample.com",
    ],
    # Escapes that something on the way undoes.
    "escapes": _words(r"""
        https%3A%2F%2Fhelp.example.com https%3a//help.example.com https:%2f%2fhelp.example.com
        https://%68elp.example.com https://help.example.co%6d https://%2568elp.example.com
        https://help%E3%80%82example.com https://help%c0%aeexample.com %68ttps://help.example.com
        https://help.example.com%3a8443 https://help.example.com%2f@evil.test
        https%00://help.example.com https://help.example.com%2f%2eevil.test
        https://evil.test%2523help.example.com https://help\.example\.com
        https://help\u002eexample.com https://help&#46;example.com https:\/\/help.example.com
        =?utf-8?q?https=3A//help=2Eexample=2Ecom?="""),
    # Other names of this machine: only the one that is whitelisted is meant.
    "this machine": [
        *(
            f"{scheme}://{host}:8003"
            for scheme in ("http", "https")
            for host in _THIS_MACHINE.split()
        ),
        *_words("""http://[::1] http://127.0.0.1 https://0x7f000001 http://localhost@127.0.0.1:8003
            http://[::ffff:127.0.0.1].localhost:8003 https://[help.example.com]"""),
    ],
    # The wildcard as it is written, no label, an empty one, and labels that no domain name has.
    "wildcards": [
        *_words("""
            *.cards.example.com https://*.cards.example.com https://.cards.example.com
            https://cards.example.com https://evilcards.example.com https://evil-cards.example.com
            https://a..cards.example.com https://.a.cards.example.com https://..cards.example.com
            https://a.cards.example.com. https://a.*.cards.example.com https://**.cards.example.com
            https://-a.cards.example.com https://a-.cards.example.com https://-.cards.example.com
            https://b.-a.cards.example.com https://b-.a.cards.example.com
            https://--.cards.example.com https://a_b.cards.example.com https://_a.cards.example.com
            https://_.cards.example.com https://A.cards.example.com https://a.B.cards.example.com
            https://a.Cards.example.com https://a.cards.example.comm https://a.xcards.example.com
            https://a.card.example.com https://a.example.com https://*.example.com
            https://a.cards.com https://%2a.cards.example.com https://a%2ecards.example.com
            https://https://a.cards.example.com https:///a.cards.example.com
            https://a.help.example.com https://[::1].cards.example.com
            https://a:8443.cards.example.com a.cards.example.com"""),
        "https://a b.cards.example.com",
        "https:// .cards.example.com",
        "https://\n.cards.example.com",
        "https://a\n.cards.example.com",
    ],
    # Longer than a label (63) or a host (253) may be, and so long that a pattern gets slow.
    "long": [
        f"https://{'a' * 64}.cards.example.com",
        f"https://b.{'a' * 64}.cards.example.com",
        f"https://aa.{'a.' * 117}cards.example.com",  # a host of 254 characters
        f"https://{'a.' * 119}cards.example.com",  # one of 255
        f"https://{'a.' * 4000}cards.example.com",
        f"https://{'a' * 8000}",
        f"https://{'a-' * 4000}.cards.example.com",
        f"https://{'-' * 4000}.cards.example.com",
        f"https://{'a.' * 4000}evil.test",
        f"https://{'evil.' * 50}help.example.com",
        f"https://{'.' * 4000}cards.example.com",
        f"https://help.example.com{' ' * 4000}",
        f"https://help.example.com:{'0' * 4000}8443",
        f"https://help.example.com{'/' * 4000}",
        "https://help.example.com" * 100,
    ],
}
