"""The syntax of `.env` files."""

from __future__ import annotations

from io import StringIO

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware._cli.env_file import EnvFileError, parse

TEXT = """\
# a comment
A=1
export B = two words  # and a comment
C='in # quotes' # a comment
D="two
lines, \\"quoted\\""
E=
F=a#b
J= # nothing
  G  =\tx=y
H="$NAME and \\n"
I='it\\'s'
"""


def test_a_file_has_comments_quotes_and_values_across_lines() -> None:
    assert parse(TEXT) == {
        "A": "1",
        "B": "two words",
        "C": "in # quotes",
        "D": 'two\nlines, "quoted"',
        "E": "",
        "F": "a#b",
        "G": "x=y",
        "H": "$NAME and \n",
        "I": "it's",
        "J": "",
    }
    assert parse(TEXT.replace("\n", "\r\n")) == parse(TEXT)


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\nno assignment\n", 2), ("A='open\nB=2\n", 1), ('A="closed" more', 1), ("=1", 1)],
)
def test_the_error_names_the_line_and_shows_nothing_of_it(text: str, line: int) -> None:
    with pytest.raises(EnvFileError) as caught:
        parse(text)
    assert str(caught.value) == f"line {line} is no assignment: write NAME=value"


def test_a_name_that_no_shell_takes_leaves_the_file_readable() -> None:
    text = "FOO-BAR=1\nexport a.b/c='two'\nPAVIOR_API_KEY=key\n"
    assert parse(text) == {"FOO-BAR": "1", "a.b/c": "two", "PAVIOR_API_KEY": "key"}


NAMES = st.sampled_from(["A", "B_1", "PAVIOR_API_KEY", "FOO-BAR", "1st", "a:b", "\u00fc"])
VALUES = st.text(st.sampled_from("ab1 #='\"\\$-."), max_size=12)


@given(st.dictionaries(NAMES, VALUES))
def test_a_file_that_can_be_read_is_read_as_by_python_dotenv(values: dict[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    try:
        found = parse(text)
    except EnvFileError:
        return  # python-dotenv skips such a line
    assert found == dotenv_values(stream=StringIO(text), interpolate=False)
