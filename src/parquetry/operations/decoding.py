"""Rows of Parquet files as Arrow tables in their declared types, some row groups at a time.

Polars decodes the plain types several times as fast as PyArrow; PyArrow knows all the others. Which
of them does it is decided by the schema, so that no value changes its meaning on the way. Pages are held
against their checksums first, which Polars does not do.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from polars.exceptions import PanicException, PolarsError
from pyarrow import types as pt

from parquetry.errors import CorruptionError, NotFoundError, ParquetryError, SchemaMismatchError
from parquetry.files.footers import read_footer
from parquetry.files.page_checksums import CheckedPages
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.model.schema import no_rows
from parquetry.model.wording import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHUNK_ROWS = 131_072
"""Neighbouring row groups are decoded together up to so many rows; one that is larger, by itself."""

_OLDEST = pl.CompatLevel.oldest()  # large strings, which become strings without copying their bytes
_PLAIN = (
    pt.is_integer,
    pt.is_float32,
    pt.is_float64,
    pt.is_boolean,
    pt.is_string,
    pt.is_large_string,
    pt.is_binary,
    pt.is_large_binary,
    pt.is_date32,
    pt.is_decimal128,
)


def decode_files(
    paths: Sequence[str], schema: pa.Schema, contents: Sequence[bytes] | None = None
) -> pa.Table:
    """Return all rows of several small files of one schema, in their order.

    Args:
        paths: The files.
        schema: The columns to decode, in the types that the files declare.
        contents: The bytes of the files, if somebody has read them.

    Raises:
        CorruptionError: A file cannot be decoded.
        NotFoundError: A file does not exist any more.
        SchemaMismatchError: It holds times that the declared type cannot say.
    """
    if len(paths) > 1 and is_plain(schema, {"ms", "us"}):
        return _decode_together(paths, schema, contents)
    tables = [table for path in paths for table in decode_rows(path, schema)]
    return pa.concat_tables(tables) if tables else no_rows(schema.remove_metadata())


def decode_checked(paths: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Return all rows of files of one row group each.

    Args:
        paths: The files.
        schema: The columns to decode, in the types that the files declare, none of them old times.

    Raises:
        CorruptionError: A file cannot be decoded, or a page is not the one that was written.
        NotFoundError: A file does not exist any more.
    """
    return pa.concat_tables(
        [table for path in paths for table in _by_pyarrow(path, schema, [[0]], ())]
    )


def decode_rows(
    path: str,
    schema: pa.Schema,
    groups: Sequence[int] | None = None,
    group_rows: Sequence[int] | None = None,
) -> Iterator[pa.Table]:
    """Yield the rows of a file, or of some of its row groups, in their order.

    **Cost:** memory for one row group, or for `CHUNK_ROWS` rows of smaller ones.

    Args:
        path: The file.
        schema: The columns to decode, in the types that the file declares.
        groups: The numbers of the row groups, ascending; without them all.
        group_rows: The rows of each row group, if they are known already.

    Raises:
        CorruptionError: The file cannot be decoded.
        NotFoundError: It does not exist any more.
        SchemaMismatchError: It holds times that the declared type cannot say.
    """
    if group_rows is not None and is_plain(schema, {"ms", "us"}):
        yield from _by_polars(path, schema, group_rows, _bundles(group_rows, groups))
        return
    footer = read_footer(path)
    rows = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
    physical = [footer.schema.column(number) for number in range(len(footer.schema))]
    old_times = [column.path for column in physical if column.physical_type == "INT96"]
    bundles = _bundles(rows, groups)
    if is_plain(schema, {"ms", "us"} if old_times else {"ms", "us", "ns"}):
        yield from _by_polars(path, schema, rows, bundles)
    else:
        yield from _by_pyarrow(path, schema, bundles, old_times)


def is_plain(schema: pa.Schema, units: set[str]) -> bool:
    """Return whether Polars gives every column of a schema back exactly as PyArrow would."""
    return all(
        (field.type.unit in units and field.type.tz in {None, "UTC"})
        if pt.is_timestamp(field.type)
        else any(test(field.type) for test in _PLAIN)
        for field in schema
    )


def _bundles(group_rows: Sequence[int], groups: Sequence[int] | None) -> list[list[int]]:
    """Return runs of neighbouring row groups that are decoded together."""
    bundles: list[list[int]] = []
    held = 0
    for number in range(len(group_rows)) if groups is None else groups:
        rows = group_rows[number]
        if not rows:
            continue
        if bundles and bundles[-1][-1] == number - 1 and held + rows <= CHUNK_ROWS:
            bundles[-1].append(number)
            held += rows
        else:
            bundles.append([number])
            held = rows
    return bundles


def _decode_together(
    paths: Sequence[str], schema: pa.Schema, contents: Sequence[bytes] | None
) -> pa.Table:
    try:
        found = [_read_whole(path) for path in paths] if contents is None else list(contents)
        for path, content in zip(paths, found, strict=True):
            CheckedPages(FileBytes(path, data=content)).hold(schema.names)
        frame = pl.read_parquet(
            found,
            columns=schema.names,
            hive_partitioning=False,
            use_statistics=False,
        )
        return _typed(frame, schema)
    except (PolarsError, PanicException, pa.ArrowException, OSError):
        tables = [table for path in paths for table in decode_rows(path, schema)]
        return pa.concat_tables(tables)  # which tells the file that was to blame


def _read_whole(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _by_polars(
    path: str, schema: pa.Schema, group_rows: Sequence[int], bundles: Sequence[Sequence[int]]
) -> Iterator[pa.Table]:
    starts = [0, *accumulate(group_rows)]
    with FileBytes.open(path) as file:
        pages = CheckedPages(file)
        for bundle in bundles:  # nothing is held here of what was yielded
            pages.hold(schema.names, bundle)
            yield _decoded(path, schema, starts, bundle)


def _decoded(
    path: str, schema: pa.Schema, starts: Sequence[int], bundle: Sequence[int]
) -> pa.Table:
    first, end = starts[bundle[0]], starts[bundle[-1] + 1]
    try:
        whole = end - first == starts[-1]
        frame = _read(path, schema) if whole else _read_slice(path, schema, first, end - first)
        table = _typed(frame, schema)
    except (PolarsError, PanicException, pa.ArrowException) as error:
        raise _undecodable(path, error) from error
    except OSError as error:
        raise _gone(path, error) from error
    if table.num_rows != end - first:
        raise _undecodable(path, f"{table.num_rows} rows stand where {end - first} should")
    return table


def _read(path: str, schema: pa.Schema) -> pl.DataFrame:
    return pl.read_parquet(
        _read_whole(path), columns=schema.names, hive_partitioning=False, use_statistics=False
    )


def _read_slice(path: str, schema: pa.Schema, start: int, rows: int) -> pl.DataFrame:
    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False, use_statistics=False)
    return scan.select(schema.names).slice(start, rows).collect()


def _typed(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    # column by column, in one piece each: chunk by chunk of a frame takes three times as long
    columns = [column.to_arrow(compat_level=_OLDEST) for column in frame]
    return pa.table(columns, frame.columns).cast(schema.remove_metadata())


def _by_pyarrow(
    path: str, schema: pa.Schema, bundles: Sequence[Sequence[int]], old_times: Sequence[str]
) -> Iterator[pa.Table]:
    plain = schema.remove_metadata()
    try:
        with (
            pq.ParquetFile(path, page_checksum_verification=True) as file,
            pq.ParquetFile(path, coerce_int96_timestamp_unit="us") as other,
        ):
            for bundle in bundles:
                found = file.read_row_groups(bundle, schema.names, use_threads=False)
                if old_times:
                    _check_times(path, found, other.read_row_groups(bundle, list(old_times)))
                yield found.select(schema.names).replace_schema_metadata(None).cast(plain)
    except ParquetryError:
        raise
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise _undecodable(path, error) from error
    except OSError as error:
        raise _gone(path, error) from error


def _check_times(path: str, found: pa.Table, checked: pa.Table) -> None:
    """Refuse times of the old 96-bit form that 64 bits of nanoseconds cannot hold."""
    for name in checked.column_names:
        if name not in found.column_names or not pt.is_timestamp(checked[name].type):
            continue
        coarse = pc.cast(found[name], checked[name].type, safe=False)
        if not coarse.equals(checked[name]):
            raise SchemaMismatchError(
                f"The column {name!r} of {path} holds times before 1678 or after 2261 in the old INT96 "
                "form, which cannot be decoded with their nanoseconds. Nothing was changed. Write the "
                "file again with timestamps in microseconds.",
                path=path,
            )


def _undecodable(path: str, why: object) -> CorruptionError:
    reason = first_line(why)
    return CorruptionError(
        f"{path} cannot be decoded: {reason}. Nothing was changed. Restore the file from a backup, or "
        "move it out of the dataset.",
        path=path,
    )


def _gone(path: str, error: OSError) -> NotFoundError | CorruptionError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{path} does not exist any more.", path=path)
    return _undecodable(path, error)
