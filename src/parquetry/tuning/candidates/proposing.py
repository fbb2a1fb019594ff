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
from parquetry.tuning.candidates.sorts import lexicographic_sorts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation


class Rule(Protocol):
    """A way of finding layouts."""

    def __call__(self, situation: Situation, so_far: Sequence[Layout], /) -> Iterable[Layout]:
        """Return layouts for a situation, given those that the rules before have found."""


RULES: tuple[Rule, ...] = (
    lexicographic_sorts,
    space_filling_curves,
    query_driven_cuts,
    partition_keys,
    larger_files,
    row_group_sizes,
    bloom_filters,
    faster_codecs,
)
BEST, LEAST_SHARE = 6, 0.05


def propose(situation: Situation, rules: Sequence[Rule] = RULES) -> list[Layout]:
    """Return the most promising layouts, best first.

    These are the best for the workload as a whole, and for each kind of question with a share of the
    time the best for it: beside each other, such specialists may serve better than any one layout.

    **Cost:** prices some dozens of layouts on the sample, some milliseconds each.
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
    weights = np.array([wish.weight for wish in situation.wishes])
    totals = each @ weights
    chosen = list(np.argsort(totals, kind="stable")[:BEST])
    for members in _clusters(situation):
        shares = each[:, members] @ weights[members]
        if shares.max() >= LEAST_SHARE * totals.max():
            chosen.append(int(shares.argmin()))
    return [layouts[number] for number in sorted(set(chosen), key=lambda n: (totals[n], n))]


def _clusters(situation: Situation) -> list[list[int]]:
    members: dict[str, list[int]] = {}
    for number, wish in enumerate(situation.wishes):
        members.setdefault(wish.cluster_id, []).append(number)
    return list(members.values())
