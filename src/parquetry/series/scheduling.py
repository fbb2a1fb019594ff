"""Which work items a study becomes, and how their results become tables of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.series.blocks import plan_blocks
from parquetry.series.solver_tables import SCENARIO
from parquetry.series.work import WorkItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.series.blocks import Block, ResolutionConfig
    from parquetry.series.study import Study
    from parquetry.series.work import WorkResult


def plan_items(
    study: Study, config: ResolutionConfig, due: Sequence[int], *, load_own: bool
) -> list[WorkItem]:
    """Return the work items, scenario by scenario, so that scenarios finish one after the other.

    Args:
        study: What to solve.
        config: How it is cut.
        due: The scenarios that are not finished.
        load_own: Whether each item loads its own data.
    """
    scope = study.time_scope
    blocks = plan_blocks(scope.first, scope.last, config)
    groups = _groups(blocks, due, study, config)
    period = len(scope.steps)
    hand_on = config.mode == "sequential-subproblems" and config.carry_over_length > 0
    return [
        WorkItem(number, ids, batch, _following(batch, blocks), hand_on, load_own, period)
        for number, (ids, batch) in enumerate(groups)
    ]


def _groups(
    blocks: list[Block], due: Sequence[int], study: Study, config: ResolutionConfig
) -> list[tuple[tuple[int, ...], tuple[Block, ...]]]:
    match config.mode:
        case "frontal":  # all scenarios make one problem, also when some results are there already
            return [(tuple(study.scenario_ids), tuple(blocks))] if due else []
        case "sequential-subproblems":
            return [((scenario,), tuple(blocks)) for scenario in due]
        case "parallel-subproblems":
            size = config.blocks_per_batch
            batches = [tuple(blocks[n : n + size]) for n in range(0, len(blocks), size)]
            return [((scenario,), batch) for scenario in due for batch in batches]


def _following(batch: tuple[Block, ...], blocks: list[Block]) -> Block | None:
    after = batch[-1].index + 1
    return blocks[after] if after < len(blocks) else None


class Assembly:
    """Results of items, put together as soon as all of a scenario are there.

    Args:
        items: All items that will come.
        due: The scenarios whose tables are wanted.
    """

    def __init__(self, items: Sequence[WorkItem], due: Sequence[int]) -> None:
        self._due = set(due)
        self._missing: dict[tuple[int, ...], set[int]] = {}
        self._parts: dict[tuple[int, ...], dict[int, pa.Table]] = {}
        for item in items:
            self._missing.setdefault(item.scenario_ids, set()).add(item.number)

    def add(self, item: WorkItem, result: WorkResult) -> Iterator[tuple[int, pa.Table]]:
        """Take a result, and yield every scenario that it completes, with its table in order of time."""
        ids = item.scenario_ids
        self._parts.setdefault(ids, {})[item.number] = result.table
        self._missing[ids].discard(item.number)
        if self._missing[ids]:
            return
        parts = self._parts.pop(ids)
        tables = [parts[number] for number in sorted(parts)]
        whole = pa.concat_tables(tables, promote_options="permissive")
        for scenario in ids:
            if scenario in self._due:
                yield scenario, _of_scenario(whole, scenario) if len(ids) > 1 else whole


def _of_scenario(table: pa.Table, scenario: int) -> pa.Table:
    return table.filter(pc.equal(table.column(SCENARIO), scenario))
