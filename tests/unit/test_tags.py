"""The tag by which tabs distinguish users: a page and its file make the same one."""

from __future__ import annotations

import json
import subprocess
from string import ascii_lowercase, digits

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pavior_middleware._page.snippet import tag
from tests.support import node

PROGRAM = """
import {text} from 'node:stream/consumers';
import {tagOf} from './src/page/tabs.js';
const users = JSON.parse(await text(process.stdin));
console.log(JSON.stringify(users.map(tagOf)));
"""

users = st.dictionaries(
    st.sampled_from(["id", "email", "hmac", "firstName"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)


@settings(max_examples=10)
@example([{"id": letter * length} for letter in "aé😀" for length in (255, 256, 257, 1000)])
@given(st.lists(users, min_size=20, max_size=100))
def test_the_server_and_the_file_make_the_same_tag(users: list[dict[str, str]]) -> None:
    made = subprocess.run(
        [node.path(), "--input-type=module", "--eval", PROGRAM],
        cwd=node.JS,
        input=json.dumps(users),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert json.loads(made.stdout) == [tag(user) for user in users]


@given(users)
def test_a_tag_is_short_and_never_empty(user: dict[str, str]) -> None:
    assert 1 <= len(tag(user)) <= 7
    assert set(tag(user)) <= set(digits + ascii_lowercase)
