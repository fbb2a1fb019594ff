"""When to move to another layout: when it would have paid already.

Each option has a counter. A question adds to it what the option would have saved, less a margin, and
what keeping one more layout costs is taken off as time goes by; below zero it does not fall. An option
is taken when its counter reaches `theta` times what the rewriting takes: the savings of the past vouch
for those to come. So rewriting never costs more than `1 / theta` of the query time that was paid,
whatever the questions. Where moving has turned out to be dear, beside what the best sequence of layouts
would have cost, four times as much must have been saved; where it has served so well that even a move
in vain would leave it near that, two fifths of it.

Every value here is plain and can be kept as JSON; nothing is known of how layouts are written.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from parquetry.tuning.offline_optimum import WorkFunction
from parquetry.tuning.options import MARGIN, best_without, saving

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.tuning.options import Option

_DEAR = 2.5
_NEAR = 1.4
_ROUNDING = 1 + 1e-9
_MICROSECONDS = 6


@dataclass(frozen=True, slots=True)
class Rules:
    """By what is decided.

    Args:
        theta: Saved seconds that justify a move, as a share of what it takes.
        min_queries: Questions that must have come since the last move.
        cautious_theta: The same as `theta`, where moving has been dear. At 2, less the margin,
            somebody who asks what the present one of two layouts serves worst makes us pay three
            times the optimum, the least that any rule can reach; at 0.5 it is six times.
        early_theta: The same, where moving has served so well that it may err once.
    """

    theta: float = 0.5
    min_queries: int = 30
    cautious_theta: float = 2 * MARGIN
    early_theta: float = 0.2


@dataclass(frozen=True, slots=True)
class State:
    """What must be remembered from question to question.

    Args:
        counters: What each option would have saved since the last move.
        queries: Questions since the last move.
        paid_seconds: What all questions took, as predicted.
        rewrite_seconds: What all moves took.
        moves: What writing each layout takes that ever was an option.
        work: The work function of the layouts, for the offline optimum.
    """

    counters: Mapping[str, float] = field(default_factory=dict)
    queries: int = 0
    paid_seconds: float = 0.0
    rewrite_seconds: float = 0.0
    moves: Mapping[str, float] = field(default_factory=dict)
    work: WorkFunction = field(default_factory=WorkFunction)

    @property
    def is_cautious(self) -> bool:
        """Whether moving has been dear: all that was paid is far above the offline optimum."""
        paid = self.paid_seconds + self.rewrite_seconds
        return self.rewrite_seconds > 0 and paid > _DEAR * self.work.optimum

    def may_err(self, seconds: float, theta: float) -> bool:
        """Whether a move can be afforded even if it is in vain.

        All that was paid stays near the offline optimum then, and rewriting within the share of the
        query time that `theta` allows.
        """
        rewriting = self.rewrite_seconds + seconds
        is_near = self.paid_seconds + rewriting <= _NEAR * self.work.optimum
        return is_near and rewriting <= self.paid_seconds * MARGIN / theta

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "counters": dict(self.counters),
            "queries": self.queries,
            "paid_seconds": self.paid_seconds,
            "rewrite_seconds": self.rewrite_seconds,
            "moves": dict(self.moves),
            "work": dict(self.work.values),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> State:
        """Return the state of plain values; an empty object is the beginning."""
        if not document:
            return cls()
        return cls(**{**document, "work": WorkFunction(document["work"])})


def advance(
    state: State,
    costs: Mapping[str, float],
    present: Sequence[str],
    choices: Sequence[Option],
    gap_seconds: float = 0.0,
    beside_reading: float = 0.0,
) -> State:
    """Return the state after one question.

    Args:
        state: The state before.
        costs: What the question takes in each layout, those of the options among them.
        present: The layouts that it could be answered from.
        choices: What could be done.
        gap_seconds: How long after the question before it was asked.
        beside_reading: The seconds of it that are not reading, and the same in every layout.
    """
    current = min(costs[layout] for layout in present)
    goes = {option.drops for option in choices}
    rest = {drops: best_without(drops, costs, present) for drops in goes}
    counters = {}
    for option in choices:
        before = state.counters.get(option.key, 0.0) - option.rent * gap_seconds
        saved = saving(costs[option.layout], rest[option.drops], current, beside_reading)
        counters[option.key] = max(0.0, float(before + saved))
    moves = {**state.moves, **{option.layout: option.rewrite_seconds for option in choices}}
    return replace(
        state,
        counters=counters,
        queries=state.queries + 1,
        paid_seconds=state.paid_seconds + current,
        moves=moves,
        work=_work_after(state.work, costs, present, moves),
    )


def _work_after(
    work: WorkFunction,
    costs: Mapping[str, float],
    present: Sequence[str],
    moves: Mapping[str, float],
) -> WorkFunction:
    """Return the work function after a question; layouts that nobody wrote are there for nothing.

    Going back to one of those, once it is gone, takes as much as the dearest move.
    """
    dearest = max(moves.values(), default=0.0)
    known = {layout: costs[layout] for layout in (*moves, *present) if layout in costs}
    back = {layout: moves.get(layout, 0.0 if layout in present else dearest) for layout in known}
    return (work if work.values else WorkFunction.starting_in(present[0])).after(known, back)


def decide(state: State, choices: Sequence[Option], rules: Rules) -> Option | None:
    """Return what to do now: of the options that are due the best, or nothing.

    Args:
        state: What is remembered.
        choices: What could be done, simple layouts before intricate ones.
        rules: By what is decided.
    """
    if state.queries < rules.min_queries:
        return None
    due = [
        option
        for option in choices
        if state.counters.get(option.key, 0.0) * _ROUNDING >= _threshold(state, option, rules)
    ]
    return min(due, key=lambda option: _preference(state, option), default=None)


def _preference(state: State, option: Option) -> tuple[float, float]:
    """Return what the best of several options has least of.

    Where something is given up, the layout comes first that would have served best all along, not
    only since the last move: otherwise two layouts may take turns while a third is better than both.
    Of equals the first is taken, for simple layouts are proposed before intricate ones.
    """
    known = state.work.values.get(option.layout, state.work.optimum + option.rewrite_seconds)
    saved = state.counters.get(option.key, 0.0) - option.rewrite_seconds
    return (0.0 if option.drops is None else known), -round(saved, _MICROSECONDS)


def lacking(state: State, choices: Sequence[Option], rules: Rules) -> float | None:
    """Return the seconds that must at least be saved yet before any option is due; None without one.

    A question saves no more than it takes, so that nothing need be decided before so much was asked.
    """
    lacks = (
        min(rules.theta, rules.early_theta) * option.caution * option.rewrite_seconds
        - state.counters.get(option.key, 0.0)
        for option in choices
    )
    least = min(lacks, default=None)
    return None if least is None else max(0.0, least)


def due_after(
    state: State, choices: Sequence[Option], rules: Rules, mean_seconds: float
) -> float | None:
    """Return what questions will take until an option is due, if they go on as they were.

    Args:
        state: The state.
        choices: What could be done.
        rules: By what is decided.
        mean_seconds: What a question takes.

    Returns:
        Seconds; None if nothing has been saved yet.
    """
    asked = state.queries * mean_seconds
    saved = ((option, state.counters.get(option.key, 0.0)) for option in choices)
    waits = [
        max(0.0, _threshold(state, option, rules) / counter - 1) * asked
        for option, counter in saved
        if counter > 0
    ]
    return min(waits, default=None)


def _threshold(state: State, option: Option, rules: Rules) -> float:
    """Return what an option must have saved before it is due."""
    theta = rules.theta
    if state.is_cautious:
        theta = max(theta, rules.cautious_theta)
    elif state.may_err(option.rewrite_seconds, theta):
        theta = min(theta, rules.early_theta)
    return theta * option.caution * option.rewrite_seconds


def moved(state: State, seconds: float) -> State:
    """Return the state after a move that took some seconds."""
    return replace(state, counters={}, queries=0, rewrite_seconds=state.rewrite_seconds + seconds)
