"""Users in CSV, by RFC 4180: a header with the columns' names, and a row for each user."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO

from ..output import CannotRun
from .lines import LONGEST, Lines, LineTooLong
from .row import BadRow, Row

_DELIMITERS = (",", ";", "\t")
_COLUMNS = ("id", "email", "hmac")


@dataclass(frozen=True)
class Header:
    """The columns of a file: their number, the delimiter, and the places of the known ones."""

    width: int
    delimiter: str
    places: dict[str, int]


class CsvRows:
    """The rows of a file. Raises `CannotRun` if its first line does not name the columns."""

    def __init__(self, lines: Lines) -> None:
        try:
            self._text = next(lines)
        except StopIteration:
            raise CannotRun("the file is empty: its first line must name the columns") from None
        except LineTooLong:
            raise CannotRun(f"line 1 has more than {LONGEST:,} characters") from None
        csv.field_size_limit(LONGEST)  # for the whole process; Python's default is 131,072
        self._lines = lines
        self._header = read_header(self._text)

    @property
    def has_hmac(self) -> bool:
        """Whether there is a column `hmac`."""
        return "hmac" in self._header.places

    def head(self) -> str:
        """Return the line that names the columns, with one for the hmac."""
        return self._text if self.has_hmac else _appended(self._text, self._header, "hmac")

    def __iter__(self) -> Iterator[Row | BadRow]:
        """Yield each row. After a row whose quotes do not close, go on with its second line."""
        record = _Record(self._lines)
        reader = csv.reader(record, delimiter=self._header.delimiter, strict=True)
        while True:
            record.begin()
            try:
                values = next(reader)
            except StopIteration:
                return
            except LineTooLong:
                yield BadRow(self._lines.number, f"it has more than {LONGEST:,} characters")
            except csv.Error as error:
                self._lines.take_back(record.lines[1:])
                yield BadRow(self._lines.number, f"it is not CSV ({error}): mend its quotes")
            else:
                if values:
                    yield self._row(record.first, values, "".join(record.lines))

    def _row(self, line: int, values: Sequence[str], text: str) -> Row | BadRow:
        header = self._header
        if len(values) != header.width:
            return BadRow(line, _width_problem(len(values), header.width))
        found = {name: values[place] for name, place in header.places.items()}
        with_hmac: Callable[[str], str] = (
            partial(_replaced, values, text, header)
            if self.has_hmac
            else partial(_appended, text, header)
        )
        return Row(line, found.get("id"), found.get("email"), found.get("hmac"), with_hmac)


class _Record(Iterator[str]):
    """The lines of one row, for `csv.reader`."""

    def __init__(self, lines: Lines) -> None:
        self.lines: list[str] = []
        self.first = 0
        self._source = lines
        self._length = 0

    def begin(self) -> None:
        self.lines = []
        self.first = self._source.number + 1
        self._length = 0

    def __next__(self) -> str:
        line = next(self._source)
        self.lines.append(line)
        self._length += len(line)
        if self._length > LONGEST:
            raise csv.Error(f"its quotes do not close within {LONGEST:,} characters")
        return line


def read_header(line: str) -> Header:
    """Return what the first line says. Commas, semicolons or tabs separate the names.

    Raises `CannotRun` if it names neither an `id` nor an `email`, or one of them twice.
    """
    for delimiter in _DELIMITERS:
        try:
            names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
        except (csv.Error, StopIteration):
            continue
        if "id" in names or "email" in names:
            break
    else:
        raise CannotRun(
            'line 1 must name the columns, with "id" or "email" among them, in small letters;'
            " if it does, pass --encoding or --format"
        )
    twice = next((name for name in _COLUMNS if names.count(name) > 1), None)
    if twice:
        raise CannotRun(f'line 1 names the column "{twice}" twice: rename one')
    places = {name: names.index(name) for name in _COLUMNS if name in names}
    return Header(len(names), delimiter, places)


def _width_problem(count: int, width: int) -> str:
    values, columns = ("" if number == 1 else "s" for number in (count, width))
    return f"it has {count} value{values} for {width} column{columns}"


def _appended(text: str, header: Header, value: str) -> str:
    """Return a row's text with one more value, which must not need quotes."""
    row = text.rstrip("\r\n")
    return f"{row}{header.delimiter}{value}{text[len(row) :] or _END}"


def _replaced(values: Sequence[str], text: str, header: Header, hmac: str) -> str:
    """Return a row with another hmac."""
    row = list(values)
    row[header.places["hmac"]] = hmac
    end = text[len(text.rstrip("\r\n")) :] or _END
    written = StringIO(newline="")
    csv.writer(written, delimiter=header.delimiter, lineterminator=end).writerow(row)
    return written.getvalue()


_END = "\n"
"""The line end that the last line gets if it has none."""
