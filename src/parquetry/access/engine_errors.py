"""What DuckDB and Polars complain about, said in our terms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from parquetry.errors import (
    CorruptionError,
    NotFoundError,
    ParquetryError,
    RequestError,
    StorageError,
    UnknownColumnError,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_TABLE = re.compile(r'Table with name "?(?P<name>.+?)"? does not exist')
_COLUMNS = tuple(
    re.compile(pattern)
    for pattern in (
        r'Referenced column "(?P<name>.+?)" (?:not found|was not found)',
        r'does not have a column named "(?P<name>.+?)"',
        r'Column "(?P<name>.+?)" does not exist on',
        r'Column "(?P<name>.+?)" in \w+ list not found',
        r'Referenced table "(?P<name>.+?)" not found',
    )
)
_GONE = re.compile(r"No files found that match|No such file or directory")
_POSITION = re.compile(r"\n\nLINE (?P<line>\d+): (?P<text>.*)\n(?P<space> *)\^+")
_BROKEN = re.compile(
    r"magic bytes|too small to be a Parquet|Footer length|TProtocol|[Ss]nappy|[Dd]ecompress|ZSTD|"
    r"corrupt|[Ii]nvalid (?:page|encoding|thrift)|out of specification|[Dd]on't know what type|"
    r"[Cc]hecksum|EOF|not enough bytes|Dictionary|page header|Schema at index|Out of buffer"
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was going on when an engine failed.

    Args:
        tables: The names that a query could have used.
        columns: The columns of the datasets that it did use.
        files: The files that were read, in a few lists.
    """

    tables: Collection[str] = ()
    columns: Mapping[str, Sequence[str]] | None = None
    files: Sequence[Sequence[str]] = ()


def is_interruption(error: RuntimeError) -> bool:
    """Return whether this is how DuckDB tells of Ctrl+C."""
    return str(error) == "Query interrupted"


def unknown_table(error: duckdb.Error) -> str | None:
    """Return the table that a query named and DuckDB did not know."""
    match = _TABLE.search(str(error)) if isinstance(error, duckdb.CatalogException) else None
    return match["name"] if match else None


def unknown_column(error: duckdb.Error) -> str | None:
    """Return the column that a query named and DuckDB did not find."""
    if not isinstance(error, duckdb.BinderException):
        return None
    matches = (pattern.search(str(error)) for pattern in _COLUMNS)
    return next((match["name"] for match in matches if match), None)


def is_gone(error: BaseException) -> bool:
    """Return whether an engine could not find a file that it was given."""
    return isinstance(error, FileNotFoundError) or bool(_GONE.search(str(error)))


def is_of_files(error: BaseException) -> bool:
    """Return whether an engine failed at the files that it was given, and not at the question."""
    return is_gone(error) or isinstance(error, OSError | duckdb.IOException) or is_broken(error)


def is_broken(error: BaseException) -> bool:
    """Return whether an engine found bytes that are no sound Parquet."""
    return bool(_BROKEN.search(str(error)))


def translate_duck(error: duckdb.Error, circumstances: Circumstances) -> ParquetryError:
    """Return DuckDB's error as one of ours; raise it `from` the original."""
    table, column = unknown_table(error), unknown_column(error)
    if table is not None:
        return _no_table(table, circumstances.tables)
    if column is not None:
        return _no_column(column, error, circumstances)
    if isinstance(error, duckdb.OutOfMemoryException):
        return StorageError(f"The query needs more memory than DuckDB may use: {_reason(error)}")
    file = _named_file(str(error), circumstances.files)
    if file is None and sum(map(len, circumstances.files)) == 1:
        file = next(path for paths in circumstances.files for path in paths)
    if file is not None and _BROKEN.search(str(error)):
        return broken_file(file, _reason(error))
    if is_gone(error) and file is not None:
        return _replaced(file)
    if isinstance(error, duckdb.IOException):
        return StorageError(f"The query could not be run: {_reason(error)}.", path=file)
    if isinstance(error, _REQUEST):
        return RequestError(f"The query cannot be run: {_reason(error)}.{_position(error)}")
    return _unclear(_reason(error), file)


def translate_polars(error: BaseException, files: Sequence[str], root: str) -> ParquetryError:
    """Return an error or panic of Polars, met while files were read, as one of ours."""
    file = _named_file(str(error), [files])
    if is_gone(error):
        return _replaced(file or root)
    if isinstance(error, OSError):
        return StorageError(f"Could not read from {root}: {_reason(error)}.", path=file or root)
    is_panic = isinstance(error, pl.exceptions.PanicException)
    if not is_panic and not _BROKEN.search(str(error)) and "parquet" not in str(error):
        return RequestError(
            f"The rows of {root} cannot be read as asked: {_reason(error)}. Nothing was changed."
        )
    if file is None and len(files) == 1:
        file = files[0]
    if file is not None:
        return broken_file(file, _reason(error))
    return CorruptionError(
        f"One of the {len(files)} files that were read from {root} cannot be understood: "
        f"{_reason(error)}. Nothing was changed. `check` with deep=True says which one it is.",
        path=root,
    )


def broken_file(path: str, reason: str) -> CorruptionError:
    """Return the error about one file whose bytes make no sense."""
    return CorruptionError(
        f"{path} cannot be read: {reason}. It was left as it is. Move it out of the dataset, or "
        "restore it from a backup.",
        path=path,
    )


def _no_table(name: str, tables: Collection[str]) -> NotFoundError:
    known = sorted(tables)
    return NotFoundError(
        f"There is no dataset or view {name!r} here.{did_you_mean(name, known)} There are: "
        f"{', '.join(known) or '(none)'}. Nothing was changed."
    )


def _no_column(name: str, error: duckdb.Error, circumstances: Circumstances) -> RequestError:
    columns = circumstances.columns or {}
    known = list(dict.fromkeys(column for names in columns.values() for column in names))
    if "Referenced table" in str(error):
        return RequestError(f"The query cannot be run: {_reason(error)}.{_position(error)}")
    where = f"what the query reads ({', '.join(columns)})" if columns else "a query of no dataset"
    return UnknownColumnError.of(name, known, where)


def _replaced(path: str) -> NotFoundError:
    return NotFoundError(
        f"{path} went away while it was read, and so did its successors each time. Nothing was "
        "changed. Somebody is replacing files very often; try again, or pin the dataset first.",
        path=path,
    )


def _unclear(reason: str, file: str | None) -> ParquetryError:
    if file is not None:
        return broken_file(file, reason)
    return CorruptionError(
        f"The engine could not go on: {reason}. Nothing was changed. If the query reads sound data "
        "elsewhere, run `check` on its datasets."
    )


def _named_file(message: str, files: Sequence[Sequence[str]]) -> str | None:
    if ".parquet" not in message and "/" not in message:
        return None
    return next((path for paths in files for path in paths if path in message), None)


def _reason(error: BaseException) -> str:
    """Return what an engine says without its kind of error, its advice and the query's text."""
    text = _POSITION.split(str(error))[0].strip() or type(error).__name__
    first = re.split(r"\n\n|\n\s*Candidate", text)[0]
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", first).rstrip(".").replace("\n", " ")


def _position(error: duckdb.Error) -> str:
    """Return the line of the query that DuckDB points to, with its pointer."""
    match = _POSITION.search(str(error))
    if match is None:
        return " Nothing was changed."
    prefix = f"line {match['line']}: "
    pointer = " " * (len(match["space"]) - len(f"LINE {match['line']}: ") + len(prefix))
    return f" Nothing was changed.\n  {prefix}{match['text']}\n  {pointer}^"


_REQUEST = (
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.TypeMismatchException,
    duckdb.InvalidInputException,
    duckdb.InvalidTypeException,
    duckdb.NotImplementedException,
    duckdb.ConstraintException,
    duckdb.PermissionException,
    duckdb.DependencyException,
    duckdb.TransactionException,
    duckdb.SequenceException,
    duckdb.ConnectionException,
)
