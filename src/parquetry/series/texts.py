"""Series as text: no header, rows are time, columns are scenarios."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import SchemaMismatchError
from parquetry.series.handles import reading_error

if TYPE_CHECKING:
    from parquetry.series.indexing import Floats

_AT_VALUE = re.compile(r"at row (\d+), column (\d+)")
_AT_ROW = re.compile(r"at row (\d+)")
DELIMITERS = {".txt": None, ".tsv": "\t", ".csv": ","}  # None: any white space


def read_text(path: str) -> Floats:
    """Return the numbers of a text file as (rows, columns).

    Raises:
        NotFoundError: There is no such file.
        StorageError: It cannot be read.
        SchemaMismatchError: Something is no number, rows differ in length, or there is nothing.
    """
    suffix = path[path.rfind(".") :]
    lines = _read_lines(path)
    if not lines:
        raise _refused(path, "it holds no number")
    try:
        values = np.loadtxt(lines, delimiter=DELIMITERS[suffix], ndmin=2, comments=None)
    except ValueError as error:
        raise _refused(path, _in_lines(str(error))) from error
    return values


def _read_lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().rstrip().splitlines()
    except OSError as error:
        raise reading_error(path, error) from error
    except UnicodeDecodeError as error:
        raise _refused(path, f"it is no text: {error.reason} at byte {error.start}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():  # NumPy would skip it, and all later steps would move
            raise _refused(path, f"line {number} is empty")
    return lines


def _in_lines(reason: str) -> str:
    """Return NumPy's reason with lines from 1, without advice that speaks of its own parameters.

    NumPy counts rows from 0 where it names a column, too, and from 1 elsewhere.
    """
    told = reason.partition("; use")[0].rstrip(".")
    told = _AT_VALUE.sub(lambda found: f"in line {int(found[1]) + 1}, column {found[2]}", told)
    return _AT_ROW.sub(r"in line \1", told)


def _refused(path: str, reason: str) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"Could not read the series {path}: {reason}. Expected rows of numbers of equal length, without "
        "a header. The file was left as it is. Mend it and try again.",
        path=path,
    )
