"""Watching layouts after they were moved to: one that is surely slower than before is given up."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from parquetry.model.layouts import INITIAL
from parquetry.tuning.evaluation.gates import surely_slower
from parquetry.tuning.evaluation.giving_up import give_up
from parquetry.tuning.evaluation.racing import race_before
from parquetry.tuning.evaluation.sequential import Watch
from parquetry.tuning.evaluation.statistics import mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.evaluation.gates import Pair
    from parquetry.tuning.evaluation.window import Situation
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord, LoggedQuery

    RaceRunner: TypeAlias = Callable[
        [Situation, MetadataStore, Dataset, LayoutRecord], Sequence[Pair]
    ]

_ENOUGH = 10
"""Questions of a kind that tell what it took before."""


def watch(
    situation: Situation,
    metadata: MetadataStore,
    dataset: Dataset,
    run_race: RaceRunner | None = None,
) -> list[str]:
    """Go on watching the layouts of a dataset, give up those that are slower, and return the news.

    A layout is compared, kind by kind, with what the same questions took in the layouts that the
    dataset's own files had. What was seen is remembered, so that each question counts once. Those
    questions came at other moments, and the machine may have become busier since: so a layout is
    raced before it is given up, and watched anew if the race does not agree.

    Args:
        situation: The questions and layouts.
        metadata: Where what was seen is kept.
        dataset: The dataset.
        run_race: Races a layout against what was before; asks logged questions in turns if left out.
    """
    news = []
    for record in situation.layouts:
        if record.state != "ready" or record.layout_id == INITIAL:
            continue
        seen = _go_on(record, situation, metadata)
        if not seen.is_slower:
            continue
        raced = surely_slower((run_race or _race)(situation, metadata, dataset, record))
        if raced.passed:
            news.append(give_up(dataset, metadata, record, f"slower: {raced.reason}"))
            continue
        _keep(metadata, situation, record, Watch())
        told = f"{record.layout_id} seemed {seen.describe()}"
        news.append(f"{told}; a race does not agree ({raced.reason}), so it is kept")
    return news


def _race(
    situation: Situation, metadata: MetadataStore, dataset: Dataset, record: LayoutRecord
) -> list[Pair]:
    return race_before(dataset, metadata, record, situation.queries)


def watched(metadata: MetadataStore, table: str, layout_id: str) -> Watch:
    """Return what was seen of a layout so far."""
    kept = metadata.state(table, _key(layout_id))
    return Watch.from_json(kept["watch"] if kept else None)


def _go_on(record: LayoutRecord, situation: Situation, metadata: MetadataStore) -> Watch:
    kept = metadata.state(situation.table, _key(record.layout_id))
    seen = Watch.from_json(kept["watch"] if kept else None)
    since = dt.datetime.fromisoformat(kept["until"]) if kept else record.created_at
    fresh = [q for q in situation.queries if since <= q.at < situation.now]
    for ratio in _log_ratios(fresh, record, situation):
        seen = seen.after(ratio)
    _keep(metadata, situation, record, seen)
    return seen


def _keep(metadata: MetadataStore, situation: Situation, record: LayoutRecord, seen: Watch) -> None:
    document = {"watch": seen.to_json(), "until": situation.now.isoformat()}
    metadata.save_state(situation.table, document, _key(record.layout_id))


def _log_ratios(
    fresh: Sequence[LoggedQuery], record: LayoutRecord, situation: Situation
) -> Iterator[float]:
    expected = _expected(record, situation)
    for query in fresh:
        answered = {scan.layout for scan in query.scans if scan.table == situation.table}
        if answered == {record.layout_id} and query.cluster_id in expected:
            yield _logarithm(query) - expected[query.cluster_id]


def _expected(record: LayoutRecord, situation: Situation) -> Mapping[str, float]:
    """Return the mean logarithm of latencies of each kind, in the other layouts of the folder."""
    own = {INITIAL, *(one.layout_id for one in situation.layouts if one.role == "active")}
    own.discard(record.layout_id)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for query in situation.queries:
        answered = {scan.layout for scan in query.scans if scan.table == situation.table}
        if answered <= own:
            found[query.cluster_id].append(_logarithm(query))
    return {kind: mean(values) for kind, values in found.items() if len(values) >= _ENOUGH}


def _logarithm(query: LoggedQuery) -> float:
    return math.log(max(query.latency_ms, 1e-3))


def _key(layout_id: str) -> str:
    return f"watch {layout_id}"
