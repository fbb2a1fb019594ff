"""Cut along the conditions that were asked, as the qd-tree does (Yang and others, 2020)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from parquetry.model.layouts import ROW_GROUP_ROWS, Cut, Layout
from parquetry.tuning.candidates.sorts import ending_with_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from parquetry.model.layouts import CutOperator
    from parquetry.tuning.candidates.situation import Situation, Wish
    from parquetry.tuning.costs.spans import Need, Spans

_MOST_QUESTIONS = 192
_MOST_CUTS = 255
_LEAST_GAIN = 0.002
"""A cut must spare this share of all reading that is left to spare."""


@dataclass(frozen=True, slots=True)
class Possible:
    """A cut that a condition suggests: the places of the column that fulfil it, and its words."""

    column: str
    operator: CutOperator
    value: Any
    low: float
    high: float


@dataclass(frozen=True)
class _Board:
    """All that growing a tree needs, as arrays.

    Args:
        possible: The cuts that may be made.
        fulfils: For each row of the sample and each cut, whether the row fulfils it.
        only_met: For each reading place and each cut, its weight if it needs no row beyond the cut.
        only_unmet: The same if it needs none of the rows that fulfil the cut.
        least_rows: How many sampled rows a leaf must have.
    """

    possible: tuple[Possible, ...]
    fulfils: NDArray[np.bool_]
    only_met: NDArray[np.float64]
    only_unmet: NDArray[np.float64]
    least_rows: float


def query_driven_cuts(situation: Situation, _: Sequence[Layout]) -> Iterator[Layout]:
    """Yield one layout whose leaves are grown greedily: each cut spares the most reading."""
    wishes = sorted(situation.wishes, key=lambda wish: -wish.weight)[:_MOST_QUESTIONS]
    places = [
        (needs, wish.weight * _cost(wish))
        for wish in wishes
        for needs in wish.asked.places
        if needs
    ]
    possible = _possible_cuts(situation, [needs for needs, _ in places])
    if not possible:
        return
    board = _Board(
        possible,
        np.column_stack([_fulfils(situation, cut) for cut in possible]),
        *_sides(possible, places),
        least_rows=ROW_GROUP_ROWS * situation.sample.fraction,
    )
    cuts = _grow(board)
    if cuts:
        time = ending_with_time(situation, ())
        yield Layout(cuts=cuts, sort_by=time)


def _cost(wish: Wish) -> float:
    return max(wish.bytes_a_row, 1.0)


def _possible_cuts(situation: Situation, places: Sequence[Sequence[Need]]) -> tuple[Possible, ...]:
    """Return the bounds of all spans, as cuts that the column's own values can say.

    A single value is cut out on both sides: the ranges of row groups only tell below from above.
    """
    found: dict[tuple[str, str, float, float], Possible] = {}
    for needs in places:
        for need in needs:
            for cut in _suggested(situation, need):
                found.setdefault((cut.column, cut.operator, cut.low, cut.high), cut)
    return tuple(found.values())[: 4 * _MOST_CUTS]


def _suggested(situation: Situation, need: Need) -> Iterator[Possible]:
    values = situation.axis(need.column).values
    for low, high in need.spans:
        for bound in (low, high + 1):
            index = int(np.ceil(bound / 2)) if np.isfinite(bound) else -1
            if 0 < index < len(values):
                yield Possible(need.column, "<", values[index], -np.inf, 2.0 * index - 1)


def _fulfils(situation: Situation, cut: Possible) -> NDArray[np.bool_]:
    axis = situation.axis(cut.column)
    fulfils: NDArray[np.bool_] = (axis.places >= cut.low) & (axis.places <= cut.high) & ~axis.nulls
    return fulfils


def _sides(
    possible: Sequence[Possible], places: Sequence[tuple[Sequence[Need], float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    only_met = np.zeros((len(places), len(possible)))
    only_unmet = np.zeros((len(places), len(possible)))
    by_column: dict[str, list[int]] = {}
    for number, cut in enumerate(possible):
        by_column.setdefault(cut.column, []).append(number)
    for row, (needs, weight) in enumerate(places):
        for need in needs:
            numbers = by_column.get(need.column, [])
            lows = np.array([possible[n].low for n in numbers])
            highs = np.array([possible[n].high for n in numbers])
            within, beyond = _relation(need.spans, lows, highs)
            only_met[row, numbers] = np.where(within & (not need.wants_null), weight, 0.0)
            only_unmet[row, numbers] = np.where(beyond, weight, 0.0)
    return only_met, only_unmet


def _relation(
    spans: Spans, lows: NDArray[np.float64], highs: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for which cuts all spans lie within, and for which all lie beyond."""
    within = np.ones(len(lows), np.bool_)
    beyond = np.ones(len(lows), np.bool_)
    for low, high in spans:
        within &= (low >= lows) & (high <= highs)
        beyond &= (high < lows) | (low > highs)
    return within, beyond


@dataclass(slots=True, eq=False)
class _Node:
    rows: NDArray[np.int64]
    readers: NDArray[np.bool_]
    cut: int = -1
    gain: float = 0.0
    met: _Node | None = None
    unmet: _Node | None = None


def _grow(board: _Board) -> tuple[Cut, ...]:
    """Cut the leaf that gains most again and again, until no cut is worth it."""
    rows, places = len(board.fulfils), len(board.only_met)
    root = _Node(np.arange(rows), np.ones(places, np.bool_))
    total = float(np.maximum(board.only_met, board.only_unmet).max(axis=1).sum()) * rows
    leaves = [_measured(root, board)]
    made = 0
    while made < _MOST_CUTS and leaves:
        leaf = max(leaves, key=lambda node: node.gain)
        if leaf.gain <= _LEAST_GAIN * total:
            break
        leaves.remove(leaf)
        leaves += _split(leaf, board)
        made += 1
    return _numbered(root, board) if made else ()


def _measured(node: _Node, board: _Board) -> _Node:
    """Find the best cut of a leaf."""
    inside = board.fulfils[node.rows].sum(axis=0)
    outside = len(node.rows) - inside
    allowed = (inside >= board.least_rows) & (outside >= board.least_rows)
    if not allowed.any():
        return node
    gains = outside * board.only_met[node.readers].sum(axis=0)
    gains += inside * board.only_unmet[node.readers].sum(axis=0)
    gains = np.where(allowed, gains, 0.0)
    node.cut = int(gains.argmax())
    node.gain = float(gains[node.cut])
    return node


def _split(node: _Node, board: _Board) -> list[_Node]:
    is_met = board.fulfils[node.rows, node.cut]
    skips_unmet = board.only_met[:, node.cut] > 0
    skips_met = board.only_unmet[:, node.cut] > 0
    node.met = _measured(_Node(node.rows[is_met], node.readers & ~skips_met), board)
    node.unmet = _measured(_Node(node.rows[~is_met], node.readers & ~skips_unmet), board)
    return [node.met, node.unmet]


def _numbered(root: _Node, board: _Board) -> tuple[Cut, ...]:
    """Return the tree as a tuple; leaves are numbered from left to right."""
    cuts: list[Cut] = []
    leaves = count()

    def visit(node: _Node | None) -> int:
        if node is None or node.met is None:
            return ~next(leaves)
        number = len(cuts)
        possible = board.possible[node.cut]
        cuts.append(Cut(possible.column, possible.operator, possible.value, 0, 0))
        met = visit(node.met)
        cuts[number] = replace(cuts[number], met=met, unmet=visit(node.unmet))
        return number

    visit(root)
    return tuple(cuts)
