"""parquetry's own brains, question by question, as the loop of a store uses them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from outcome import Outcome

from parquetry.access.sql_query import understand
from parquetry.model.layouts import INITIAL, Layout
from parquetry.tuning.candidates.proposing import propose
from parquetry.tuning.candidates.situation import Situation, Wish
from parquetry.tuning.costs.codecs import decoding_factor
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.costs.fitting import Measured, fit
from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.costs.work import predict_work, understand_demands
from parquetry.tuning.deciding import Rules, State, advance, decide, moved
from parquetry.tuning.notebook import NEWEST, SHIFT
from parquetry.tuning.options import Option, options, replay
from parquetry.tuning.questions.sql_shapes import shape_of_sql
from parquetry.tuning.sampling import find_sample, measure_extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from measuring import Bench, Built

EVERY = 25
"""Questions between two looks of the worker."""
RECENT = 400
"""Questions of the log that proposals are made for."""
MOST_REPLAYED = 2_000
REWRITE_SECONDS_A_ROW = 1.5e-6


class Brains:
    """What is known of a table before anything was moved: the sample, and what questions need."""

    def __init__(self, bench: Bench) -> None:
        source = bench.source
        extent = measure_extent(source.files())
        self.bench = bench
        self.sample = find_sample(source, extent)
        self.extent = extent
        self.asked, self.bytes_a_row = [], []
        for question in bench.pool:
            query = understand(question.sql, {}, [bench.table])
            demands = query.demands(bench.table, {})
            shape = shape_of_sql(question.sql, [bench.table])
            keys = shape.group_keys_of(bench.table) if shape is not None else ()
            self.asked.append(understand_demands(demands, self.sample, keys))
            named = [name for name in extent.bytes_by_column if name in question.sql]
            size = sum(extent.bytes_by_column[name] for name in named)
            self.bytes_a_row.append(size / extent.rows)
        self.columns = sorted({name for one in self.asked for name in one.columns})
        self.initial_groups = present_groups(source.listing(), self.sample, self.columns)
        self._work: dict[str, list] = {}
        self.work(INITIAL, None)

    def work(self, layout_id: str, layout: Layout | None) -> list:
        """Return what every question would read in a layout."""
        if layout_id not in self._work:
            groups = (
                self.initial_groups
                if layout is None
                else predict_groups(self.sample, layout, self.columns)
            )
            self._work[layout_id] = [
                predict_work(asked, groups, self.sample) for asked in self.asked
            ]
        return self._work[layout_id]

    def fit(self, seen: Sequence[int], seconds: Mapping[int, tuple[str, float]]) -> Constants:
        """Return the constants that the questions seen so far tell."""
        measured = []
        for number in seen:
            layout, taken = seconds[number]
            work = self._work[layout][number]
            measured.append(
                Measured(
                    work.files,
                    work.row_groups,
                    work.rows * self.bytes_a_row[number],
                    work.rows,
                    work.chunks,
                    0.0,
                    work.scattered_rows,
                    taken,
                )
            )
        return fit(measured)

    def predicted(
        self,
        layout_id: str,
        layout: Layout | None,
        constants: Constants,
        seconds: Mapping[int, tuple[str, float]],
    ) -> dict[int, float]:
        """Return what questions that were seen would take in a layout."""
        works = self.work(layout_id, layout)
        decoding = decoding_factor(layout.compression if layout else "zstd", "zstd")
        return {
            number: rest
            + constants.reading_seconds(works[number], self.bytes_a_row[number], decoding)
            for number, rest in self.rests(constants, seconds).items()
        }

    def rests(
        self, constants: Constants, seconds: Mapping[int, tuple[str, float]]
    ) -> dict[int, float]:
        """Return what questions that were seen take beside reading, in every layout."""
        return {
            number: max(
                0.0,
                taken - constants.reading_seconds(self._work[at][number], self.bytes_a_row[number]),
            )
            for number, (at, taken) in seconds.items()
        }

    def reading(self, layout_id: str, layout: Layout | None, constants: Constants) -> list[float]:
        """Return how long questions would read in a layout."""
        works = self.work(layout_id, layout)
        return [
            constants.reading_seconds(work, size)
            for work, size in zip(works, self.bytes_a_row, strict=True)
        ]

    def propose(
        self,
        counts: Counter,
        constants: Constants,
        seconds: Mapping[int, tuple[str, float]],
        present: Mapping[str, Layout | None],
    ) -> list[Layout]:
        """Return layouts for questions that were asked so often, beside those that are there."""
        situation = self.situation(counts, constants, seconds)
        asked = sorted(counts)
        there = [self.predicted(one, layout, constants, seconds) for one, layout in present.items()]
        now = np.min([[costs[number] for number in asked] for costs in there], axis=0)
        return propose(replace(situation, now=now))

    def situation(
        self, counts: Counter, constants: Constants, seconds: Mapping[int, tuple[str, float]]
    ) -> Situation:
        """Return what rules know when questions were asked so often."""
        rests = self.rests(constants, seconds)
        wishes = (
            Wish(
                self.asked[number],
                self.bench.pool[number].template,
                float(count),
                rests[number],
                self.bytes_a_row[number],
            )
            for number, count in sorted(counts.items())
        )
        return Situation(self.sample, tuple(wishes), constants)


class Player:
    """One sequence of questions, answered and learned from.

    Layouts are looked for anew when the log has doubled, when questions are of other kinds, and after
    a move.
    Rewriting is really done, and charged with what it took; each question is charged with what it was
    measured to take in the layout that routing predicts to be the fastest.
    """

    def __init__(self, brains: Brains, max_replicas: int, name: str) -> None:
        self.brains, self.bench, self.max_replicas = brains, brains.bench, max_replicas
        self.outcome = Outcome(name)
        self.present = [INITIAL]
        self.built: dict[str, Built] = {INITIAL: brains.bench.initial}
        self.candidates: dict[str, Layout] = {}
        self.seen: dict[int, tuple[str, float]] = {}
        self.costs: dict[str, dict[int, float]] = {}
        self.rests: dict[int, float] = {}
        self.constants = Constants()
        self.state, self.rules = State(), Rules()
        self.speed = REWRITE_SECONDS_A_ROW
        self.proposed_for: Counter = Counter()
        self.proposed_at = 0
        self.since_move: list[int] = []

    def play(self, numbers: np.ndarray) -> Outcome:
        """Return what was paid."""
        for at, number in enumerate(map(int, numbers), 1):
            self._answer(number)
            if at % EVERY == 0 and at >= self.rules.min_queries:
                recent = Counter(map(int, numbers[max(0, at - RECENT) : at]))
                newest = newest_kinds(numbers[:at], self.bench)
                has_doubled = at >= 2 * self.proposed_at
                if has_doubled or has_shifted(self.proposed_for, newest):
                    self._propose(recent)
                    self.proposed_for, self.proposed_at = newest, at
                option = decide(self.state, self._options(), self.rules)
                if option is not None:
                    self._move(option, at)
        return self.outcome

    def _answer(self, number: int) -> None:
        built = self.built[self._route(number)]
        self.outcome.answered.append((built, number))
        if number not in self.seen:
            self.seen[number] = (self._route(number), float(built.seconds[number]))
            if self.costs:
                self._price(self.costs)
        self.since_move.append(number)
        if self.costs:
            costs = {one: self.costs[one][number] for one in self.costs}
            rest = self.rests[number]
            self.state = advance(
                self.state, costs, self.present, self._options(), beside_reading=rest
            )

    def _route(self, number: int) -> str:
        if self.max_replicas == 0:
            return self.present[-1]
        known = {one: self.costs[one].get(number) for one in self.present if one in self.costs}
        priced = {one: seconds for one, seconds in known.items() if seconds is not None}
        return min(priced, key=priced.__getitem__, default=INITIAL)

    def _options(self) -> list[Option]:
        seconds = self.speed * self.brains.extent.rows
        return options(dict.fromkeys(self.candidates, seconds), self.present, self.max_replicas)

    def _propose(self, recent: Counter) -> None:
        """Look for layouts anew; a candidate that has saved something already stays one."""
        self.constants = self.brains.fit(list(self.seen), self.seen)
        wanted = {
            option.layout for option in self._options() if self.state.counters.get(option.key)
        }
        there = {one: self._layout(one) for one in self.present}
        fresh = self.brains.propose(recent, self.constants, self.seen, there)
        kept = {key: one for key, one in self.candidates.items() if key in wanted}
        found = kept | {one.layout_id: one for one in fresh}
        self.candidates = {key: one for key, one in found.items() if key not in self.present}
        self._price((*self.present, *self.candidates))
        self._catch_up()

    def _price(self, layouts: Iterable[str]) -> None:
        self.rests = self.brains.rests(self.constants, self.seen)
        self.costs = {
            one: self.brains.predicted(one, self._layout(one), self.constants, self.seen)
            for one in layouts
        }

    def _layout(self, layout_id: str) -> Layout | None:
        if layout_id == INITIAL:
            return None
        return self.candidates.get(layout_id) or self.built[layout_id].layout

    def _catch_up(self) -> None:
        """Give new candidates the counters that they would have had since the last move."""
        counters = dict(self.state.counters)
        asked = self.since_move[-MOST_REPLAYED:]
        past = {
            one: np.array([costs[number] for number in asked], float)
            for one, costs in self.costs.items()
        }
        rests = np.array([self.rests[number] for number in asked], float)
        for option in self._options():
            if option.key not in counters:
                counters[option.key] = replay(option, past, self.present, beside_reading=rests)
        self.state = replace(self.state, counters=counters, queries=len(self.since_move))

    def _move(self, option: Option, at: int) -> None:
        done = self.bench.build(self.candidates.pop(option.layout))
        self.built[option.layout] = done
        self.outcome.moves.append((at, done))
        self.speed = done.rewrite_seconds / self.brains.extent.rows
        self.present = [one for one in self.present if one != option.drops] + [option.layout]
        self.state = moved(self.state, done.rewrite_seconds)
        self.since_move = []
        self.proposed_for = Counter()  # of no kind: they are looked for anew
        self.costs = {one: self.costs[one] for one in (*self.present, *self.candidates)}


def newest_kinds(numbers: np.ndarray, bench: Bench) -> Counter:
    """Return the share of each template among the newest questions."""
    newest = [bench.pool[number].template for number in numbers[-NEWEST:]]
    return Counter({kind: count / len(newest) for kind, count in Counter(newest).items()})


def has_shifted(before: Counter, now: Counter) -> bool:
    """Return whether questions are of other kinds than before, by the share of each."""
    distance = sum(abs(now[kind] - before[kind]) for kind in now | before) / 2
    return distance > SHIFT
