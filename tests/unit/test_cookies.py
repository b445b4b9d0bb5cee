"""The cookies of a request that is made anew are those that a browser would send."""

from __future__ import annotations

import urllib.request
from email.message import Message
from functools import partial
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware._http.cookies import cookies_after

HOST, PATH = "www.example.com", "/shop/cart/item"
PAST = "Thu, 01-Jan-1970 00:00:00 GMT"


def after(
    cookies: str,
    *fields: str,
    host: str = HOST,
    path: str = PATH,
    is_secure: bool = True,
) -> str:
    return cookies_after(cookies, fields, host=host, path=path, is_secure=is_secure)


@pytest.mark.parametrize(
    ("cookies", "fields", "expected"),
    [
        ("", ["s=1"], "s=1"),
        ("s=1; t=2", ["s=3; Path=/; HttpOnly"], "s=3; t=2"),
        ("t=2", ["s=1; Path=/"], "t=2; s=1"),
        ("t=2", ["s=1; Path=/shop"], "s=1; t=2"),
        ("t=2", ["a=1; Path=/", "b=1; Path=/shop/cart", "c=1; Path=/shop"], "b=1; c=1; t=2; a=1"),
        ("s=1; s=2", ["s=3; Path=/"], "s=1; s=3"),
        ("s=1; s=2", ["s=3; Path=/shop"], "s=3; s=2"),
        ("s=1", ["s=2; Path=/", "s=3; Path=/"], "s=3"),
        ("s=1", ["s=2; Path=/", "s=3; Path=/shop"], "s=3; s=2"),
        ("S=1", ["s=2; Path=/"], "S=1; s=2"),
        # what no rule of the grammar allows, and browsers keep
        ("s=1", ["s = a b = c ;Path=/"], "s=a b = c"),
        ("t=2", ["without a name"], "without a name; t=2"),
        ("t=2", ["=without a name; Path=/"], "t=2; without a name"),
        ("a; t=2", ["b; Path=/"], "b; t=2"),
        ('s="a;b=c', ['t="q"; Path=/'], 's="a; b=c; t="q"'),
        # and what they do not
        ("t=2", ["=", "", ";", "s=\x00", "s=1\x7f", f"s={'x' * 4096}"], "t=2"),
        ("t=2", ["s=\t1\t;Path=/"], "t=2; s=1"),
    ],
)
def test_a_new_cookie_takes_its_place(cookies: str, fields: list[str], expected: str) -> None:
    assert after(cookies, *fields) == expected


@pytest.mark.parametrize(
    ("attributes", "is_deleted"),
    [
        ("Max-Age=0", True),
        ("Max-Age=-1", True),
        ("max-age = 0", True),
        ("Max-Age=1", False),
        ("Max-Age=0x", False),
        ("Max-Age=", False),
        (f"Expires={PAST}", True),
        ("expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", False),
        ("Expires=0", False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 +99999999999999", False),
        (f"Expires={PAST}; Max-Age=60", False),
        (f"Max-Age=60; Expires={PAST}", False),
        (f"Expires={PAST}; Max-Age=soon", True),
        (f"Expires={PAST}; Expires=never", True),
        ("Max-Age=60; Max-Age=0", True),
        (f"Max-Age=0{' ' * 10}", True),
        (f"Max-Age={'0' * 1025}", False),
    ],
)
def test_a_cookie_is_deleted_by_its_age(attributes: str, is_deleted: bool) -> None:
    assert after("a=1; s=2; b=3", f"s=4; Path=/; {attributes}") == (
        "a=1; b=3" if is_deleted else "a=1; s=4; b=3"
    )
    assert after("a=1", f"s=4; Path=/; {attributes}") == ("a=1" if is_deleted else "a=1; s=4")


def test_a_deletion_for_another_domain_or_path_leaves_the_new_cookie() -> None:
    """Frameworks send one so that a cookie of an earlier release is gone."""
    new, old = "s=new; Path=/", "s=; Max-Age=0; Domain=example.com; Path=/"
    assert after("s=old", new, old) == after("s=old", old, new) == "s=new"
    assert after("s=old", new, "s=; Max-Age=0; Path=/admin") == "s=new"


@pytest.mark.parametrize(
    ("attribute", "path", "is_sent"),
    [
        ("Path=/", "/", True),
        ("Path=/shop", "/shop", True),
        ("Path=/shop", "/shop/cart", True),
        ("Path=/shop/", "/shop/cart", True),
        ("Path=/shop/", "/shop", False),
        ("Path=/shop", "/shopping", False),
        ("Path=/Shop", "/shop", False),
        ("Path=/admin", "/shop", False),
        ("Path=", "/shop/cart", True),
        ("Path=shop", "/shop/cart", True),
        ("Path=/admin; Path=/", "/shop", True),
        ("Path=/; Path=/admin", "/shop", False),
        ("HttpOnly", "/shop/cart", True),
    ],
)
def test_a_cookie_is_sent_below_its_path(attribute: str, path: str, is_sent: bool) -> None:
    assert after("", f"s=1; {attribute}", path=path) == ("s=1" if is_sent else "")


@pytest.mark.parametrize(
    ("domain", "host", "is_sent"),
    [
        ("example.com", "www.example.com", True),
        (".example.com", "www.example.com:8443", True),
        ("EXAMPLE.com", "WWW.example.COM", True),
        ("www.example.com", "www.example.com", True),
        ("a.www.example.com", "www.example.com", False),
        ("ample.com", "www.example.com", False),
        ("evil.test", "www.example.com", False),
        ("", "www.example.com", True),
        ("0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("[::1]", "[::1]:8000", True),
    ],
)
def test_a_cookie_is_sent_to_its_domain(domain: str, host: str, is_sent: bool) -> None:
    assert after("", f"s=1; Domain={domain}", host=host) == ("s=1" if is_sent else "")


@pytest.mark.parametrize(
    ("field", "over_https", "over_http"),
    [
        ("s=1; Secure; Path=/", True, False),
        ("__Secure-s=1; Secure", True, False),
        ("__Secure-s=1", False, False),
        ("__secure-s=1", False, False),
        ("__Host-s=1; Secure; Path=/", True, False),
        ("__Host-s=1; Secure", False, False),
        ("__Host-s=1; Secure; Path=/shop", False, False),
        ("__Host-s=1; Secure; Path=/; Domain=www.example.com", False, False),
        ("__Host-s=1; Secure; Path=/; Domain=", True, False),
        ("__HOST-s=1; Path=/", False, False),
        ("=__Host-s=1; Secure; Path=/", False, False),
        ("s=1; Path=/", True, True),
    ],
)
def test_a_secure_cookie_is_kept_over_https_alone(
    field: str, over_https: bool, over_http: bool
) -> None:
    assert bool(after("", field)) == over_https
    assert bool(after("", field, is_secure=False)) == over_http


class Set(NamedTuple):
    """One cookie that a response sets or deletes."""

    name: str
    value: str
    path: str
    for_domain: bool
    is_deletion: bool

    @property
    def field(self) -> str:
        domain = "; Domain=example.com" if self.for_domain else ""
        age = "; Max-Age=0" if self.is_deletion else ""
        return f"{self.name}={self.value}; Path={self.path}{domain}{age}"


@st.composite
def two_responses(draw: st.DrawFn) -> tuple[list[Set], list[Set]]:
    """Draw what two responses set, where each name stands for one path and domain.

    Else a request would not tell which of the cookies of one name is which.
    """
    places = {
        name: (draw(st.sampled_from(["/", "/shop", "/shop/cart", "/admin"])), draw(st.booleans()))
        for name in "abcd"
    }
    one = st.builds(
        lambda name, value, is_deletion: Set(name, value, *places[name], is_deletion),
        st.sampled_from("abcd"),
        st.text("0123456789", min_size=1, max_size=3),
        st.booleans(),
    )
    several = st.lists(one, max_size=6)
    return draw(several), draw(several)


class Jar:
    """A real store of cookies."""

    def __init__(self) -> None:
        self._jar = CookieJar()
        self._url = f"https://{HOST}{PATH}"

    def take(self, sets: list[Set]) -> None:
        """Store what responses set, a cookie each: of a deletion in one it forgets the order."""
        for each in sets:
            headers = Message()
            headers["Set-Cookie"] = each.field
            response: Any = SimpleNamespace(info=partial(lambda headers: headers, headers))
            self._jar.extract_cookies(response, urllib.request.Request(self._url))

    def sent(self) -> str:
        """Return the field of the next request."""
        request = urllib.request.Request(self._url)
        self._jar.add_cookie_header(request)
        return str(request.get_header("Cookie", ""))


@given(two_responses())
def test_the_cookies_are_those_that_a_real_store_sends(
    responses: tuple[list[Set], list[Set]],
) -> None:
    before, then = responses
    jar = Jar()
    jar.take(before)
    cookies = jar.sent()
    jar.take(then)
    found = after(cookies, *(each.field for each in then))
    assert sorted(found.split("; ")) == sorted(jar.sent().split("; "))


@given(two_responses())
def test_new_cookies_are_sent_with_longer_paths_first(
    responses: tuple[list[Set], list[Set]],
) -> None:
    _, sets = responses
    paths = {each.name: each.path for each in sets}
    found = [
        paths[pair[0]] for pair in after("", *(each.field for each in sets)).split("; ") if pair
    ]
    assert found == sorted(found, key=len, reverse=True)


@given(cookies=st.text(), fields=st.lists(st.text()), host=st.text(), path=st.text())
def test_no_text_in_cookie_fields_raises(
    cookies: str, fields: list[str], host: str, path: str
) -> None:
    found = after(cookies, *fields, host=host, path=path)
    assert after(found, host=host, path=path) == found


@given(st.text(st.characters(codec="latin-1")).map(lambda text: f"s=1; Expires={text}"))
def test_no_expiry_date_of_a_cookie_raises(field: str) -> None:
    assert after("", field) in ("", "s=1")
