"""Files of several versions of a table, read as one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError
from parquetry.files.footers import read_footer
from parquetry.model.partitions import parse_text
from parquetry.model.schema import normal_schema, normal_type, unite_types
from parquetry.tables.exports_arrow import polars_type
from parquetry.tables.file_versions import find_file_version
from parquetry.tables.table_files import as_table_files
from parquetry.tables.upgrades import UPGRADES, Upgrades
from parquetry.tables.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.tables.columns import Column
    from parquetry.tables.schema import TableSchema
    from parquetry.tables.table_files import AnyFile, TableFile


@dataclass(frozen=True)
class _Group:
    """Files of one MAJOR version with the same columns, and the same values in their folders."""

    major: int
    columns: pa.Schema
    folders: tuple[tuple[str, str | None], ...]


def read_compatible(
    schema: TableSchema, files: Iterable[AnyFile], upgrades: Upgrades = UPGRADES
) -> pl.LazyFrame:
    """Return the rows of all files as the table's schema has them, lazily.

    Files of the same MAJOR version are read as they are: columns that they lack are NULL, columns that
    only a newer MINOR has are left out, types that differ are widened to one that holds both. Files of
    an older MAJOR go through the upgrade functions. Files that do not say their version are taken to be
    of the schema's.

    **Cost**: a footer a file now; the rest when the frame is collected, columns and rows pushed down.

    Raises:
        FormatVersionError: A file is of a newer MAJOR version.
        SchemaMismatchError: An upgrade is missing, or a column has types that do not unite.
    """
    own = Version.parse(schema.version)
    frames = [
        _upgrade(schema, _scan(schema, group, members), group.major, own.major, upgrades)
        for group, members in _group(schema, as_table_files(files), own).items()
    ]
    kinds = _kinds(schema, frames)
    return pl.concat([_shape(schema, frame, kinds) for frame in frames] or [_empty(kinds)])


def _group(
    schema: TableSchema, files: list[TableFile], own: Version
) -> dict[_Group, list[TableFile]]:
    groups: dict[_Group, list[TableFile]] = defaultdict(list)
    for file in files:
        footer = read_footer(file.path)
        version = find_file_version(file.path, schema.name, footer) or own
        columns = normal_schema(footer.schema.to_arrow_schema())
        only_folders = tuple(pair for pair in file.partitions if pair[0] not in columns.names)
        groups[_Group(version.major, columns, only_folders)].append(file)
    return groups


def _scan(schema: TableSchema, group: _Group, files: list[TableFile]) -> pl.LazyFrame:
    paths = [file.path for file in files]
    scan = pl.scan_parquet(paths, glob=False, hive_partitioning=False)
    return scan.with_columns(
        pl.lit(_folder_value(schema, key, text)).alias(key) for key, text in group.folders
    )


def _folder_value(schema: TableSchema, key: str, text: str | None) -> Any:
    known = key in schema.column_names
    return parse_text(text, schema.column(key).arrow_type if known else pa.string())


def _upgrade(
    schema: TableSchema, frame: pl.LazyFrame, found: int, own: int, upgrades: Upgrades
) -> pl.LazyFrame:
    steps = upgrades.chain(schema.name, found, own)
    for step in steps:
        frame = step(frame)
    if steps and "schema_version" in schema.column_names:
        frame = frame.with_columns(schema_version=pl.lit(schema.identifier))
    return frame


def _kinds(schema: TableSchema, frames: list[pl.LazyFrame]) -> dict[str, pa.DataType]:
    """Return for each column the type that holds the schema's values and those of all files."""
    kinds = {column.name: normal_type(column.arrow_type) for column in schema.columns}
    for frame in frames:
        found = normal_schema(pl.DataFrame(schema=_columns_of(schema, frame)).to_arrow().schema)
        for column in schema.columns:
            if column.name in found.names:
                kind = found.field(column.name).type
                kinds[column.name] = _unite(schema, column, kinds[column.name], kind)
    return kinds


def _columns_of(schema: TableSchema, frame: pl.LazyFrame) -> pl.Schema:
    try:
        return frame.collect_schema()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SchemaMismatchError(
            f"The files of {schema.name} could not be brought to {schema.identifier}: {error}. "
            "Nothing was changed. Mend the upgrade function."
        ) from error


def _unite(
    schema: TableSchema, column: Column, one: pa.DataType, other: pa.DataType
) -> pa.DataType:
    united = None if pt.is_null(one) else unite_types(one, other)
    if united is None:
        raise SchemaMismatchError(
            f"The column {column.name!r} of {schema.identifier} is {column.type}, and a file has it as "
            f"{other}; no type holds both without loss. Nothing was changed. Upgrade the file's version."
        )
    return united


def _shape(schema: TableSchema, frame: pl.LazyFrame, kinds: dict[str, pa.DataType]) -> pl.LazyFrame:
    names = frame.collect_schema().names()
    return frame.select(
        pl.col(column.name).cast(polars_type(kinds[column.name]))
        if column.name in names
        else pl.lit(None, dtype=polars_type(kinds[column.name])).alias(column.name)
        for column in schema.columns
    )


def _empty(kinds: dict[str, pa.DataType]) -> pl.LazyFrame:
    return pl.LazyFrame(schema={name: polars_type(kind) for name, kind in kinds.items()})
