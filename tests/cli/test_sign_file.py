"""`pavior sign` with a file of users."""

from __future__ import annotations

import csv
import json
import signal
import stat
import subprocess
import tracemalloc
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import TextIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavior_middleware import sign
from pavior_middleware._cli.rows.csv_rows import CsvRows
from pavior_middleware._cli.rows.json_rows import JsonRows
from pavior_middleware._cli.rows.lines import LONGEST, Lines
from pavior_middleware._cli.rows.row import BadRow
from pavior_middleware._cli.rows.signing import signed_rows
from tests.cli.command import API_KEY, COMMAND, LONGEST_SECONDS, environ, on_terminal, signing

USERS = """\
id,email,name
7,ada@example.com,Ada
,bob@example.com,"Bob, ""B""
of two lines"
"""


def hmac(identifier: str) -> str:
    return sign(API_KEY, identifier)


def signed(rows: CsvRows | JsonRows) -> list[str | BadRow]:
    return list(signed_rows(API_KEY, rows))


def csv_rows(text: str) -> CsvRows:
    return CsvRows(Lines(StringIO(text, newline="")))


def problems(text: str) -> dict[int, str]:
    """Return what is wrong with the rows of a CSV file, by their lines."""
    return {row.line: row.problem for row in signed(csv_rows(text)) if isinstance(row, BadRow)}


def test_each_row_of_a_csv_file_gains_the_hmac_of_its_id_or_else_of_its_email(
    tmp_path: Path,
) -> None:
    users = tmp_path / "users.csv"
    users.write_text(USERS)
    done = signing("sign", users)
    assert done.status == 0
    assert done.stdout == (
        "id,email,name,hmac\n"
        f"7,ada@example.com,Ada,{hmac('7')}\n"
        ',bob@example.com,"Bob, ""B""\n'
        f'of two lines",{hmac("bob@example.com")}\n'
    )
    assert done.stderr == "signed: 2; left out: 0\n"


def test_each_line_of_json_gains_an_hmac_and_stays_unchanged_otherwise(tmp_path: Path) -> None:
    users = tmp_path / "users.jsonl"
    users.write_text('{"id": 7, "paid": 1.10}\n\n{"email":"ada@example.com", "x": {} }')
    assert signing("sign", users).stdout == (
        f'{{"id": 7, "paid": 1.10, "hmac": "{hmac("7")}"}}\n'
        f'{{"email":"ada@example.com", "x": {{}}, "hmac": "{hmac("ada@example.com")}"}}\n'
    )


def test_an_hmac_that_is_there_is_replaced(tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("hmac,id\nold,7\n")
    assert signing("sign", users).stdout == f"hmac,id\n{hmac('7')},7\n"
    line = '{"hmac": null, "id": "7"}\n'
    (row,) = signed(JsonRows(Lines(StringIO(line))))
    assert json.loads(cast(str, row)) == {"hmac": hmac("7"), "id": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"email;id\na@example.com;7\n", f"email;id;hmac\na@example.com;7;{hmac('7')}\n"),
        (b"id\tname\n7\tAda\n", f"id\tname\thmac\n7\tAda\t{hmac('7')}\n"),
        (b'  {"id": 7}', f'  {{"id": 7, "hmac": "{hmac("7")}"}}\n'),
    ],
    ids=["semicolons", "tabs", "JSON"],
)
def test_stdin_is_read_for_a_dash_in_the_format_that_it_has(text: bytes, expected: str) -> None:
    assert signing("sign", "-", stdin=text).stdout == expected


def test_bad_rows_are_named_by_their_lines_and_the_others_are_signed(tmp_path: Path) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_text(
        "id,email\n"
        "7,\n"
        "boss@bank.com,\n"  # 3: somebody else's address
        "8,ada@example.com\n"
        ",\n"  # 5: nobody
        "\n"
        "9\n"  # 7: too short
        '"1"0,\n'  # 8: no CSV
        '"11,\n'  # 9: never closed
        "12,\n"
    )
    done = signing("sign", users, "--output", output)
    assert done.status == 1
    assert output.read_text() == (
        f"id,email,hmac\n7,,{hmac('7')}\n8,ada@example.com,{hmac('8')}\n12,,{hmac('12')}\n"
    )
    *lines, totals = done.stderr.splitlines()
    assert [each.partition(":")[0] for each in lines] == [
        *("line 3", "line 5", "line 7", "line 8", "line 9")
    ]
    assert totals == "signed: 3; left out: 5"
    assert "boss" not in done.stderr


def test_bad_lines_of_json_are_named_and_the_others_are_signed() -> None:
    done = signing(
        "sign",
        "--format=jsonl",
        "-",
        stdin=b'[]\n{"id": 1.5}\n{"id": "7"}\n{"id": 1, "id": 2}\n{"id": \n{"id": true}\n{}\n'
        + b"[" * 100_000
        + b'\n{"id": "\\ud800"}\n{"id": 9, "n": 1e999}\n',
    )
    assert done.status == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["7", 9]
    assert [each.partition(":")[0] for each in done.stderr.splitlines()[:-1]] == [
        f"line {number}" for number in (1, 2, 4, 5, 6, 7, 8, 9)
    ]


def test_json_reports_are_objects_on_stdout_a_line_each(tmp_path: Path) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_text("id\n7\n8,9\n")
    done = signing("sign", users, "--output", output, "--json")
    assert (done.status, done.stderr) == (1, "")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"line": 3, "problem": "it has 2 values for 1 column"},
        {"signed": 1, "refused": 1, "output": str(output)},
    ]


def test_json_reports_and_signed_rows_do_not_both_go_to_stdout(tmp_path: Path) -> None:
    done = signing("sign", tmp_path / "users.csv", "--json")
    assert done.status == 2
    assert "--output" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("encoding", "options"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("utf-16", []),
        ("cp1252", ["--encoding", "cp1252"]),
        ("shift-jis", ["--encoding", "shift-jis"]),
    ],
)
def test_the_signed_file_has_the_encoding_and_the_line_ends_of_the_first(
    encoding: str, options: list[str], tmp_path: Path
) -> None:
    name = "José" if encoding != "shift-jis" else "太郎"
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_bytes(f"id,name\r\n{name},{name}\r\n".encode(encoding))
    assert signing("sign", users, "--output", output, *options).status == 0
    expected = f"id,name,hmac\r\n{name},{name},{hmac(name)}\r\n"
    assert output.read_bytes() == expected.encode(encoding)


def test_bytes_that_are_no_text_stay_in_other_columns_and_refuse_a_row_in_the_id(
    tmp_path: Path,
) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_bytes(b"id,name\n7,Jos\xe9\nJos\xe9,x\n")
    done = signing("sign", users, "--output", output)
    assert output.read_bytes() == b"id,name,hmac\n7,Jos\xe9," + hmac("7").encode() + b"\n"
    assert "line 3: the id cannot be encoded as UTF-8" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the file is empty"),
        (b"name\nAda\n", 'with "id" or "email"'),
        (b"id,name,id\n7,Ada,8\n", 'names the column "id" twice'),
        ("id\n7\n".encode("utf-16") + b"x", "is not in utf-16"),
    ],
    ids=["empty", "no column", "twice", "cut"],
)
def test_a_file_that_cannot_be_read_leaves_the_target_unchanged(
    text: bytes, message: str, tmp_path: Path
) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_bytes(text)
    output.write_text("as it was")
    done = signing("sign", users, "--output", output)
    assert done.status == 2
    assert message in done.stderr
    assert output.read_text() == "as it was"
    assert set(tmp_path.iterdir()) == {users, output}


def test_the_signed_file_takes_its_place_whole_and_with_its_permissions(tmp_path: Path) -> None:
    users, link = tmp_path / "users.csv", tmp_path / "link.csv"
    users.write_text("id\n7\n")
    users.chmod(0o640)
    link.symlink_to(users)
    assert signing("sign", users, "--output", link).status == 0
    assert users.read_text() == f"id,hmac\n7,{hmac('7')}\n"
    assert link.is_symlink()
    assert stat.S_IMODE(users.stat().st_mode) == 0o640
    new = tmp_path / "new.csv"
    assert signing("sign", users, "--output", new).status == 0
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert set(tmp_path.iterdir()) == {users, link, new}


@pytest.mark.parametrize("output", ["nowhere/signed.csv", "."])
def test_a_target_that_cannot_be_written_is_named(output: str, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("id\n7\n")
    done = signing("sign", users, "--output", tmp_path / output)
    assert done.status == 2
    assert str(tmp_path / output) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stopped_command_leaves_the_target_unchanged(tmp_path: Path) -> None:
    # Processes that a shell runs in the background ignore SIGINT, and so do those that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = tmp_path / "signed.csv"
    output.write_text("as it was")
    with subprocess.Popen(
        [*COMMAND, "sign", "-", "--output", output],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ(PAVIOR_API_KEY=API_KEY),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"id\n" + b"7\n" * 10_000 + b"8,9\n")
        process.stdin.flush()
        assert b"line 10002" in process.stderr.readline()  # now it waits for more rows
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_SECONDS) == 2
        assert b"stopped" in process.stderr.read()
    assert output.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [output]


def test_a_file_and_one_user_are_not_signed_at_once() -> None:
    assert "not both" in signing("sign", "users.csv", "--id", "7").stderr
    assert "there is no user" in signing("sign").stderr


def test_a_terminal_shows_how_far_a_file_is(tmp_path: Path) -> None:
    users, output = tmp_path / "users.csv", tmp_path / "signed.csv"
    users.write_text("id\n7\nboss@bank.com\n")
    done = on_terminal("sign", users, "--output", output, PAVIOR_API_KEY=API_KEY)
    assert "0 rows" in done.stderr
    assert "%" in done.stderr
    assert "line 3: " in done.stderr
    assert output.read_text() == f"id,hmac\n7,{hmac('7')}\n"
    assert "rows" not in signing("sign", users).stderr.replace("boss", "")


def test_a_row_whose_quotes_do_not_close_loses_only_its_first_line() -> None:
    name = "x" * 1000
    rows = "".join(f"{number},{name}\n" for number in range(2, 1200))
    found = signed(csv_rows(f'id,name\n"1,x\n{rows}'))
    assert [row.line for row in found if isinstance(row, BadRow)] == [2]
    assert sum(isinstance(row, str) for row in found) == 1198


def test_a_long_field_is_signed_and_one_that_is_too_long_is_refused() -> None:
    text = f"id,name\n7,{'x' * 500_000}\n8,{'x' * LONGEST}\n9,x\n"
    assert problems(text) == {3: "it has more than 1,000,000 characters"}
    assert sum(isinstance(row, str) for row in signed(csv_rows(text))) == 2


class Numbers(Iterator[str]):
    """A text of many rows that is never in memory as a whole."""

    def __init__(self, count: int) -> None:
        self._lines = chain(["id,name\n"], (f"{number},Ada\n" for number in range(count)))

    def __next__(self) -> str:
        return next(self._lines)

    def readline(self, _: int) -> str:
        return next(self._lines, "")


def peak(count: int) -> int:
    tracemalloc.start()
    lines = Lines(cast(TextIO, Numbers(count)))
    assert sum(1 for _ in signed_rows(API_KEY, CsvRows(lines))) == count
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_file() -> None:
    peak(10)  # what is loaded at the first row
    assert peak(5_000) < peak(200) + 50_000  # bytes, where each hmac alone has 64


VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)
IDS = VALUE.filter(lambda text: text and not set("@\ufe6b\uff20") & set(text))


@given(
    st.lists(st.tuples(IDS, VALUE), min_size=1),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_the_rows_of_any_csv_file_stay_unchanged_with_one_value_more(
    users: list[tuple[str, str]], delimiter: str, end: str, quoting: int
) -> None:
    written = []
    for row in [("id", "name"), *users]:
        file = StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # typeshed wants a literal
        writer.writerow(row)
        written.append(file.getvalue())
    rows = csv_rows("".join(written))
    added = ["hmac", *(hmac(id_) for id_, _ in users)]
    assert [rows.head(), *signed(rows)] == [
        f"{row.removesuffix(end)}{delimiter}{value}{end}"
        for row, value in zip(written, added, strict=True)
    ]
