"""Datasets with replicas, and how their questions are answered."""

from __future__ import annotations

from collections import Counter

from parquetry.access.duck import Duck
from parquetry.commits.home import Home
from parquetry.storage.local import LocalStorage
from parquetry.tuning.bandits.policy import Choice, LearnsNothing
from parquetry.tuning.migrations.replica_migration import migrate_replica
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.routing.router import ReplicaRouter

DUCK = Duck()


class LastOption(LearnsNothing):
    """Takes a replica whenever there is one that can answer."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def choose(self, _table, _cluster_id, options, _rng):
        self.taken[options[-1].layout] += 1
        return Choice(options[-1].layout, is_exploration=False, reason="the last one")


def make_replica(path, layout, *, storage=None, watch=lambda _: None, **how):
    storage = storage or LocalStorage()
    rewriter = how.pop("rewriter", None) or LocalRewriter(storage)
    return migrate_replica(Home.of(path), storage, layout, rewriter, watch, **how)


def eager_router():
    return ReplicaRouter(LastOption())


def ask(source, sql, router=None, parameters=None):
    """Return the rows of an answer as a bag, and the layouts that gave them."""
    seen = []

    class Observer:
        def observed(self, observation):
            seen.append(observation)

    table = DUCK.run(sql, {"t": source}, parameters, observer=Observer(), router=router).arrow()
    return table.schema, bag(table), [read.layout for read in seen[-1].datasets]


def bag(table):
    """Return rows as values that can be counted; NaN is equal to itself."""
    return Counter(repr(tuple(row.values())) for row in table.to_pylist())
