"""Verifying: a layout that was just written passes both gates, and all others are watched; or back.

`evaluation/` has the gates, the sequential test, the rolling window and the way back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from parquetry.tuning.evaluation.gathering import gather
from parquetry.tuning.evaluation.giving_up import give_up
from parquetry.tuning.evaluation.verifying import verify_layout
from parquetry.tuning.evaluation.watching import watch
from parquetry.tuning.evaluation.window import evaluate
from parquetry.tuning.memory import remember_race

if TYPE_CHECKING:
    from parquetry.dataset import Dataset
    from parquetry.tuning.evaluation.verifying import Verification
    from parquetry.tuning.moving_rule import Decision
    from parquetry.tuning.records import MigrationJob
    from parquetry.tuning.tools import Tools

_NEWEST = 5_000
"""So many questions of the window a round looks back on; `evaluate` looks at all of them."""


def judge(
    job: MigrationJob | None, decision: Decision, dataset: Dataset, tools: Tools
) -> Verification | None:
    """Return what the gates say of a layout that was just written; None if there is none to judge.

    A replica that passes takes the place of the one that is dropped for it, and of those that are stale.
    """
    if job is None or job.state != "done":
        return None
    record = tools.metadata.layout(dataset.name, job.layout.layout_id)
    if record is None:
        return None
    start = time.perf_counter()
    found = verify_layout(dataset, tools.metadata, tools.config, record)
    remember_race(dataset.name, time.perf_counter() - start, tools.metadata)
    if job.role == "active" or (found is not None and not found.passed):
        return found
    stale = [one.layout_id for one in tools.metadata.layouts(dataset.name) if one.state == "stale"]
    for layout_id in filter(None, (decision.drops, *stale)):
        _drop(layout_id, f"{record.layout_id} takes its place", dataset, tools)
    return found


def look_back(dataset: Dataset, tools: Tools) -> tuple[str, ...]:
    """Score the layouts over the window, and give up those that turned out slower; say which."""
    situation = gather(dataset, tools.metadata, tools.config, limit=_NEWEST)
    tools.metadata.save_evaluations(evaluate(situation, tools.config).records)
    return tuple(watch(situation, tools.metadata, dataset))


def _drop(layout_id: str, reason: str, dataset: Dataset, tools: Tools) -> None:
    record = tools.metadata.layout(dataset.name, layout_id)
    if record is not None:
        give_up(dataset, tools.metadata, record, reason)
