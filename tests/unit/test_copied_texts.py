"""Keys and ids that were not copied as they are: refused, with what to do, and never shown."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import Settings, SettingsError

KEY = "a-key-Of-twenty-chars"

printable = st.text(
    string.ascii_letters + string.digits + "!#%&()*+,-./:;<=>?@[]^_|~\\", min_size=8
)
invisible = st.sampled_from(
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u034f\ufe0f\x00\x7f\x1b"
)
white_space = st.sampled_from(" \t\u00a0\u2003\u3000")
line_breaks = st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\x85"])
quotes = st.sampled_from(
    [('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d"), ("\u00ab", "\u00bb")]
    + [("\u201e", "\u201c")]
)
NAMES = ["team_vanity_id", "api_key"]
OTHER = "some-other-key"
"""A message that is the same for this key and for any other holds neither of them."""


def problem(name: str, value: str) -> str:
    """Return the only problem that is found where a key or an id has this value."""
    arguments = {"team_vanity_id": "acme", "api_key": KEY, name: value}
    with pytest.raises(SettingsError) as caught:
        Settings(**arguments)  # type: ignore[arg-type]
    (found,) = caught.value.problems
    assert found.startswith(f"{name} (PAVIOR_{name.upper()}) ")
    return found


@pytest.mark.parametrize("name", NAMES)
@given(text=printable, quotes=quotes)
def test_quotes_around_a_key_are_named_and_the_key_is_not(
    name: str, text: str, quotes: tuple[str, str]
) -> None:
    found = problem(name, f"{quotes[0]}{text}{quotes[1]}")
    assert "has quotes around it: remove them" in found
    assert found == problem(name, f"{quotes[0]}{OTHER}{quotes[1]}")


@pytest.mark.parametrize("name", NAMES)
@given(before=printable, hidden=invisible, after=printable)
def test_an_invisible_character_in_a_key_is_named_by_its_code_point(
    name: str, before: str, hidden: str, after: str
) -> None:
    found = problem(name, before + hidden + after)
    assert f"has an invisible character in it (U+{ord(hidden):04X}): copy it again" in found
    assert found == problem(name, OTHER + hidden + OTHER)


@pytest.mark.parametrize("name", NAMES)
@given(before=printable, space=white_space, after=printable)
def test_white_space_within_a_key_is_refused(
    name: str, before: str, space: str, after: str
) -> None:
    found = problem(name, before + space + after)
    assert "has white space in it: copy it again from Pavior's settings page" in found
    assert found == problem(name, OTHER + space + OTHER)


@pytest.mark.parametrize("name", NAMES)
@given(before=printable, line_break=line_breaks, after=printable)
def test_a_line_break_within_a_key_is_refused(
    name: str, before: str, line_break: str, after: str
) -> None:
    found = problem(name, before + line_break + after)
    assert "has a line break in it: write it in one line" in found
    assert found == problem(name, OTHER + line_break + OTHER)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mark", ["\ufeff", "\xef\xbb\xbf"])
def test_a_byte_order_mark_before_a_key_is_refused(name: str, mark: str) -> None:
    found = problem(name, mark + "some-other-key")
    assert "begins with a byte order mark: save the file that holds it as UTF-8" in found
    assert "some-other" not in found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "beginning", ["Bearer ", "bearer ", "BEARER\t", "Bearer: ", "Authorization: Bearer "]
)
def test_a_key_with_the_word_bearer_before_it_is_refused(name: str, beginning: str) -> None:
    found = problem(name, beginning + "some-other-key")
    assert "begins with Bearer" in found
    assert "remove the word" in found
    assert "some-other" not in found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    ["${PAVIOR_KEY}", "${KEY:-x}", "${KEY}-behind", "$(PAVIOR_KEY)", "{{ pavior.key }}", "%(KEY)s"],
)
def test_a_variable_that_nothing_has_replaced_is_no_key(name: str, text: str) -> None:
    found = problem(name, text)
    assert "that nothing has replaced: set the variable where the app starts, or write" in found
    assert text not in found


@given(text=printable)
def test_a_key_of_printable_ascii_is_taken_unchanged(text: str) -> None:
    if not (text.startswith("%(") and text.endswith(")s")):
        assert Settings("acme", text).api_key == text


@pytest.mark.parametrize("text", ["sch\u00fcssel-\u00e9\u00df-\u9375", "Bearerof7", "a'b\"c`d"])
def test_letters_of_any_language_and_quotes_within_a_key_are_no_mistake(text: str) -> None:
    assert Settings("acme", text).api_key == text


@pytest.mark.parametrize(
    "text", ["abc'", '"abc', "'abc\"", "ab${cd", "ab${cd}", "${ab", "${}ab", "'"]
)
def test_a_key_may_have_a_quote_at_one_end_and_the_beginning_of_a_variable(text: str) -> None:
    assert Settings("acme", text).api_key == text


@pytest.mark.parametrize("text", ["${SECRET_KEY}", "${SECRET_KEY:-a random one}", "{{ key }}"])
def test_a_variable_that_nothing_has_replaced_is_no_secret_key(text: str) -> None:
    with pytest.raises(SettingsError, match=r"secret_key .* holds a variable, as") as error:
        Settings("acme", KEY, secret_key=text)
    assert "random" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ('"a random secret"', "has quotes around it: remove them"),
        ("\ufeffa random secret", "begins with a byte order mark"),
        ("\xef\xbb\xbfa random secret", "begins with a byte order mark"),
    ],
)
def test_a_secret_key_that_was_surely_not_copied_exactly_is_taken_with_a_warning(
    text: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert Settings("acme", KEY, secret_key=text).secret_key == text
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"secret_key (PAVIOR_SECRET_KEY) {warning}")
    assert "random" not in line


@pytest.mark.parametrize(
    "text",
    ["a random\nsecret ${ of many words", '"half a quote', "Bearer x", "a random\u200b secret"]
    + [bytes(range(256)).decode("latin-1"), "\x1f\xad\x85"],
)
def test_a_secret_key_may_be_any_text(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert Settings("acme", KEY, secret_key=text).secret_key == text
    assert caplog.records == []
