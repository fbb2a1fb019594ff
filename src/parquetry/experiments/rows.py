"""The rows of a call, made complete and cut into units: one `(grid_id, seed)` each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.errors import LayoutError, ParameterError, SchemaMismatchError
from parquetry.experiments.regret import fill_regret
from parquetry.experiments.seeds import check_seed
from parquetry.model.frames import iterate_tables
from parquetry.model.splitting import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from parquetry.model.frames import Rows


@dataclass(frozen=True, slots=True)
class Unit:
    """The rows of one seed of one grid, or a further part of them.

    Args:
        folder: The values of the partition keys, in their order.
        seed: The seed.
        table: The rows, complete.
        is_continuation: Whether this call has given rows of the same unit before.
    """

    folder: Mapping[str, Any]
    seed: int
    table: pa.Table
    is_continuation: bool


def begin(rows: Rows, params: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Return the batches of the rows, having looked at the first: what is wrong there comes first.

    Raises:
        ParameterError: There are no rows, or they have no seed.
        SchemaMismatchError: A column cannot be stored.
    """
    tables = (table for table in iterate_tables(rows) if table.num_rows)
    first = next(tables, None)
    if first is None:
        raise ParameterError(
            "There are no rows to write. Nothing was written. An experiment without events has no "
            "unit; if that is meant, do not call."
        )
    _with_seed(first, params)
    return chain([first], tables)


def cut_units(
    tables: Iterable[pa.Table], params: Mapping[str, Any], grid_id: str, keys: Sequence[str]
) -> Iterator[Unit]:
    """Yield the units of some rows, batch by batch; a unit that spans batches comes in one piece.

    Rows of one seed should stand together: if a seed comes back after others, its later rows are a
    continuation.

    Raises:
        ParameterError: There is no seed, or the rows belong to another grid.
        LayoutError: A partition key varies within a unit.
    """
    done: set[int] = set()
    held: tuple[int, list[pa.Table]] | None = None
    for table in tables:
        complete = _complete(table, params, grid_id, keys)
        for values, part in split(complete, ["seed"]):
            seed = values["seed"]
            if held is not None and held[0] != seed:
                yield _unit(held, grid_id, keys, done)
                held = None
            held = (seed, [*(held[1] if held else []), part])
    if held is not None:
        yield _unit(held, grid_id, keys, done)


def _unit(
    held: tuple[int, list[pa.Table]], grid_id: str, keys: Sequence[str], done: set[int]
) -> Unit:
    seed, parts = held
    table = parts[0] if len(parts) == 1 else _concatenate(seed, parts)
    others = [key for key in keys if key not in {"grid_id", "seed"}]
    folders = list(split(table, others))
    if len(folders) > 1:
        varying = next(key for key in others if len({str(f[0][key]) for f in folders}) > 1)
        raise LayoutError(
            f"The partition key {varying!r} has several values within seed {seed}. Nothing was written "
            "of this seed. A unit has one place: partition by columns that are constant in a run."
        )
    values = {**folders[0][0], "grid_id": grid_id, "seed": seed}
    unit = Unit({key: values[key] for key in keys}, seed, table, seed in done)
    done.add(seed)
    return unit


def _concatenate(seed: int, parts: list[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        raise SchemaMismatchError(
            f"A column of seed {seed} has other types in one batch than in the next "
            f"({str(error).splitlines()[0]}). Nothing was written of this seed. Give the column one "
            "type."
        ) from error


def _complete(
    table: pa.Table, params: Mapping[str, Any], grid_id: str, keys: Sequence[str]
) -> pa.Table:
    """Return the rows with `grid_id`, `seed`, the partition keys and the regret columns."""
    table = _with_grid(table, params, grid_id)
    table = _with_seed(table, params)
    for key in keys:
        if key not in table.column_names:
            column = pa.repeat(_key_value(key, params.get(key)), table.num_rows)
            table = table.append_column(key, column)
        if key != "seed" and _is_number(table[key].type):
            # 1 in one run and 0.5 in the next are values of one parameter
            table = _with_type(table, key, pa.float64())
    return fill_regret(table)


def _key_value(key: str, value: Any) -> pa.Scalar:
    plain = value.value if isinstance(value, Enum) else value
    try:
        return pa.scalar(plain, pa.string() if plain is None else None)
    except pa.ArrowException as error:
        raise LayoutError(
            f"The parameter {key!r} is a {type(value).__name__}, which cannot name a partition folder. "
            "Nothing was written. Partition by text, numbers, booleans, dates or times."
        ) from error


def _with_type(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    try:
        column = table[name].cast(kind)
    except pa.ArrowException as error:
        raise ParameterError(
            f"The column {name!r} is {table[name].type}, and not every value of it is one of {kind} "
            f"({str(error).splitlines()[0]}). Nothing was written."
        ) from error
    return table.set_column(table.schema.get_field_index(name), name, column)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _with_grid(table: pa.Table, params: Mapping[str, Any], grid_id: str) -> pa.Table:
    """The id of the rows is the one that these parameters have in this store; see `register_grid`."""
    if "grid_id" not in table.column_names:
        return table.append_column("grid_id", pa.repeat(pa.scalar(grid_id), table.num_rows))
    found = pc.unique(table["grid_id"]).to_pylist()
    given = params.get("grid_id", grid_id)
    if any(value not in {grid_id, given, None} for value in found):
        raise ParameterError(
            f"These rows say grid_id={found[0]!r}, their parameters {given!r}. Nothing was written. "
            "Write the rows of each grid with its own parameters."
        )
    if found == [grid_id] and pa.types.is_string(table["grid_id"].type):
        return table
    column = pa.repeat(pa.scalar(grid_id), table.num_rows)
    return table.set_column(table.schema.get_field_index("grid_id"), "grid_id", column)


def _with_seed(table: pa.Table, params: Mapping[str, Any]) -> pa.Table:
    if "seed" not in table.column_names:
        column = pa.repeat(pa.scalar(_seed_of(params), pa.int64()), table.num_rows)
        return table.append_column("seed", column)
    column = table["seed"]
    if column.null_count or not pa.types.is_integer(column.type):
        raise ParameterError(
            f"The column 'seed' is {column.type} with {column.null_count} nulls; a seed is a whole "
            "number in every row. Nothing was written."
        )
    return table if pa.types.is_int64(column.type) else _with_type(table, "seed", pa.int64())


def _seed_of(params: Mapping[str, Any]) -> int:
    seed = params.get("seed")
    if seed is None:
        raise ParameterError(
            "These rows have no column 'seed', and neither have the parameters. "
            "Nothing was written. Give every row the seed of its run."
        )
    return check_seed(seed, "written")
