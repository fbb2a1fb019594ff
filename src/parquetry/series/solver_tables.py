"""Tables that solvers return, made alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.errors import SchemaMismatchError

if TYPE_CHECKING:
    from parquetry.series.blocks import Block

SCENARIO = "scenario"
TIMESTEP = "timestep"
RUN_ID = "run_id"


def as_result(answer: Any, block: Block, scenario_ids: tuple[int, ...]) -> tuple[pa.Table, Any]:
    """Return a solver's answer as an Arrow table with a column `scenario`, and its carry-over.

    Rows of steps that the block does not keep are dropped.

    Raises:
        SchemaMismatchError: The answer is not (table, carry), or the table lacks `timestep` or
            `scenario` where they are needed.
    """
    if not isinstance(answer, tuple) or len(answer) != 2:  # noqa: PLR2004 - a pair
        raise SchemaMismatchError(
            f"`solve` must return a table and the carry-over, not {type(answer).__name__}."
        )
    table = _with_scenario(_as_table(answer[0]), scenario_ids)
    return _kept(table, block), answer[1]


def _as_table(given: Any) -> pa.Table:
    try:
        table = pa.table(given)
    except (TypeError, pa.ArrowException, ValueError) as error:
        raise SchemaMismatchError(
            f"`solve` returned {type(given).__name__} as its table, which Arrow cannot read ({error}). "
            "Return a Polars, pandas or Arrow table, or a dict of columns."
        ) from error
    if RUN_ID in table.column_names:
        raise SchemaMismatchError(f"The column {RUN_ID!r} belongs to the session. Rename it.")
    return table.replace_schema_metadata(None)


def _with_scenario(table: pa.Table, ids: tuple[int, ...]) -> pa.Table:
    if SCENARIO not in table.column_names:
        if len(ids) > 1:
            raise SchemaMismatchError(
                f"`solve` was given {len(ids)} scenarios at once, so its table needs a column "
                f"{SCENARIO!r} that tells them apart; it has {', '.join(table.column_names)}."
            )
        return table.add_column(0, SCENARIO, pa.array([ids[0]] * len(table), pa.int64()))
    place = table.column_names.index(SCENARIO)
    column = table.column(SCENARIO).cast(pa.int64())
    strange = set(pc.unique(column).to_pylist()) - set(ids)
    if strange:
        raise SchemaMismatchError(
            f"`solve` returned the scenarios {sorted(strange, key=str)[:5]}, which it was not given."
        )
    return table.remove_column(place).add_column(0, SCENARIO, column)


def _kept(table: pa.Table, block: Block) -> pa.Table:
    if TIMESTEP not in table.column_names:
        if block.kept != block.timesteps:
            raise SchemaMismatchError(
                f"Blocks overlap, so the table of `solve` needs a column {TIMESTEP!r} with absolute "
                f"steps; it has {', '.join(table.column_names)}."
            )
        return table
    place = table.column_names.index(TIMESTEP)
    steps = table.column(TIMESTEP).cast(pa.int64())
    bounds = pc.min_max(steps).as_py()
    if len(table) and not block.first <= bounds["min"] <= bounds["max"] <= block.last:
        raise SchemaMismatchError(
            f"`solve` returned the steps {bounds['min']} to {bounds['max']} for {block}. Steps are "
            "absolute: take them from block.timesteps."
        )
    table = table.set_column(place, TIMESTEP, steps)
    return table.filter(pc.less_equal(steps, block.kept_last))
