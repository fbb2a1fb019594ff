"""Stores that are really asked: the product with tuning on and off, and layouts made by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from truth import Truth

from parquetry import Store
from parquetry.access.source import Source
from parquetry.model.layouts import INITIAL
from parquetry.tuning import loop
from parquetry.tuning.bandits.policy import Choice, LearnsNothing
from parquetry.tuning.evaluation import verifying
from parquetry.tuning.evaluation.gates import GateVerdict
from parquetry.tuning.evaluation.racing import Pinned
from parquetry.tuning.replicas.folder import list_replicas
from parquetry.tuning.routing.router import ReplicaRouter
from parquetry.watching import find_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from measuring import Bench
    from workloads import Workload
    from writes import Write

    from parquetry.access.observing import Observation
    from parquetry.tuning.bandits.policy import Option


@dataclass
class Meter:
    """The time that is spent in calls of a method."""

    clock: Callable[[], float]
    seconds: float = 0.0

    def of(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that is metered."""

        def metered(*arguments: Any, **named: Any) -> Any:
            start = self.clock()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds += self.clock() - start

        return metered


LISTING = Meter(time.thread_time)
"""What listing a dataset takes, in whatever store."""
Source.listing = LISTING.of(Source.listing)  # type: ignore[method-assign]


class Contender:
    """A store of one dataset, and all that was spent on it.

    Args:
        name: What it is called in tables.
        folder: Where it is planted.
        table: The name of the dataset.
        files: The folder of the files that it begins with; they are linked.
        written: The seconds that making these took.
        clock: What time is measured with.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        table: str,
        files: Path,
        written: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name, self.clock = name, clock
        (folder / table).mkdir(parents=True)
        for path in sorted(files.glob("*.parquet")):
            (folder / table / path.name).hardlink_to(path)
        self.store = Store(folder)
        self.dataset = self.store.dataset(table)
        self.truth = Truth(self.dataset)
        self.seconds: list[float] = []
        self.listing_seconds = 0.0
        self.asked: dict[str, None] = {}
        self.rewrite_seconds, self.write_seconds, self.round_seconds = written, 0.0, 0.0
        self.moves: list[tuple[int, str]] = []

    @property
    def total(self) -> float:
        """All that was spent, rewriting included."""
        return sum(self.seconds) + self.rewrite_seconds + self.round_seconds + self.write_seconds

    def ask(self, sql: str) -> None:
        """Ask a question, and compare the answer."""
        self.asked.setdefault(sql)
        start, before = self.clock(), LISTING.seconds
        answer = self.store.sql(sql).arrow()
        self.seconds.append(self.clock() - start)
        self.listing_seconds += LISTING.seconds - before
        self.truth.check(sql, answer, self.name)

    def write(self, write: Write, raw: Path) -> None:
        """Change the dataset."""
        start = self.clock()
        write.apply(self.dataset, raw)
        self.write_seconds += self.clock() - start
        self.truth.has_changed()

    def look(self, at: int) -> None:
        """Do what is done from time to time."""


class Seen:
    """An observer that remembers which layouts have answered."""

    def __init__(self) -> None:
        self.layouts: list[str] = []

    def observed(self, observation: Observation) -> None:
        """Take note of a question."""
        self.layouts += [read.layout for read in observation.datasets]


class BestReplica(LearnsNothing):
    """A routing policy that never takes the dataset's own files where a replica can answer."""

    def choose(
        self, _table: str, _kind: str | None, options: Sequence[Option], _rng: Any
    ) -> Choice:
        """Return the replica that is predicted to be fastest."""
        best = min(options[1:], key=lambda one: one.predicted_seconds, default=options[0])
        return Choice(best.layout, is_exploration=False, reason="to compare answers")


def keep_all() -> None:
    """Let every new layout through the gates: what it reads and takes is not the question then."""
    kept = GateVerdict(passed=True, reason="kept to compare answers")
    verifying.race_before = lambda *_, **__: []
    verifying.replay = lambda *_: kept
    verifying.gate_b = lambda *_, **__: kept


class Tuned(Contender):
    """The product: tuning is on, questions are observed and routed, and rounds are gone through.

    Settings are the product's own unless others are given, so a table of less than a million rows is
    left alone. A round is
    charged with everything: sampling, pricing, rewriting, and the race that verifies.
    """

    def __init__(
        self, *arguments: Any, settings: Mapping[str, Any] = MappingProxyType({}), **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        start = self.clock()
        self.tuning = self.store.tune(**settings)
        self.round_seconds = self.switching_seconds = self.clock() - start
        self.observing, self.routing = Meter(time.thread_time), Meter(time.thread_time)
        self.moving = Meter(self.clock)
        loop.carry_out = self.moving.of(loop.carry_out)
        self.looks = self.rounds = self.routed = self.pinned = 0
        self.idle_seconds = 0.0
        watch = find_watch(self.store.path)
        if settings:
            keep_all()
            watch.router._router.policy = BestReplica()  # noqa: SLF001  nobody else would want to
        watch.observer.observed = self.observing.of(watch.observer.observed)
        watch.router.route = self._counted(self.routing.of(watch.router.route))

    def _counted(self, route: Callable[..., Any]) -> Callable[..., Any]:
        """Return a router's call that counts the questions that go to replicas."""

        def counted(question: Any) -> Any:
            found = route(question)
            self.routed += found is not None and found.layout != INITIAL
            return found

        return counted

    def write(self, write: Write, raw: Path) -> None:
        """Change the dataset, and see whether every replica still answers as it should."""
        super().write(write, raw)
        self.check_replicas()

    def check_replicas(self) -> None:
        """Ask each replica all questions so far, each once, and compare the answers; not charged."""
        for layout in list_replicas(self.dataset.source.home, self.dataset.source.storage):
            seen = Seen()
            router = ReplicaRouter(Pinned(layout))
            store = Store(self.store.path, observer=seen, router=router)
            for sql in self.asked:
                self.truth.check(sql, store.sql(sql).arrow(), f"{self.name}, {layout}")
            self.pinned += seen.layouts.count(layout)

    def look(self, at: int) -> None:
        """Go through the loop once."""
        start, before = self.clock(), self.moving.seconds
        rounds = self.tuning.run_once()
        spent = self.clock() - start
        rewriting = self.moving.seconds - before
        self.rewrite_seconds += rewriting
        self.round_seconds += spent - rewriting
        self.looks += 1
        self.rounds += bool(rounds)
        self.idle_seconds += 0.0 if rounds else spent
        for one in rounds:
            if one.job is not None:
                kept = "" if one.layout_id else " (taken away again)"
                self.moves.append((at, f"{one.job.layout.describe()}{kept}"))
            self.moves += [(at, news) for news in one.news]

    def finish(self) -> None:
        """See whether every replica answers as it should; end tuning."""
        self.check_replicas()
        self.tuning.off()


def play(
    contenders: Sequence[Contender], workload: Workload, bench: Bench, every: int
) -> Sequence[Contender]:
    """Ask all questions of all stores in turns, so that the machine's moods hit them alike."""
    turn = list(contenders)
    for at, number in enumerate(map(int, workload.numbers)):
        write = workload.writes.get(at)
        for one in turn:
            if write is not None:
                one.write(write, bench.raw)
            one.ask(bench.pool[number].sql)
        turn.reverse()
        if (at + 1) % every == 0:
            for one in turn:
                one.look(at + 1)
    return contenders
