"""The rows of a call, made complete and cut into units: one `(grid_id, seed)` each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.errors import LayoutError, ParameterError
from parquetry.experiments.regret import fill_regret
from parquetry.model.frames import iterate_tables
from parquetry.model.splitting import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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


def cut_units(
    rows: Rows, params: Mapping[str, Any], grid_id: str, keys: Sequence[str]
) -> Iterator[Unit]:
    """Yield the units of the rows, batch by batch; a unit that spans batches comes in one piece.

    Rows of one seed should stand together: if a seed comes back after others, its later rows are a
    continuation.

    Raises:
        ParameterError: There is no seed, or the rows belong to another grid.
        LayoutError: A partition key varies within a unit.
    """
    done: set[int] = set()
    held: tuple[int, list[pa.Table]] | None = None
    for table in iterate_tables(rows):
        if not table.num_rows:
            continue
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
    table = parts[0] if len(parts) == 1 else _concatenate(parts)
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


def _concatenate(parts: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(parts, promote_options="permissive")


def _complete(
    table: pa.Table, params: Mapping[str, Any], grid_id: str, keys: Sequence[str]
) -> pa.Table:
    """Return the rows with `grid_id`, `seed`, the partition keys and the regret columns."""
    table = _with_grid(table, params, grid_id)
    table = _with_seed(table, params)
    for key in keys:
        if key not in table.column_names:
            value = params.get(key)
            kind = pa.string() if value is None else pa.scalar(value).type
            table = table.append_column(key, pa.repeat(pa.scalar(value, kind), table.num_rows))
        if key != "seed" and _is_number(table[key].type):
            # 1 in one run and 0.5 in the next are values of one parameter
            position = table.schema.get_field_index(key)
            table = table.set_column(position, key, table[key].cast(pa.float64()))
    return fill_regret(table)


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
        seed = params.get("seed")
        if seed is None:
            raise ParameterError(
                "These rows have no column 'seed', and neither have the parameters. "
                "Nothing was written. Give every row the seed of its run."
            )
        return table.append_column("seed", pa.repeat(pa.scalar(seed, pa.int64()), table.num_rows))
    column = table["seed"]
    if column.null_count or not pa.types.is_integer(column.type):
        raise ParameterError(
            f"The column 'seed' is {column.type} with {column.null_count} nulls; a seed is a whole "
            "number in every row. Nothing was written."
        )
    if pa.types.is_int64(column.type):
        return table
    position = table.schema.get_field_index("seed")
    return table.set_column(position, "seed", column.cast(pa.int64()))
