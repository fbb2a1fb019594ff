"""One CSV as a typed frame, or an error that names the line.

A line that begins with `#` is a comment, an empty line is nothing, the first other line is the
header. Fields stand between `,`, `;` or tabs, whichever the header shows; a field in double quotes
may hold them and line ends, and a double quote as two. Every line must have as many fields as the
header. Types are decided over the whole column; see `column_types`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import CorruptionError
from parquetry.experiments.conversion.column_types import text_column, typed_column

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELIMITERS = (",", ";", "\t")
_SHOWN = 60
_NUMBER = re.compile(r"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*")
INDEX = "index"
TEXT_COLUMNS = frozenset({"grid_id"})  # an id such as 1e234567 is no number


@dataclass(frozen=True, slots=True)
class CsvTable:
    """The content of a CSV.

    Args:
        frame: Its rows, with a type for each column.
        delimiter: What stood between its fields.
        notes: What was decided about it that its author might want to know.
    """

    frame: pl.DataFrame
    delimiter: str
    notes: tuple[str, ...] = ()


def read_header(content: bytes, path: str) -> list[str]:
    """Return the names of the columns.

    Args:
        content: The bytes of the file.
        path: What the file is called in an error.

    Raises:
        CorruptionError: There is no header, or it cannot be one.
    """
    return _Text(content, path).header()[0]


def read_csv(content: bytes, path: str) -> CsvTable:
    """Return the rows of a CSV with a type for each column.

    **Cost:** the whole file in memory, about four times.

    Args:
        content: The bytes of the file.
        path: What the file is called in an error.

    Raises:
        CorruptionError: A line does not fit the header, a quote does not end, or the bytes are no
            UTF-8; the message names the file, the line and how it begins.
    """
    text = _Text(content, path)
    header, notes = text.header()
    typed = [_typed(column, text.delimiter) for column in text.columns(header)]
    notes += [note for _, note in typed if note]
    if text.comments:
        notes.append(f"{text.comments} lines below the header begin with '#' and are comments")
    return CsvTable(pl.DataFrame([column for column, _ in typed]), text.delimiter, tuple(notes))


def _typed(column: pl.Series, delimiter: str) -> tuple[pl.Series, str]:
    if column.name in TEXT_COLUMNS:
        return text_column(column), ""
    return typed_column(column, decimal_comma=delimiter == ";")


class _Text:
    """The lines of one file, and what separates their fields."""

    def __init__(self, content: bytes, path: str) -> None:
        self.path = path
        content = content.removeprefix(b"\xef\xbb\xbf")
        self._check_bytes(content)
        self.lines = content.splitlines()
        self.first = next((at for at, line in enumerate(self.lines) if _counts(line)), None)
        # Quotes in comments above the header, as monitor logs have them, cost nothing.
        self.quoted = any(b'"' in line for line in self.lines[self.first :])
        if self.quoted:
            self.lines = content.splitlines(keepends=True)
        self.comments = 0
        self.delimiter = self._find_delimiter()

    def header(self) -> tuple[list[str], list[str]]:
        """Return the names of the columns, and what was decided about them."""
        first = self.first or 0
        names = [name.strip() for name in next(self._records(self.delimiter))[1]]
        if all(_NUMBER.fullmatch(name) for name in names):
            raise self._error(
                first,
                "expected the names of the columns, found numbers only. A header behind '#' is a "
                "comment (numpy.savetxt writes it so; comments='' keeps it a header)",
            )
        notes = []
        if names[0] == "" and INDEX not in names and len(names) > 1:
            names[0] = INDEX
            notes.append(f"the first column has no name and is called {INDEX!r}")
        for name in names:
            if not name:
                raise self._error(first, "a column in the header has no name")
            if names.count(name) > 1:
                raise self._error(first, f"the header names the column {name!r} more than once")
        return names, notes

    def columns(self, header: list[str]) -> list[pl.Series]:
        """Return the fields of each column as text, all lines checked and comments counted."""
        self.comments = 0
        if not self.quoted:
            return self._plain_columns(header)
        rows = [fields for _, fields in self._checked(self.delimiter)]
        columns = zip(*rows, strict=True) if rows else [()] * len(header)
        return [
            pl.Series(name, list(fields), dtype=pl.String)
            for name, fields in zip(header, columns, strict=True)
        ]

    def _plain_columns(self, header: list[str]) -> list[pl.Series]:
        lines = self._checked_lines(self.delimiter)[1:]
        below = self.lines[(self.first or 0) :]
        self.comments = sum(1 for line in below if line.startswith(b"#"))
        if not lines:
            return [pl.Series(name, [], dtype=pl.String) for name in header]
        # A header of our own comes first: Polars takes a text that begins with `x^` for compressed.
        names = self.delimiter.join(f"c{number}" for number in range(len(header)))
        frame = pl.read_csv(
            b"\n".join([names.encode(), *lines]),
            new_columns=header,
            separator=self.delimiter,
            quote_char=None,
            infer_schema=False,
        )
        return frame.get_columns()

    def _find_delimiter(self) -> str:
        if self.first is None:
            raise CorruptionError(
                f"{self.path} cannot be read: it has no header; expected a line with the names of "
                "its columns. Nothing of it was converted. If its run is still to come, convert "
                "again later; else delete it.",
                path=self.path,
            )
        outside = re.sub(r'"[^"]*"', "", self.lines[self.first].decode())
        shown = [one for one in _DELIMITERS if one in outside]
        if len(shown) <= 1:
            return (shown or [","])[0]
        fitting = [one for one in shown if self._fits(one)]
        if len(fitting) == 1:
            return fitting[0]
        signs = " and ".join(repr(one) for one in fitting or shown)
        how_many = "each of which" if fitting else "none of which"
        raise self._error(self.first, f"its fields may end at {signs}, {how_many} fits all lines")

    def _fits(self, delimiter: str) -> bool:
        try:
            if self.quoted:
                return sum(1 for _ in self._checked(delimiter)) >= 0
            return bool(self._checked_lines(delimiter))
        except CorruptionError:
            return False

    def _checked_lines(self, delimiter: str) -> list[bytes]:
        """Return the lines that count, the header first, all with as many fields as it."""
        sign = delimiter.encode()
        counts = [_counts(line) for line in self.lines]
        lines = list(compress(self.lines, counts))
        expected = lines[0].count(sign)
        for at, line in enumerate(lines):
            if line.count(sign) != expected:
                raise self._unfitting(
                    list(compress(range(len(counts)), counts))[at],
                    expected + 1,
                    line.count(sign) + 1,
                )
        return lines

    def _checked(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of each line below the header, all with as many as it."""
        records = self._records(delimiter)
        expected = len(next(records)[1])
        for at, fields in records:
            if len(fields) != expected:
                raise self._unfitting(at, expected, len(fields))
            yield at, fields

    def _records(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with the index of its first line; a quoted field may go over several."""
        begins = True
        start = 0

        def lines() -> Iterator[str]:
            nonlocal start, begins
            for at, line in enumerate(self.lines):
                # Inside a quoted field a line is neither empty nor a comment.
                if begins and not _counts(line):
                    self.comments += at > (self.first or 0) and line.startswith(b"#")
                    continue
                if begins:
                    start, begins = at, False
                yield line.decode()

        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                yield start, fields
                begins = True
        except csv.Error as error:
            reason = str(error)
            if reason == "unexpected end of data":
                reason = "a double quote begins a field and none ends it"
            elif "field larger" in reason:
                reason = f"a field is longer than {csv.field_size_limit()} signs; is a quote open?"
            raise self._error(start, reason) from error

    def _check_bytes(self, content: bytes) -> None:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            reason, offset = "the file is UTF-16; expected UTF-8", 0
        elif b"\0" in content:
            reason, offset = "there are NUL bytes, as a crash leaves them", content.index(b"\0")
        else:
            try:
                content.decode()
            except UnicodeDecodeError as error:
                reason, offset = f"the line is not UTF-8 ({error.reason})", error.start
            else:
                return
        begin = max(content.rfind(b"\n", 0, offset), content.rfind(b"\r", 0, offset)) + 1
        line = len(content[:begin].splitlines()) + 1
        raise _broken(self.path, line, content[begin : begin + _SHOWN], reason)

    def _unfitting(self, at: int, expected: int, found: int) -> CorruptionError:
        return self._error(at, f"expected {expected} fields as in the header, found {found}")

    def _error(self, at: int, reason: str) -> CorruptionError:
        return _broken(self.path, at + 1, self.lines[at].rstrip(b"\r\n"), reason)


def _counts(line: bytes) -> bool:
    return not line.startswith(b"#") and not line.isspace() and line != b""


def _broken(path: str, line: int, content: bytes, reason: str) -> CorruptionError:
    begins = content[:_SHOWN].decode(errors="replace")
    return CorruptionError(
        f"{path}, line {line}: {reason}. The line begins {begins!r}. Nothing of this file was "
        "converted. Mend the line, or delete it, and convert again.",
        path=path,
    )
