"""A dataset as a view of one DuckDB connection: explicit files, columns and types.

DuckDB never looks for files or guesses: it gets the list in a variable, takes the values of keys that
stand in paths from a small table, and is told the united columns wherever files differ. It is also
told that floats can be NaN; where a footer counts none it prunes all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.access.duck_types import duck_type
from parquetry.access.quoting import fold, glob_literal, quote_identifier, quote_list, quote_text
from parquetry.errors import NotFoundError, SchemaMismatchError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from parquetry.access.listing import Listing

_OPTIONS = "hive_partitioning = false, can_have_nan = true"


def create_view(cursor: DuckDBPyConnection, name: str, listing: Listing, number: int) -> None:
    """Make a temporary view that reads the files of a listing.

    Args:
        cursor: The connection that shall see it.
        name: Its name.
        listing: The files.
        number: What tells the view's variable and table from those of other views.

    Raises:
        NotFoundError: There are no files, and nothing is known of the columns.
        SchemaMismatchError: SQL cannot tell two of the columns apart, or has no type for one.
    """
    _check_names(name, listing)
    body = _reading(cursor, listing, number) if listing.files else _nothing(name, listing)
    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quote_identifier(name)} AS {body}")


def _nothing(name: str, listing: Listing) -> str:
    if not len(listing.columns):
        raise NotFoundError(
            f"The dataset {name!r} holds no data yet, so its columns are not known. Write something to "
            "it first."
        )
    columns = (
        f"CAST(NULL AS {duck_type(field.type)}) AS {quote_identifier(field.name)}"
        for field in listing.columns
    )
    return f"SELECT {', '.join(columns)} WHERE false"


def _reading(cursor: DuckDBPyConnection, listing: Listing, number: int) -> str:
    variable = f"parquetry_files_{number}"
    cursor.execute(f"SET VARIABLE {variable} = ?", [list(map(glob_literal, listing.files))])
    options = _OPTIONS if listing.is_uniform else f"{_OPTIONS}, schema = {_schema(listing)}"
    files = f"read_parquet(getvariable('{variable}'), {options})"
    if not listing.path_values.num_columns:
        return f"SELECT {quote_list(listing.columns.names)} FROM {files}"
    return _joined(cursor, listing, files, f"parquetry_folders_{number}")


def _joined(cursor: DuckDBPyConnection, listing: Listing, files: str, table: str) -> str:
    """Return the query that takes the keys from the paths; DuckDB prunes files by this join, too."""
    place = _place_column(listing)
    places = listing.files if place == "filename" else range(len(listing.files))
    values = listing.path_values
    columns = [
        pa.array(places, pa.string() if place == "filename" else pa.uint64()),
        *values.columns,
    ]
    aliases = [f"k{number}" for number in range(values.num_columns)]
    cursor.register(table, pa.table(columns, names=["place", *aliases]))
    origin = {name: f"p.{alias}" for name, alias in zip(values.column_names, aliases, strict=True)}
    shown = (
        f"{origin.get(name) or 'r.' + quote_identifier(name)} AS {quote_identifier(name)}"
        for name in listing.columns.names
    )
    return (
        f"SELECT {', '.join(shown)} FROM {files} AS r LEFT JOIN {table} AS p ON r.{place} = p.place"
    )


def _place_column(listing: Listing) -> str:
    """Return the column by which DuckDB tells the file of a row, unless the files have one like it."""
    taken = {fold(name) for one in listing.distinct_schemas for name in one.columns.names}
    for place in ("file_index", "filename"):
        if fold(place) not in taken:
            return place
    raise SchemaMismatchError(
        "The files have columns named file_index and filename, and keys that stand in the paths alone; "
        "SQL cannot bring them together. Nothing was changed. Rename one of the columns, or read the "
        "dataset with scan()."
    )


def _schema(listing: Listing) -> str:
    """Return the united columns as read_parquet takes them: a column that a file lacks is NULL."""
    columns = (
        f"{quote_text(field.name)}: {{name: {quote_text(field.name)}, "
        f"type: {quote_text(duck_type(field.type))}, default_value: NULL}}"
        for field in listing.file_columns
    )
    return f"MAP {{{', '.join(columns)}}}"


def _check_names(name: str, listing: Listing) -> None:
    names = listing.columns.names
    if "" in names:
        raise SchemaMismatchError(
            f"The dataset {name!r} has a column without a name, which SQL cannot call. Nothing was "
            "changed. Read it with scan(), or rename the column."
        )
    first: dict[bytes, str] = {}
    for column in names:
        other = first.setdefault(fold(column), column)
        if other != column:
            raise SchemaMismatchError(
                f"The dataset {name!r} has the columns {other!r} and {column!r}, which SQL takes for "
                "one. Nothing was changed. Read it with scan(), or rename one of them."
            )
