"""Forms of `to` that have misled other redirects; ours must refuse them.

They are what the parameter is once its query has been decoded, and are made for the same whitelist
as `origin_tricks`. They are drawn from PortSwigger's cheat sheet of URL validation bypasses,
PayloadsAllTheThings and others. The handoff also refuses what a browser would mend and take to a
whitelisted site: who follows a URL and who checks it need not mend alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def _words(text: str) -> list[str]:
    return text.split()


# What a URL parser of a browser leaves out at the beginning (all of them) or anywhere (a few).
_BLANKS = ["\0", "\x01", "\b", "\t", "\n", "\x0b", "\x0c", "\r", "\r\n", "\x1b", "\x1f", " "]

REDIRECT_TRICKS: Mapping[str, Sequence[str]] = {
    # Nothing, or what is relative to a page that nobody named.
    "no URL": _words("""
        null undefined 0 / . .. ./ ../ /path path ?a=b #a ; * https https: http: https:// http://
        https:/ // /// :// /.well-known/pavior/handoff ?to=https://evil.test @ @evil.test .evil.test
        :443 :@evil.test""")
    + ["", " ", "\n"],
    # Another site, plainly, and whatever text from us is in it.
    "another site": _words("""
        https://evil.test http://evil.test https://evil.test/ evil.test https://example.com
        https://evil.test/https://help.example.com https://evil.test/help.example.com
        https://evil.test?https://help.example.com https://evil.test#https://help.example.com
        https://evil.test/?to=https://help.example.com https://evil.test/#/help.example.com
        https://evil.test/;@help.example.com https://evil.test/..;/help.example.com
        https://evil.test:443/@help.example.com https://evil.test:80?@help.example.com
        https://evil.test:80#@help.example.com https://shop.example.com https://www.example.com
        https://evil.test//help.example.com/.. https://evil.test/%2f.. https://evil.test/.help.example.com
        https://evil.test/a.cards.example.com https://evil.test?.cards.example.com"""),
    # No scheme: what looks like a path is a host, since browsers take slashes for backslashes.
    "no scheme": _words(r"""
        //evil.test ///evil.test ////evil.test /////evil.test \\evil.test \/evil.test /\evil.test
        \/\/evil.test /\/evil.test //\evil.test \\\evil.test /\/\evil.test //evil.test/%2f..
        //help.example.com@evil.test ///help.example.com@evil.test //evil.test\@help.example.com
        /https://evil.test //https://evil.test /https:///evil.test /;//evil.test /.//evil.test
        /..//evil.test ///;@evil.test .//evil.test //%5cevil.test /%5cevil.test /%2f/evil.test
        /%09/evil.test %2f%2fevil.test //help.example.com ///help.example.com help.example.com
        help.example.com:8443 localhost:8003 //localhost:8003 \\help.example.com"""),
    # Too few slashes or too many, or others: to a browser all of them are `https://`.
    "slashes of the scheme": _words(r"""
        https:evil.test http:evil.test https:/evil.test https:///evil.test https:////evil.test
        https:\\evil.test https:/\evil.test https:\/evil.test https:\/\/evil.test https:\evil.test
        https:/\/evil.test https:@evil.test https:/@evil.test https:help.example.com@evil.test
        https:help.example.com https:/help.example.com https:///help.example.com
        https:\\help.example.com https:/\help.example.com https:\/help.example.com
        https//help.example.com https;//help.example.com https:/help.example.com@evil.test
        https::help.example.com https:://help.example.com https:.//help.example.com"""),
    # The right host is the name of a user, or has one before it.
    "user info": _words(r"""
        https://help.example.com@evil.test https://help.example.com:pw@evil.test
        https://help.example.com:8443@evil.test https://help.example.com@@evil.test
        https://help.example.com%40evil.test https://help.example.com:@evil.test
        https://help.example.com%2f@evil.test https://help.example.com%23@evil.test
        https://help.example.com%3f@evil.test https://help.example.com%5c@evil.test
        https://help.example.com&@evil.test#@help.example.com https://help.example.com;@evil.test
        https://help.example.com:443:pw@evil.test/ https://help.example.com:8443:@evil.test
        https://a.cards.example.com@evil.test https://evil.test@a.cards.example.com
        https://localhost:8003@evil.test http://localhost:8003@evil.test
        https://user:pw@help.example.com https://user@help.example.com https://@help.example.com
        https://:@help.example.com https://:pw@help.example.com https://evil.test@help.example.com
        https://help.example.com@help.example.com https://evil.test:443@help.example.com/
        https://evil.test%2f@help.example.com https://%00@help.example.com"""),
    # A backslash ends the host for a browser, and for others belongs to the name of a user.
    "backslashes": _words(r"""
        https://help.example.com\@evil.test https://evil.test\@help.example.com
        https://evil.test\\@help.example.com https://evil.test:\@@help.example.com
        https://evil.test\.help.example.com https://evil.test\help.example.com
        https://evil.test\a.cards.example.com https://evil.test\.cards.example.com
        https://help.example.com:443\@evil.test https://help.example.com\.evil.test
        https://help.example.com\evil.test https://help.example.com\ https://help.example.com\\
        https://\help.example.com https://\evil.test https://help.example.com:8443\@@evil.test
        https://:@evil.test\@help.example.com https://help.example.com/\evil.test
        https://help.example.com/\@evil.test https://help.example.com/a\..\b
        https://help.example.com/\/evil.test http://localhost:8003\@evil.test"""),
    # A host that only begins, ends or goes on like ours.
    "more and less than the host": _words("""
        https://help.example.com.evil.test https://help.example.comevil.test
        https://help.example.com-evil.test/
        https://help.example.community https://help.example.com.au https://help.example.co
        https://evilhelp.example.com https://evil-help.example.com https://evil.help.example.com
        https://helpxexample.com https://help.examplexcom https://help_example.com
        https://help.example.com:8443.evil.test https://help.example.com.evil.test:8443
        https://localhost.evil.test http://localhost:8003.evil.test http://localhost:8003evil.test
        https://cards.example.com https://.cards.example.com https://*.cards.example.com
        https://evilcards.example.com https://a..cards.example.com https://-a.cards.example.com
        https://a_b.cards.example.com https://a.cards.example.com.evil.test
        https://a.cards.example.comevil.test/ https://a.help.example.com"""),
    # An odd character after the host, where a check may take the host to end.
    "odd characters after the host": [
        f"https://help.example.com{odd}.evil.test" for odd in ",;&'\"!$^*()+=`~_-{}|<>[]%"
    ],
    # The same before it, where a check may take the host to begin.
    "odd characters before the host": [
        f"https://evil.test{odd}.help.example.com" for odd in ",;&'\"!$^*()+=`~_{}|<>[]% "
    ],
    # Escapes in a host: some undo them first, and some never do.
    "escapes in the host": _words("""
        https://help.example.com%2eevil.test https://help.example.com%00.evil.test
        https://help.example.com%00evil.test https://evil.test%00.help.example.com
        https://evil.test%00help.example.com https://evil.test%2f.help.example.com
        https://evil.test%2f.cards.example.com https://evil.test%23.help.example.com
        https://evil.test%3f.help.example.com https://evil.test%5c.cards.example.com
        https://evil.test%252f.cards.example.com https://help.example.com%0d%0a.evil.test
        https://help.example.com%09.evil.test https://help.example.com%20.evil.test
        https://help.example.com%60.evil.test https://help.example.com%E3%80%82evil.test
        https://help.example.com%252eevil.test https://%65vil.test https://%68elp.example.com
        https://help%2eexample.com https://help.example.co%6d https://help.example.com%3a8443
        https://help.example.com:%38443 https://a%2ecards.example.com https://help.example.com%2f"""),
    # All of the URL escaped once or twice more, by which a check that decodes again is misled.
    "escapes of all": _words(r"""
        https%3A%2F%2Fevil.test https%3a//evil.test https:%2f%2fevil.test %68ttps://evil.test
        https%253A%252F%252Fevil.test https%3A%2F%2Fhelp.example.com https:%2f%2fhelp.example.com
        %2568ttps://help.example.com \u0068ttps://evil.test &#104;ttps://evil.test
        https&colon;//help.example.com https:\u002f\u002fhelp.example.com"""),
    # Schemes that run or show something instead of leading to a site, and other schemes.
    "schemes": [
        "javascript:alert(1) // https://help.example.com",
        "javascript:\nalert(1)//https://help.example.com",
        "java\nscript:alert(1)",
        "java\tscript:alert(1)",
        "java\r\nscript:alert(1)",
        "\x01javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        *_words("""
            javascript:alert(1) JavaScript:alert(1) javascript://help.example.com/%0aalert(1)
            javascript://https://help.example.com/?a=%0aalert(1) javascript:/**/alert(1)
            javascript%3aalert(1) java%0d%0ascript:alert(1) //javascript:alert(1) vbscript:msgbox
            data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg== data:,https://help.example.com
            data://help.example.com/ blob:https://help.example.com/0a file:///etc/passwd
            filesystem:https://help.example.com/temporary/a file://help.example.com/ about:blank
            view-source:https://help.example.com intent://help.example.com#Intent;scheme=https;end
            android-app://help.example.com mailto:a@help.example.com tel:1 ftp://help.example.com
            ws://help.example.com wss://help.example.com chrome://help.example.com
            ms-settings:https://help.example.com gopher://help.example.com ldap://help.example.com
            https+a://help.example.com httpss://help.example.com xhttps://help.example.com
            https://https://help.example.com http://https://help.example.com
            url:https://help.example.com https:https://help.example.com"""),
    ],
    # Plain http except for this machine: the code could be read on its way.
    "plain text": _words("""
        http://help.example.com http://help.example.com/ http://help.example.com:8443
        http://help.example.com:443/ http://a.cards.example.com http://a.cards.example.com/a?b#c"""),
    # Blanks before it all, which browsers pass over.
    "blanks before": [f"{blank}https://help.example.com/" for blank in _BLANKS]
    + [f"{blank}//evil.test" for blank in _BLANKS],
    # Blanks after it all; `$` matches before one of them.
    "blanks after": [f"https://help.example.com{blank}" for blank in _BLANKS],
    # Blanks inside, which browsers leave out (tab and line ends) or stop at.
    "blanks inside": [
        *(f"https:{blank}//evil.test" for blank in _BLANKS),
        *(f"https://help.example.com{blank}.evil.test" for blank in _BLANKS),
        *(f"https://help.example.com/{blank}a" for blank in _BLANKS),
        "ht\ttps://help.example.com",
        "https:/\t/help.example.com",
        "https://he\nlp.example.com",
        "/\t/evil.test",
        "/\n/evil.test",
        "\\\t\\evil.test",
        "https://help.example.com @evil.test",
        "https://help.example.com\t@evil.test",
        "https://evil.test &@help.example.com# @help.example.com",
        "https://evil.test https://help.example.com",
        "https://evil.test\n.cards.example.com",
        "https://help.example.com\nhttps://evil.test",
    ],
    # A line end that would end the field of the response.
    "field injection": [
        "https://help.example.com/\r\nSet-Cookie: a=b",
        "https://help.example.com/\nLocation: https://evil.test",
        "https://help.example.com\r\n\r\n<script>alert(1)</script>",
        "https://help.example.com/?a\r\nLocation: https://evil.test",
        "https://help.example.com/#a\r\nSet-Cookie: a=b",
        "https://help.example.com/\rX-A: b",
        # whose lowest bytes are CR and LF
        "https://help.example.com/\u560d\u560aSet-Cookie:a=b",
        "https://help.example.com/\u010d\u010aSet-Cookie:a=b",
        # line ends to `str.splitlines`
        *(
            f"https://help.example.com/{end}Set-Cookie:a=b"
            for end in "\x1c\x1d\x1e\x85\u2028\u2029"
        ),
    ],
    # Characters that no URL of a browser has in its rest: a page might read more into them.
    "odd characters in the rest": [
        *(
            f"https://help.example.com{mark}a{odd}"
            for mark in "/?#"
            for odd in (" ", '"', "<", ">", "\x7f", "\u00e9", "\u200b", "\U0001f4a9")
        ),
        "https://help.example.com/a\\",
        'https://help.example.com/"><script>alert(1)</script>',
        "https://help.example.com/#<img/src>",
    ],
    # A port is a part of the origin, and is written as browsers write it.
    "ports": _words("""
        https://help.example.com:443 https://help.example.com:443/ https://help.example.com:
        https://help.example.com:/ https://help.example.com:80 https://help.example.com:0
        https://help.example.com:8444 https://help.example.com:84430 https://help.example.com:08443
        https://help.example.com:8443: https://help.example.com:+8443 https://help.example.com:8_443
        https://help.example.com:-1 https://help.example.com:73979 https://help.example.com:8443a
        https://help.example.com:\uff18\uff14\uff14\uff13 https://help.example.com:844\u00b3
        https://localhost http://localhost http://localhost:80 http://localhost:8004
        http://localhost:80030 https://a.cards.example.com:443 https://a.cards.example.com:8443"""),
    # Browsers write schemes and hosts in lower case.
    "case": _words("""
        HTTPS://help.example.com https://HELP.example.com Https://Help.Example.Com/
        hTTp://localhost:8003 http://LOCALHOST:8003 https://A.cards.example.com
        HTTPS://EVIL.TEST https://help.example.COM:8443"""),
    # Dots that a resolver passes over, and empty labels.
    "dots": _words("""
        https://help.example.com. https://help.example.com./ https://help.example.com.:8443
        https://.help.example.com https://help..example.com http://localhost.:8003
        https://a.cards.example.com. https://evil.test."""),
    # Letters, dots and slashes that look like ours or that UTS #46 maps to ours.
    "look-alikes": [
        *(f"https://help{dot}example.com" for dot in "\u3002\uff0e\uff61\u2024\ufe52"),
        *(f"https://help.example.com{dot}evil.test" for dot in "\u3002\uff0e\uff61"),
        *(
            f"https://evil.test{split}.cards.example.com"
            for split in "\uff0f\uff1f\uff03\uff20\uff1a\uff3c\u2100\u2105\u2488\u2a74\ufe16\ufe5f"
        ),
        *(f"https://help{unseen}.example.com" for unseen in "\u00ad\u200b\u200d\u202e\u2060\ufeff"),
        *(f"{ditto}evil.test" for ditto in "\u3031\u3035\u309d\u30fc\uff70"),
        *_words("""
            https://h\u0435lp.example.com https://xn--hlp-rdd.example.com
            https://\uff48elp.example.com https://\u24d7elp.example.com
            https://help.example.\u217dom http\u017f://help.example.com \uff48ttps://evil.test
            https:\uff0f\uff0fhelp.example.com \uff0f\uff0fevil.test //evil\u3002test
            https\uff1a//help.example.com https://\u017f.cards.example.com
            https://\u212a.cards.example.com https://\u00e9.cards.example.com"""),
    ],
    # Addresses, as browsers write them and otherwise.
    "addresses": _words("""
        http://[::1]:8003 https://[::1] http://[::ffff:127.0.0.1]:8003 http://[::]:8003
        http://127.0.0.1:8003 http://127.1:8003 http://0:8003 http://0x7f000001:8003
        http://2130706433:8003 http://0177.0.0.1:8003 http://127.0.0.1.:8003
        http://localhost@127.0.0.1:8003 http://localhost:8003@[::1] http://[localhost]:8003
        https://[help.example.com] https://[::1].cards.example.com https://1.1 https://3627734734
        http://169.254.169.254/latest/meta-data https://help.example.com@[::ffff:1.1.1.1]
        http://localhost.localdomain:8003 http://a.localhost:8003"""),
    # Several in one, or with something around.
    "several": [
        "https://help.example.com, https://evil.test",
        "https://evil.test, https://help.example.com",
        *_words("""
            https://help.example.com,https://evil.test https://evil.test,https://help.example.com
            https://help.example.com;https://evil.test https://evil.test;https://help.example.com
            https://help.example.com|https://evil.test https://help.example.comhttps://evil.test
            https://help.example.com&to=https://evil.test ["https://help.example.com"]
            "https://help.example.com" 'https://help.example.com' <https://help.example.com>
            (https://help.example.com) 0;url=https://help.example.com
            {"to":"https://help.example.com"}"""),
    ],
    # So long that a pattern gets slow, or a check cuts the end off.
    "long": [
        f"https://{'a' * 64}.cards.example.com/",
        f"https://{'a.' * 119}cards.example.com/",
        f"https://{'a.' * 4000}cards.example.com/",
        f"https://{'a-' * 4000}.cards.example.com",
        f"https://{'a' * 8000}@evil.test",
        f"https://help.example.com{'/' * 4000}\\",
        f"https://help.example.com/{'?#' * 4000} ",
        f"https://help.example.com/{'a' * 8000}\n",
        f"https://help.example.com{'@' * 4000}evil.test",
        f"{'/' * 4000}evil.test",
        f"{' ' * 4000}https://help.example.com",
        f"https:{'/' * 4000}help.example.com",
    ],
}

# Odd ones that lead to a whitelisted site all the same, whatever their rest looks like.
REDIRECTS_ALLOWED: Sequence[str] = _words("""
    https://help.example.com https://help.example.com/ https://help.example.com?
    https://help.example.com# https://help.example.com/? https://help.example.com/#
    https://help.example.com/?# https://help.example.com?a=b https://help.example.com?a=b#c
    https://help.example.com#a https://help.example.com:8443 https://help.example.com:8443/a?b#c
    https://localhost:8003/ http://localhost:8003 http://localhost:8003?a#b
    https://a.cards.example.com https://a.b-c.0.cards.example.com/
    https://xn--hlp-rdd.cards.example.com/ https://help.example.com/#:~:text=a
    https://help.example.com/a#b:~:text=how%20to-,log%20in&text=a https://help.example.com/##a
    https://help.example.com/#/route?x=1&y https://help.example.com/#!/a/b
    https://help.example.com/#?a=b#/c?d https://help.example.com/?a?b/c@d:e
    https://help.example.com//evil.test https://help.example.com///evil.test/..
    https://help.example.com/@evil.test https://help.example.com/?@evil.test
    https://help.example.com#@evil.test https://help.example.com?.evil.test
    https://help.example.com/.evil.test https://help.example.com/https://evil.test
    https://help.example.com/?next=https://evil.test https://help.example.com#//evil.test
    https://help.example.com/..//evil.test https://help.example.com/%2e%2e/%2f%2fevil.test
    https://help.example.com/%5c%5cevil.test https://help.example.com/%0d%0aSet-Cookie:a=b
    https://help.example.com/%00 https://help.example.com/%C3%A9?%C3%A9#%C3%A9
    https://help.example.com/100%?50%zz https://help.example.com/a;b=c,d!$&'()*+=~_-.
    https://help.example.com/[a]?[b]=[c]#[d] https://help.example.com/#javascript:alert(1)
    https://help.example.com/#pavior-handoff= https://help.example.com/#pavior-handoff=a.b-c_d&e
    https://help.example.com/#access_token=a&pavior-handoff=b""") + [
    f"https://help.example.com/{'a' * 2000}?{'b' * 2000}#{'c' * 2000}",
    f"https://help.example.com{'/' * 1000}evil.test",
    # RFC 3986 wants these escaped; browsers leave most of them alone in a query or a fragment.
    *(f"https://help.example.com{mark}a{odd}" for mark in "/?#" for odd in "^`{|}"),
    "https://help.example.com?a\\",
    "https://help.example.com#a\\",
]
