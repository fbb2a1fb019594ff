"""What others do, and what could be done by somebody who knew all questions beforehand."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from ours import EVERY, RECENT, REWRITE_SECONDS_A_ROW, has_shifted, newest_kinds
from outcome import Outcome

from parquetry.model.layouts import INITIAL, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measuring import Built
    from ours import Brains

KEPT = 6
"""Layouts that OREO's rule chooses among."""


def static(built: Built, numbers: np.ndarray, name: str = "") -> Outcome:
    """Return what one layout pays that is written before the first question."""
    answered = [(built, int(number)) for number in numbers]
    return Outcome(name or built.name, answered, [(0, built)] if built.rewrite_seconds else [])


def best_static(all_built: Sequence[Built], numbers: np.ndarray) -> Outcome:
    """Return what the layout pays that turns out to have been the best."""
    best = min((static(one, numbers) for one in all_built), key=lambda one: one.total)
    best.name = "best static layout in hindsight"
    return best


def offline_optimum(all_built: Sequence[Built], numbers: np.ndarray) -> Outcome:
    """Return what the best sequence of layouts pays, by the measured times of all that were written."""
    rewrite = np.array([one.rewrite_seconds for one in all_built])
    values = np.where(rewrite == 0, 0.0, np.inf)  # the raw files stand from the beginning
    table = np.stack([one.seconds for one in all_built])
    before = np.empty((len(numbers), len(all_built)), np.int32)  # where each came from
    for at, number in enumerate(numbers):
        moved = values.min() + rewrite
        before[at] = np.where(moved < values, values.argmin(), np.arange(len(values)))
        values = np.minimum(values, moved) + table[:, number]
    here = int(values.argmin())
    answered, moves = [], []
    for at in reversed(range(len(numbers))):
        answered.append((all_built[here], int(numbers[at])))
        if before[at, here] != here:
            moves.append((at, all_built[here]))
        here = int(before[at, here])
    return Outcome("best sequence of layouts in hindsight", answered[::-1], moves[::-1])


def chosen_sort(brains: Brains, numbers: np.ndarray) -> Outcome:
    """Return what somebody pays who looks at the first questions once, and sorts by one column then.

    It is the column by whose order these questions are predicted to take least.
    """
    first = numbers[:RECENT]
    initial = brains.bench.initial
    seen = {int(number): (INITIAL, float(initial.seconds[number])) for number in first}
    situation = brains.situation(Counter(map(int, first)), brains.fit(list(seen), seen), seen)
    sorts = [Layout(sort_by=(column,)) for column in situation.hot_columns]
    if not sorts:  # there is no condition that an order could help
        return static(initial, numbers, "single sort, chosen online")
    done = brains.bench.build(min(sorts, key=situation.seconds))
    answered = [(done if at >= RECENT else initial, int(n)) for at, n in enumerate(numbers)]
    return Outcome("single sort, chosen online", answered, [(RECENT, done)])


class Oreo:
    """OREO's rule (Rong and others, 2024), with the layouts that ours would propose.

    Each layout has a counter of what questions would read in it, in seconds; when that of the present
    layout has reached the cost of a rewriting, it moves to one whose counter has not, at random; when
    all have, a new phase begins. Layouts are proposed from the last questions whenever they are of
    other kinds, the best two each time, and the four latest are kept beside the raw files and the
    present one.
    """

    def __init__(self, brains: Brains, seed: int = 3) -> None:
        self.random = np.random.default_rng(seed)
        self.brains, self.bench = brains, brains.bench
        self.outcome = Outcome("OREO's rule")
        self.layouts: dict[str, Layout | None] = {INITIAL: None}
        self.built = {INITIAL: brains.bench.initial}
        self.counters = {INITIAL: 0.0}
        self.costs: dict[str, list[float]] = {}
        self.seen: dict[int, tuple[str, float]] = {}
        self.here, self.alpha = INITIAL, REWRITE_SECONDS_A_ROW * brains.extent.rows
        self.proposed_for: Counter = Counter()

    def play(self, numbers: np.ndarray) -> Outcome:
        """Return what was paid."""
        for at, number in enumerate(map(int, numbers), 1):
            self._answer(number)
            if at % EVERY == 0:
                newest = newest_kinds(numbers[:at], self.bench)
                if has_shifted(self.proposed_for, newest):
                    self._propose(Counter(map(int, numbers[max(0, at - RECENT) : at])))
                    self.proposed_for = newest
            if self.counters[self.here] >= self.alpha:
                self._jump(at)
        return self.outcome

    def _answer(self, number: int) -> None:
        built = self.built[self.here]
        self.outcome.answered.append((built, number))
        if number not in self.seen:
            self.seen[number] = (self.here, float(built.seconds[number]))
            self._price()
        for one in self.counters:
            self.counters[one] += self.costs[one][number]

    def _price(self) -> None:
        constants = self.brains.fit(list(self.seen), self.seen)
        self.costs = {
            one: self.brains.reading(one, layout, constants) for one, layout in self.layouts.items()
        }

    def _propose(self, recent: Counter) -> None:
        constants = self.brains.fit(list(self.seen), self.seen)
        middle = float(np.median(list(self.counters.values())))
        here = {self.here: self.layouts[self.here]}
        for layout in self.brains.propose(recent, constants, self.seen, here)[:2]:
            self.layouts.setdefault(layout.layout_id, layout)
            self.counters.setdefault(layout.layout_id, middle)
        while len(self.layouts) > KEPT:
            gone = next(one for one in self.layouts if one not in {self.here, INITIAL})
            del self.layouts[gone], self.counters[gone]
        self._price()

    def _jump(self, at: int) -> None:
        ready = [one for one in self.counters if self.counters[one] < self.alpha]
        if not ready:
            self.counters = dict.fromkeys(self.counters, 0.0)
            ready = list(self.counters)
        there = str(self.random.choice(ready))
        if there == self.here:
            return
        self.here = there
        if there not in self.built:
            self.built[there] = self.bench.build(self.layouts[there])
        done = self.built[there]
        self.outcome.moves.append((at, done))
        self.alpha = done.rewrite_seconds or self.alpha
