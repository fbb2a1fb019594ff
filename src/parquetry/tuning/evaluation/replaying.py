"""Gate A: what logged questions read in the layout that was written, by its footers, free of noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.costs.work import predict_work
from parquetry.tuning.evaluation.gates import GateVerdict, Volume, gate_a

if TYPE_CHECKING:
    from parquetry.access.listing import Listing
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation
    from parquetry.tuning.costs.groups import Groups


def replay(situation: Situation, layout: Layout, before: Listing, after: Listing) -> GateVerdict:
    """Return whether a layout reads as little as was predicted of it.

    **Cost:** every footer of both is read; the dataset is not.

    Args:
        situation: The workload, and the sample that the prediction was made on.
        layout: The layout.
        before: The files that questions were answered from until now.
        after: The files of the layout.
    """
    sample, columns = situation.sample, situation.columns
    written = present_groups(after, sample, columns, layout.bloom_columns)
    return gate_a(
        _volume(situation, present_groups(before, sample, columns)),
        _volume(situation, written),
        _volume(situation, predict_groups(sample, layout, columns)),
    )


def _volume(situation: Situation, groups: Groups) -> Volume:
    row_groups = size = 0.0
    for wish in situation.wishes:
        work = predict_work(wish.asked, groups, situation.sample)
        row_groups += wish.weight * work.row_groups
        size += wish.weight * work.rows * wish.bytes_a_row
    return Volume(row_groups, size)
