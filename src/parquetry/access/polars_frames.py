"""A listing as a lazy frame of Polars: explicit files and types, nothing inferred.

Files are grouped by schema. Each group is one scan with its own types and with casts that lose
nothing; the groups are put under each other. Keys that stand in paths alone are joined on by the path
of the file. So no parser of folder names is involved, and no cast that Polars would do in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from parquetry.access.engine_errors import broken_file
from parquetry.errors import NotFoundError, SchemaMismatchError, StorageError
from parquetry.model.schema import no_rows

if TYPE_CHECKING:
    from collections.abc import Collection

    from parquetry.access.listing import Listing
    from parquetry.files.skimming import FileSchema

_MOST_KNOWN = 1000
_known: dict[FileSchema, pl.Schema] = {}


def frame_schema(listing: Listing) -> pl.Schema:
    """Return the columns of a dataset with their types in Polars."""
    read = _reading_types(listing)
    in_files = set(listing.file_columns.names)
    types = {}
    for field in listing.columns:
        owners = [one for one in read if field.name in one.columns.names]
        as_they_are = {read[one][field.name] for one in owners}
        is_one = all(one.columns.field(field.name).type == field.type for one in owners)
        keeps = field.name in in_files and is_one and len(as_they_are) == 1
        types[field.name] = as_they_are.pop() if keeps else _polars_type(field)
    return pl.Schema(types)


def frames_of(listing: Listing, schema: pl.Schema) -> list[pl.LazyFrame]:
    """Return the rows of a listing's files, with these columns and types, one frame a file schema."""
    read = _reading_types(listing)
    groups: dict[FileSchema, list[str]] = {}
    for path, columns in zip(listing.files, listing.schemas, strict=True):
        groups.setdefault(columns, []).append(path)
    frames = [_group(paths, read[columns], schema, listing) for columns, paths in groups.items()]
    return frames or [pl.LazyFrame(schema=schema)]


def _group(paths: list[str], read: pl.Schema, wanted: pl.Schema, listing: Listing) -> pl.LazyFrame:
    keys = [name for name in listing.path_values.column_names if name in wanted]
    place = _free_name([*read, *wanted]) if keys else None
    frame = pl.scan_parquet(
        paths,
        schema=read,
        glob=False,
        hive_partitioning=False,
        include_file_paths=place,
    )
    if place is None and read == wanted:
        return frame
    own = [_column(name, kind, read) for name, kind in wanted.items() if name not in keys]
    if place is None:
        return frame.select(own)
    values = pl.DataFrame(pl.from_arrow(listing.path_values.select(keys))).select(
        pl.col(name).cast(wanted[name]) for name in keys
    )
    values = values.with_columns(pl.Series(place, listing.files, dtype=pl.String))
    joined = frame.select(*own, place).join(
        values.lazy(), on=place, how="left", maintain_order="left"
    )
    return joined.select(list(wanted))


def _column(name: str, kind: pl.DataType, read: pl.Schema) -> pl.Expr:
    if name not in read:
        return pl.lit(None, dtype=kind).alias(name)
    column = pl.col(name)
    return column if read[name] == kind else column.cast(kind)


def _free_name(taken: Collection[str]) -> str:
    name = "path"
    while name in taken:
        name += "_"
    return name


def _reading_types(listing: Listing) -> dict[FileSchema, pl.Schema]:
    """Return the types by which Polars reads each schema of a listing."""
    found = {}
    for path, schema in zip(listing.files, listing.schemas, strict=True):
        if schema in found:
            continue
        if schema not in _known:
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[schema] = _read_types(path)
        found[schema] = _known[schema]
    return found


def _read_types(path: str) -> pl.Schema:
    try:
        return pl.scan_parquet([path], glob=False, hive_partitioning=False).collect_schema()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist any more.", path=path) from error
    except OSError as error:
        raise StorageError(f"Could not read {path}: {error}.", path=path) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise broken_file(path, str(error).splitlines()[0]) from error


def _polars_type(field: pa.Field) -> pl.DataType:
    try:
        frame = pl.DataFrame(pl.from_arrow(no_rows(pa.schema([field]))))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The column {field.name!r} is {field.type}, for which Polars has no type. Nothing was "
            "changed. Read the dataset by SQL."
        ) from error
    return frame.schema[field.name]
