"""The fewest row groups that any few layouts could read of a workload, by the what-if."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from parquetry.tuning.candidates.proposing import RULES
from parquetry.tuning.candidates.situation import Situation, Wish
from parquetry.tuning.costs.constants import Constants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ours import Brains

    from parquetry.model.layouts import Layout

GROUP_ROWS = 61_440
MOST = 6
"""Replicas of the largest set that is looked for."""


def report_fewest(brains: Brains, numbers: np.ndarray, matching: np.ndarray) -> None:
    """Print what the best sets of one to six layouts would read if they stood from the beginning.

    They are searched among the candidates for all questions together and for each template alone, all
    with row groups of 61,440 rows: greedily, then by exchanging one at a time. So each is an upper bound
    of the fewest, though seldom far above it.
    """
    asked, counts = np.unique(numbers, return_counts=True)
    situation = _situation(brains, asked, counts)
    layouts = _candidates(situation)
    if not layouts:
        print("  fewest row groups: no layout is known by which any could be spared")
        return
    groups = np.array([situation.works(layout)[:, 1] for layout in layouts])
    every = np.full(len(asked), float(-(-brains.extent.rows // GROUP_ROWS)))
    oracle = float(np.ceil(matching[asked] / GROUP_ROWS).clip(1) @ counts)
    print(
        f"  fewest row groups, by what-if over {len(layouts)} layouts, the raw files beside them:"
    )
    before = np.inf
    for size in range(1, MOST + 1):
        chosen = _best_set(groups, every, counts, size)
        read = float(np.minimum(groups[chosen].min(axis=0), every) @ counts)
        if read >= before:
            break  # one more is of no use
        before = read
        print(
            f"    {size} layouts: {read / oracle:6.2f} x the oracle, {read / (every @ counts):.3f} of "
            f"arrival: {'; '.join(_short(layouts[one]) for one in chosen)}"
        )


def _situation(brains: Brains, asked: np.ndarray, counts: np.ndarray) -> Situation:
    wishes = tuple(
        Wish(
            brains.asked[number],
            brains.bench.pool[number].template,
            float(count),
            bytes_a_row=brains.bytes_a_row[number],
        )
        for number, count in zip(asked, counts, strict=True)
    )
    return Situation(brains.sample, wishes, Constants())


def _candidates(situation: Situation) -> list[Layout]:
    templates = dict.fromkeys(wish.cluster_id for wish in situation.wishes)
    each = [tuple(w for w in situation.wishes if w.cluster_id == name) for name in templates]
    found: dict[Layout, None] = {}
    for wishes in (situation.wishes, *each):
        some = Situation(situation.sample, wishes, situation.constants, known=situation.ledger)
        here: dict[Layout, None] = {}
        for rule in RULES:
            here.update(dict.fromkeys(rule(some, tuple(here))))
        found.update(
            (replace(layout, row_group_rows=GROUP_ROWS, compression="zstd"), None)
            for layout in here
        )
    return list(found)


def _best_set(
    groups: np.ndarray, every: np.ndarray, counts: np.ndarray, size: int
) -> Sequence[int]:
    """Return a set of layouts of which each question reads the one that serves it best."""
    chosen: list[int] = []
    least = np.inf
    while True:
        place = len(chosen) if len(chosen) < size else None
        tried = [place] if place is not None else list(range(size))
        better = []
        for one in tried:
            others = [chosen[n] for n in range(len(chosen)) if n != one]
            beside = np.minimum(groups[others].min(axis=0), every) if others else every
            totals = np.minimum(groups, beside) @ counts
            best = int(totals.argmin())
            better.append((float(totals[best]), [*others, best]))
        found, best_set = min(better, key=lambda pair: pair[0])
        if place is None and found >= least:
            return chosen
        least, chosen = found, best_set


def _short(layout: Layout) -> str:
    return layout.describe().replace("; 61,440 rows a row group", "")[:50]
