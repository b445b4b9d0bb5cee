"""`pavior verify`: one user's hmac, and those of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pavior_middleware import sign
from tests.cli.command import API_KEY, on_terminal, pavior, signing

HMAC = sign(API_KEY, "7")


def test_an_hmac_on_stdin_that_is_right_is_reported_as_right() -> None:
    done = signing("verify", "--id", "7", stdin=f"{HMAC}\n".encode())
    assert (done.stdout, done.stderr, done.status) == ("the hmac is that of the id\n", "", 0)


def test_what_sign_prints_is_what_verify_reads() -> None:
    printed = signing("sign", "--email", "ada@example.com").stdout
    done = signing("verify", "--email", "ada@example.com", stdin=printed.encode())
    assert (done.stdout, done.status) == ("the hmac is that of the email\n", 0)


def test_an_hmac_that_is_typed_on_a_terminal_is_not_shown() -> None:
    answers = [(b"hmac (it is not shown): ", HMAC)]
    done = on_terminal("verify", "--id", "7", answers=answers, PAVIOR_API_KEY=API_KEY)
    assert (done.stdout, done.status) == ("the hmac is that of the id\n", 0)
    assert HMAC not in done.stderr


@pytest.mark.parametrize(
    ("hmac", "hint"),
    [
        (HMAC.upper(), "in capitals or has white space"),
        (f" {HMAC}", "in capitals or has white space"),
        (sign(API_KEY, "ada@example.com"), "it is that of the email"),
        (HMAC[:-1], "it has 63 characters in place of 64"),
        (sign("another-key-of-the-tests", "7"), "the API key is the same"),
    ],
    ids=["capitals", "space", "email", "cut", "other key"],
)
def test_an_hmac_that_is_wrong_gets_the_likeliest_reason(hmac: str, hint: str) -> None:
    user = ("--id", "7", "--email", "ada@example.com")
    done = signing("verify", *user, stdin=hmac.encode())
    assert (done.stdout, done.status) == ("", 1)
    assert "the hmac is not that of the id: " in done.stderr
    assert hint in done.stderr
    assert hmac not in done.stderr
    done = signing("verify", *user, "--json", stdin=hmac.encode())
    assert done.status == 1
    report = json.loads(done.stdout)
    assert report["right"] is False
    assert hint in report["problem"]


def test_a_missing_hmac_is_wrong_use() -> None:
    done = signing("verify", "--id", "7")
    assert (done.stdout, done.status) == ("", 2)
    assert "write it to stdin" in done.stderr


def test_the_rows_of_a_file_that_are_wrong_are_named_and_the_others_counted(
    tmp_path: Path,
) -> None:
    users = tmp_path / "users.csv"
    users.write_text(f"id,email,hmac\n7,,{HMAC}\n8,,{HMAC}\n9,,\n,,{HMAC}\nx\n")
    done = signing("verify", users)
    assert done.stdout == "right: 1; wrong: 4\n"
    assert done.status == 1
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        f"line {number}" for number in (3, 4, 5, 6)
    ]
    assert HMAC not in done.stderr


def test_json_reports_the_wrong_rows_and_their_number_at_the_end(tmp_path: Path) -> None:
    users = tmp_path / "users.jsonl"
    users.write_text(f'{{"id": 7, "hmac": "{HMAC}"}}\n{{"id": 7, "hmac": 8}}\n')
    done = signing("verify", "--json", users)
    assert (done.status, done.stderr) == (1, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"line": 2, "problem": "hmac must be text, not int: take the text that sign() returns"},
        {"right": 1, "wrong": 1},
    ]


def test_json_goes_to_stdout_beside_a_progress_bar(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("id,hmac\n7\n")
    done = on_terminal("verify", "--json", users, PAVIOR_API_KEY=API_KEY)
    assert "0 rows" in done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"line": 2, "problem": "it has 1 value for 2 columns"},
        {"right": 0, "wrong": 1},
    ]


def test_a_file_that_sign_has_written_is_right(tmp_path: Path) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_text("email,id\nada@example.com,7\nada@example.com,\n")
    assert signing("sign", users, "--output", output).status == 0
    done = signing("verify", output)
    assert (done.stdout, done.status) == ("right: 2; wrong: 0\n", 0)
    assert pavior("verify", output, PAVIOR_API_KEY="another-key-of-the-tests").status == 1


def test_a_csv_file_without_hmacs_is_wrong_use(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("id\n7\n")
    done = signing("verify", users)
    assert (done.stdout, done.status) == ("", 2)
    assert 'names no column "hmac"' in done.stderr
