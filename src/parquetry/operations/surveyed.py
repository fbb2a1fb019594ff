"""What the name and the footer of a file say that is to be reshaped, alone or with many others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import polars as pl
from pyarrow import types as pt

from parquetry.files.footer_values import decode_bounds
from parquetry.model.schema import normal_schema
from parquetry.operations.bounds import in_zone, place_of
from parquetry.operations.constant_columns import is_provable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

    from parquetry.files.footer_table import FooterTable
    from parquetry.model.changes import FileState

SortKey: TypeAlias = tuple[str, bool, bool]  # column, descending, NULL first


@dataclass(frozen=True, slots=True)
class SurveyedFile:
    """What a file's name and footer say.

    Args:
        state: The file as the snapshot found it.
        rows: How many rows it has.
        group_rows: The rows of each of its row groups.
        texts: What its folders say, one text a key.
        schema: Its columns, as its writer declared them; files that have the same share one object.
        sorting: By what all of its row groups claim to be sorted; empty if they do not.
        bounds: Smallest and largest value of the first column that it is sorted by, if known.
        decoded_bytes: About how much memory its rows take.
        constants: For the columns that were asked for, the value that each row group has in all of
            its rows, as its statistics prove; None where they do not.
    """

    state: FileState
    rows: int
    group_rows: tuple[int, ...]
    texts: tuple[str | None, ...]
    schema: pa.Schema
    sorting: tuple[SortKey, ...] = ()
    bounds: tuple[Any, Any] | None = None
    decoded_bytes: int = 0
    constants: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


def survey_footer(
    state: FileState,
    footer: FileMetaData,
    texts: tuple[str | None, ...],
    schema: pa.Schema,
    constants: Mapping[str, tuple[Any, ...]],
) -> SurveyedFile:
    """Return what a file's name and footer say; the parts are those of `SurveyedFile`."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    claims = {group.sorting_columns for group in groups if group.num_rows}
    sorting: tuple[SortKey, ...] = ()
    bounds = None
    if len(claims) == 1 and (claim := claims.pop()):
        paths = [footer.schema.column(one.column_index).path for one in claim]
        sorting = tuple(
            (path, one.descending, one.nulls_first) for path, one in zip(paths, claim, strict=True)
        )
        bounds = _bounds(groups, claim[0].column_index)
    rows = tuple(group.num_rows for group in groups)
    decoded = sum(group.total_byte_size for group in groups)
    return SurveyedFile(state, sum(rows), rows, texts, schema, sorting, bounds, decoded, constants)


def _bounds(groups: Sequence[Any], column: int) -> tuple[Any, Any] | None:
    """Return the bounds of a column over row groups, or None where rows may stand outside of them.

    NULL stands outside, and NaN, of which statistics do not tell.
    """
    chunks = [group.column(column).statistics for group in groups if group.num_rows]
    if not all(map(_tells_bounds, chunks)) or any(said.null_count for said in chunks):
        return None
    return (min(said.min for said in chunks), max(said.max for said in chunks)) if chunks else None


def _tells_bounds(said: Any) -> bool:
    """Whether the statistics of a chunk tell its bounds, and whether NULL stands outside of them."""
    if said is None or not said.has_min_max or not said.has_null_count:
        return False
    return said.physical_type not in {"FLOAT", "DOUBLE"}


def survey_table(
    table: FooterTable,
    states: Sequence[FileState],
    texts: Sequence[tuple[str | None, ...]],
    schema: pa.Schema,
    columns: Iterable[str],
) -> list[SurveyedFile] | None:
    """Return what `survey_footer` would of each of many files, whose footers were read together.

    Args:
        table: The footers.
        states: The files as they were found.
        texts: What their folders say.
        schema: Their columns.
        columns: For which columns to tell the constants.

    Returns:
        None if it takes more than a look at the bytes.
    """
    if not table.rows.all():  # a claim about no rows counts for nothing
        return None
    example = survey_footer(states[0], table.example, texts[0], schema, {})
    normal = normal_schema(schema)
    bounds: Sequence[tuple[Any, Any] | None] = [None] * len(states)
    if example.sorting and _may_tell_bounds(table.example, example.sorting[0][0], normal):
        told = _table_bounds(table, example.sorting[0][0], normal)
        if told is None:
            return None
        bounds = told
    provable = [
        name for name in columns if name in schema.names and is_provable(schema.field(name).type)
    ]
    constants = {name: _table_constants(table, name, normal) for name in provable}
    rows, sizes = table.rows.tolist(), table.sizes.tolist()
    return [
        SurveyedFile(
            state,
            sum(rows[number]),
            tuple(rows[number]),
            texts[number],
            schema,
            example.sorting,
            bounds[number],
            sum(sizes[number]),
            {name: values[number] for name, values in constants.items()},
        )
        for number, state in enumerate(states)
    ]


def _may_tell_bounds(example: FileMetaData, name: str, columns: pa.Schema) -> bool:
    """Whether footers like this one may tell bounds; if NULL stands outside, each says for itself."""
    leaf = place_of(example, columns, name)
    if leaf is None:
        return True  # as far as can be seen here
    groups = [example.row_group(number) for number in range(example.num_row_groups)]
    return all(_tells_bounds(group.column(leaf).statistics) for group in groups)


def _extremes(
    table: FooterTable, group: int, name: str, columns: pa.Schema
) -> tuple[list[Any], list[Any]] | None:
    """Return smallest and largest value of a column in each footer, None where one may stand outside.

    The whole answer is None if PyArrow has to be asked.
    """
    leaf = place_of(table.example, columns, name)
    if leaf is None:
        return None
    facts, chunk = table.chunks[group, leaf], table.example.row_group(group).column(leaf)
    stored = columns.field(name).type
    said = chunk.statistics
    if facts.low is None or facts.high is None or facts.nulls is None or not said.has_min_max:
        return None
    if pt.is_timestamp(stored) and stored.unit == "ns":  # more than Python's datetime can tell
        return None
    found = []
    for spans in (facts.low, facts.high):
        values = decode_bounds(table, spans, chunk, stored)
        if values is None or values.null_count():
            return None
        if pt.is_timestamp(stored) and stored.tz is not None:
            values = in_zone(values, pl.Datetime("us", "UTC"))
        found.append(
            [
                None if nulls else value
                for value, nulls in zip(values.to_list(), facts.nulls.tolist(), strict=True)
            ]
        )
    return found[0], found[1]


def _table_bounds(
    table: FooterTable, name: str, columns: pa.Schema
) -> list[tuple[Any, Any] | None] | None:
    groups = [_extremes(table, group, name, columns) for group in range(table.rows.shape[1])]
    known = [one for one in groups if one is not None]
    if len(known) < len(groups):
        return None
    lows = zip(*(low for low, _ in known), strict=True)
    highs = zip(*(high for _, high in known), strict=True)
    return [
        None if None in low or None in high else (min(low), max(high))
        for low, high in zip(lows, highs, strict=True)
    ]


def _table_constants(table: FooterTable, name: str, columns: pa.Schema) -> list[tuple[Any, ...]]:
    count = len(table.members)
    groups: list[list[Any]] = []
    for group in range(table.rows.shape[1]):
        low, high = _extremes(table, group, name, columns) or ([None] * count, [None] * count)
        groups.append([a if a == b else None for a, b in zip(low, high, strict=True)])
    return list(zip(*groups, strict=True)) if groups else [()] * count
