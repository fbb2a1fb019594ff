"""Gate B: the same questions to both layouts, in turns, so that neither has the quieter moment."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.access.duck import Duck
from parquetry.errors import ParquetryError
from parquetry.model.layouts import INITIAL
from parquetry.store import Store
from parquetry.tuning.bandits.policy import Choice, LearnsNothing
from parquetry.tuning.evaluation.gates import COUNTS, Pair, is_settled
from parquetry.tuning.evaluation.giving_up import version_before
from parquetry.tuning.routing.router import ReplicaRouter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.access.source import Source
    from parquetry.dataset import Dataset
    from parquetry.tuning.bandits.policy import Option
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord, LoggedQuery

_PAIRS = 60
_LOOKS = (16, 24, 36)
"""After so many pairs it is looked whether the race is settled."""


class Pinned(LearnsNothing):
    """A routing policy that takes one layout wherever it can answer.

    Args:
        layout: Its name.
    """

    def __init__(self, layout: str) -> None:
        self.layout = layout

    def choose(
        self,
        table: str,  # noqa: ARG002
        cluster_id: str | None,  # noqa: ARG002
        options: Sequence[Option],
        rng: random.Random,  # noqa: ARG002
    ) -> Choice:
        """Return the layout if it is among the options, else the first."""
        names = [option.layout for option in options]
        taken = self.layout if self.layout in names else names[0]
        return Choice(taken, is_exploration=False, reason=f"pinned to {self.layout}")


def race_before(
    dataset: Dataset,
    metadata: MetadataStore,
    record: LayoutRecord,
    queries: Sequence[LoggedQuery],
    *,
    seed: int = 0,
) -> list[Pair]:
    """Return what logged questions take in a layout and in what was there before it, like `race`.

    For a replica that is the dataset's own layout; for a layout of the folder itself the version before
    it: none are asked where the dataset was changed since.
    """
    if record.role == "active":
        version = version_before(dataset, record.layout_id)
        return [] if version is None else race_version(dataset, queries, version, seed=seed)
    own = metadata.active_layout(dataset.name)
    old = own.layout_id if own is not None else INITIAL
    return race(dataset.source.home.store, queries, old, record.layout_id, seed=seed)


def race(
    path: str, queries: Sequence[LoggedQuery], old: str, new: str, *, seed: int = 0
) -> list[Pair]:
    """Return what up to sixty logged questions take in two layouts: old, new, new, old (ABBA).

    Nothing of it is logged. A question is asked only if it can be asked again as it was. The race ends
    early where it is settled.

    Args:
        path: The store.
        queries: The log.
        old: The layout until now.
        new: The other one.
        seed: What the choice of questions depends on.
    """
    return _pairs(queries, _runner(path, old), _runner(path, new), seed)


def race_version(
    dataset: Dataset, queries: Sequence[LoggedQuery], version: int, *, seed: int = 0
) -> list[Pair]:
    """Return what logged questions take of a dataset as it was and as it is, like `race`."""
    before = _runner_of(dataset, dataset.at(version).source)
    return _pairs(queries, before, _runner_of(dataset, dataset.source), seed)


def _runner_of(dataset: Dataset, source: Source) -> Callable[[LoggedQuery], float]:
    store = Store(dataset.source.home.store, create=False)
    others = {name: store.dataset(name).source for name in store.datasets()}
    duck = Duck()

    def run(query: LoggedQuery) -> float:
        sources = others | {dataset.name: source}
        answer = duck.run(query.text, sources, query.parameters, read_only=True)
        return answer.stats.latency_seconds

    return run


def _pairs(
    queries: Sequence[LoggedQuery],
    old: Callable[[LoggedQuery], float],
    new: Callable[[LoggedQuery], float],
    seed: int,
) -> list[Pair]:
    pairs: list[Pair] = []
    chosen = _chosen([query for query in queries if query.is_replayable], seed)
    for number, query in enumerate(chosen):
        if number in _LOOKS and pairs and is_settled(pairs, seed=seed):
            break
        with suppress(ParquetryError):  # a table or column of it is there no more
            pairs.append(_pair(query, old, new))
    return pairs


def _pair(
    query: LoggedQuery,
    old: Callable[[LoggedQuery], float],
    new: Callable[[LoggedQuery], float],
) -> Pair:
    old(query)  # both find the same caches
    new(query)
    first, second, third, fourth = old(query), new(query), new(query), old(query)
    return Pair(query.cluster_id, (first + fourth) / 2, (second + third) / 2)


def _runner(path: str, layout: str) -> Callable[[LoggedQuery], float]:
    store = Store(path, create=False, router=ReplicaRouter(Pinned(layout)))

    def run(query: LoggedQuery) -> float:
        answer = store.sql(query.text, query.parameters, read_only=True)
        return answer.stats.latency_seconds

    return run


def _chosen(queries: Sequence[LoggedQuery], seed: int) -> list[LoggedQuery]:
    """Return questions of all kinds, as many of each as their share of the time says.

    Those that count come first, one of each.
    """
    rng = random.Random(seed)  # noqa: S311 (no secret)
    kinds: dict[str, list[LoggedQuery]] = {}
    for query in queries:
        kinds.setdefault(query.cluster_id, []).append(query)
    least = COUNTS * sum(query.latency_ms for query in queries)
    first = [
        rng.choice(some)
        for some in kinds.values()
        if sum(query.latency_ms for query in some) >= least
    ]
    if len(queries) <= _PAIRS:
        rest = [query for query in queries if query not in first]
        rng.shuffle(rest)
    else:
        rest = rng.choices(queries, [query.latency_ms for query in queries], k=_PAIRS)
    return [*first, *rest][:_PAIRS]
