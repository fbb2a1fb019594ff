"""From a situation to the layouts that are worth a closer look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from parquetry.tuning.candidates.blooms import bloom_filters
from parquetry.tuning.candidates.codecs import faster_codecs
from parquetry.tuning.candidates.curves import space_filling_curves
from parquetry.tuning.candidates.cuts import query_driven_cuts
from parquetry.tuning.candidates.files import larger_files
from parquetry.tuning.candidates.partitions import partition_keys
from parquetry.tuning.candidates.row_groups import row_group_sizes
from parquetry.tuning.candidates.sorts import lexicographic_sorts, sorts_by_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation


class Rule(Protocol):
    """A way of finding layouts."""

    def __call__(self, situation: Situation, so_far: Sequence[Layout], /) -> Iterable[Layout]:
        """Return layouts for a situation, given those that the rules before have found."""


RULES: tuple[Rule, ...] = (
    lexicographic_sorts,
    sorts_by_groups,
    space_filling_curves,
    query_driven_cuts,
    partition_keys,
    larger_files,
    row_group_sizes,
    bloom_filters,
    faster_codecs,
)
_BEST = 6
_COMPANIONS = 2


def propose(
    situation: Situation,
    rules: Sequence[Rule] = RULES,
) -> list[Layout]:
    """Return the most promising layouts, best first.

    These are the best for the workload as a whole; for each kind of question with a share of the time
    the best for it; and those that serve best beside what is there and beside each other, where each
    question goes to the layout that serves it best.

    **Cost:** prices some dozens of layouts on the sample, some milliseconds each.

    Args:
        situation: The dataset and what was asked of it.
        rules: How layouts are found.
    """
    if not situation.wishes or not situation.sample.table.num_rows:
        return []
    found: dict[Layout, None] = {}
    for rule in rules:
        found.update(dict.fromkeys(rule(situation, tuple(found))))
    layouts = list(found)
    if not layouts:
        return []
    each = np.array([situation.seconds_each(layout) for layout in layouts])
    weights = situation.weights
    totals = each @ weights
    chosen = np.argsort(totals, kind="stable")[:_BEST].tolist()
    chosen += [layouts.index(layout) for layout in situation.specialists(layouts)]
    if situation.now is not None:
        chosen += _companions(each, situation.now, weights)
    return [layouts[number] for number in sorted(set(chosen), key=lambda n: (totals[n], n))]


def _companions(
    each: NDArray[np.float64], now: NDArray[np.float64], weights: NDArray[np.float64]
) -> list[int]:
    """Return the layouts that spare most beside what is there, each beside those before it."""
    chosen = []
    for _ in range(_COMPANIONS):
        best = int((np.minimum(each, now) @ weights).argmin())
        chosen.append(best)
        now = np.minimum(now, each[best])
    return chosen
