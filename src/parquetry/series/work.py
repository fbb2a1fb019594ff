"""One item of work: some blocks of some scenarios, solved in order by a module-level function."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from parquetry.errors import ExecutorError, ParquetryError
from parquetry.series.database import ComponentParameterIndex
from parquetry.series.solver_tables import as_result
from parquetry.series.tiles import set_cache_budget, tile_cache

if TYPE_CHECKING:
    from parquetry.series.blocks import Block
    from parquetry.series.cargo import Cargo
    from parquetry.series.database import DataBase
    from parquetry.series.indexing import Floats


class Solve(Protocol):
    """The user's function: a linear programme, a simulator, anything.

    It gets a block, the Monte-Carlo scenarios to solve, the block's values, and what the block before it
    has handed on (None for the first). It returns a table with one row for what it likes, usually a step
    (column `timestep`, absolute), and what the next block shall get.
    """

    def __call__(
        self, block: Block, scenario_ids: tuple[int, ...], values: BlockValues, carry: Any, /
    ) -> tuple[Any, Any]:
        """Return a table and the carry-over."""


class BlockValues:
    """The data of one block and its scenarios, read when asked.

    `values["farm", "wind"]` is an array (steps, scenarios), or a float for a constant.

    Args:
        database: The data.
        block: Whose steps are asked for.
        scenario_ids: The Monte-Carlo scenarios.
        following: The block that is solved next; what is asked for here is read ahead for it.
    """

    def __init__(
        self,
        database: DataBase,
        block: Block,
        scenario_ids: tuple[int, ...],
        following: Block | None = None,
    ) -> None:
        self._database = database
        self._steps = block.timesteps
        self._ids = np.array(scenario_ids, np.intp)
        self._following = following
        self.seconds = 0.0

    def __getitem__(self, name: tuple[str, str]) -> float | Floats:
        """Return a parameter over the steps and scenarios of the block."""
        return self.get(*name)

    def get(
        self, component_id: str, parameter_name: str, *, time: bool = True, scenario: bool = True
    ) -> float | Floats:
        """Return a parameter, over the block's steps if `time` and over its scenarios if `scenario`.

        Raises:
            SeriesIndexError: A `KeyError`: the parameter is unknown, or varies over what was left out.
        """
        began = _now()
        index = ComponentParameterIndex(component_id, parameter_name)
        data = self._database.get_data(component_id, parameter_name)
        columns = self._database.columns(index, self._ids) if scenario else None
        value = data.get_value(self._steps if time else None, columns)
        if self._following is not None and time:
            data.prefetch(self._following.timesteps, columns)
        self.seconds += _now() - began
        return value


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What one worker does at once.

    Args:
        number: The place among all items.
        scenario_ids: The scenarios, solved together.
        blocks: The blocks, solved in order.
        following: The block that comes after these, if there is one.
        hand_on: Whether a block starts where the one before it ended.
        load_own: Whether the item loads its own scenarios and steps into memory first.
        period: Steps of the whole study: after these the walk through time begins anew.
    """

    number: int
    scenario_ids: tuple[int, ...]
    blocks: tuple[Block, ...]
    following: Block | None
    hand_on: bool
    load_own: bool
    period: int

    def __str__(self) -> str:
        first, last = self.blocks[0], self.blocks[-1]
        span = str(first) if first == last else f"blocks {first.index} to {last.index}"
        return f"{name_scenarios(self.scenario_ids)}, {span}"


@dataclass(frozen=True, slots=True)
class WorkResult:
    """What came of an item.

    Args:
        number: The item.
        table: The results of its blocks, one after the other.
        seconds: How long it took.
        data_seconds: How much of that went into data.
    """

    number: int
    table: pa.Table
    seconds: float
    data_seconds: float


def run_item(item: WorkItem, cargo: Cargo) -> WorkResult:
    """Solve an item.

    Raises:
        ExecutorError: The solver or the data failed; scenario, block and steps are named.
    """
    began = _now()
    load = cargo.open()
    if load.cache_bytes is not None:
        set_cache_budget(load.cache_bytes)
    database = load.database
    if item.load_own:
        steps = range(item.blocks[0].first, item.blocks[-1].last + 1)
        database = database.materialize(item.scenario_ids, steps)
    data_seconds = _now() - began
    tables, carry = [], None
    try:
        for block, following in zip(item.blocks, (*item.blocks[1:], item.following), strict=True):
            tile_cache.walk_to(block.first, item.period)
            values = BlockValues(database, block, item.scenario_ids, following)
            table, carry = _solve(load.solve, block, item, values, carry)
            data_seconds += values.seconds
            tables.append(table)
            carry = carry if item.hand_on else None
    finally:
        tile_cache.end_walk()
    together = pa.concat_tables(tables, promote_options="permissive")
    return WorkResult(item.number, together, _now() - began, data_seconds)


def name_scenarios(ids: tuple[int, ...]) -> str:
    """Return scenarios in words."""
    if len(ids) == 1:
        return f"scenario {ids[0]}"
    return f"scenarios {', '.join(map(str, ids[:5]))}{', …' if len(ids) > 5 else ''}"  # noqa: PLR2004


def _solve(
    solve: Solve, block: Block, item: WorkItem, values: BlockValues, carry: Any
) -> tuple[pa.Table, Any]:
    task = f"{name_scenarios(item.scenario_ids)}, {block}"
    try:
        answer = solve(block, item.scenario_ids, values, carry)
        return as_result(answer, block, item.scenario_ids)
    except Exception as error:
        failure = ExecutorError(f"{task.capitalize()} failed: {_reason(error)}", task=task)
        failure.add_note(traceback.format_exc())
        raise failure from error


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ParquetryError) else f"{type(error).__name__}: {error}"


def _now() -> float:
    return time.perf_counter()
