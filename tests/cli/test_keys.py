"""Where the command finds the API key, and where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pavior_middleware import sign
from tests.cli.command import API_KEY, on_terminal, pavior, signing

HMAC = sign(API_KEY, "7") + "\n"


def test_a_key_file_comes_before_an_env_file_and_that_before_the_environment(
    tmp_path: Path,
) -> None:
    key_file, env_file = tmp_path / "key", tmp_path / ".env"
    key_file.write_text(f"{API_KEY}\n")
    env_file.write_text(f"PAVIOR_API_KEY='{API_KEY}'\n")
    other_file = tmp_path / "other.env"
    other_file.write_text("PAVIOR_API_KEY=another-key-of-the-tests\n")
    other = "one-more-key-of-the-tests"
    asked = ("sign", "--id", "7")
    assert pavior(*asked, "--key-file", key_file, PAVIOR_API_KEY=other).stdout == HMAC
    assert pavior(*asked, "--env-file", env_file, PAVIOR_API_KEY=other).stdout == HMAC
    both = ("--key-file", key_file, "--env-file", other_file)
    assert pavior(*asked, *both).stdout == HMAC
    assert pavior(*asked, PAVIOR_API_KEY=API_KEY).stdout == HMAC


def test_a_key_file_may_begin_with_a_byte_order_mark_and_end_without_a_line_break(
    tmp_path: Path,
) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + API_KEY.encode())
    assert pavior("sign", "--id", "7", "--key-file", tmp_path / "key").stdout == HMAC


def test_a_key_that_is_typed_on_a_terminal_is_not_shown() -> None:
    done = on_terminal("sign", "--id", "7", answers=[(b"API key (it is not shown): ", API_KEY)])
    assert (done.stdout, done.status) == (HMAC, 0)
    assert API_KEY not in done.stderr


def test_without_a_key_and_a_terminal_the_command_ends_and_names_the_variable() -> None:
    done = pavior("sign", "--id", "7")
    assert (done.stdout, done.status) == ("", 2)
    assert "PAVIOR_API_KEY" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("sign", "--id", "7", "--api-key", API_KEY),
        ("sign", "--id", "7", f"--key={API_KEY} and more"),
        ("sign", "--id", "7", "users.csv", API_KEY),
        ("verify", "--id", "7", "--hmac", API_KEY),
        ("snippet", API_KEY),
    ],
    ids=["option", "option with a value", "one argument too many", "hmac", "argument"],
)
def test_a_key_on_the_command_line_is_refused_and_not_repeated(arguments: tuple[str, ...]) -> None:
    done = signing(*arguments)
    assert (done.stdout, done.status) == ("", 2)
    assert "there is no option" in done.stderr or "too many arguments" in done.stderr
    assert API_KEY not in done.stderr


@pytest.mark.parametrize("option", ["--key-file", "--env-file"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"\xff\xfekey", "is not in UTF-8")],
    ids=["missing", "UTF-16"],
)
def test_a_file_that_cannot_be_read_is_named(
    option: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    done = pavior("sign", "--id", "7", option, path)
    assert done.status == 2
    assert str(path) in done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_line_of_an_env_file_that_is_no_assignment_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"# keys\n\n{API_KEY}\n")
    done = pavior("sign", "--id", "7", "--env-file", path)
    assert done.status == 2
    assert "line 3 is no assignment" in done.stderr
    assert API_KEY not in done.stderr
