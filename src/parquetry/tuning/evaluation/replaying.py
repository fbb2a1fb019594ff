"""What logged questions read in the layout that was written, by its footers: free of noise."""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.files.footers import count_rows
from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.evaluation.gates import GateVerdict, Volume, gate_a

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.listing import Listing
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation
    from parquetry.tuning.costs.groups import Groups


def replay(
    situation: Situation, layout: Layout, before: Listing, after: Listing, pieces: Sequence[int]
) -> GateVerdict:
    """Return whether a layout reads as little as was predicted of it.

    **Cost:** every footer of both is read; the dataset is not.

    Args:
        situation: The workload, and the sample that the prediction was made on.
        layout: The layout.
        before: The files that questions were answered from until now.
        after: The files of the layout.
        pieces: The rows of each part of the dataset that was laid out for itself.
    """
    groups = present_groups(before, situation.sample, situation.columns)
    return gate_a(
        _volume(situation, [groups]),
        written_volume(situation, layout, after),
        predicted_volume(situation, layout, pieces),
    )


def written_volume(situation: Situation, layout: Layout, after: Listing) -> Volume:
    """Return what the logged questions read of files that were written, by their footers."""
    columns = situation.columns
    return _volume(
        situation, [present_groups(after, situation.sample, columns, layout.bloom_columns)]
    )


def predicted_volume(situation: Situation, layout: Layout, pieces: Sequence[int]) -> Volume:
    """Return what the logged questions were predicted to read.

    Parts that were laid out for themselves are taken to be alike: rows of all of them may answer.
    """
    sample = situation.sample
    whole = max(1, sum(pieces))
    parts = [replace(sample, rows=rows, bytes=sample.bytes * rows // whole) for rows in pieces]
    return _volume(situation, [predict_groups(one, layout, situation.columns) for one in parts])


def rows_by_folder(listing: Listing) -> list[int]:
    """Return how many rows each folder of some files holds."""
    found: Counter[str] = Counter()
    for path in listing.files:
        found[posixpath.dirname(path)] += count_rows(path)
    return [rows for rows in found.values() if rows]


def _volume(situation: Situation, parts: Sequence[Groups]) -> Volume:
    row_groups = size = 0.0
    for groups in parts:
        works = situation.works_in(groups).T * situation.weights
        row_groups += float(works[1].sum())
        size += float((works[2] * situation.bytes_a_row).sum())
    return Volume(row_groups, size, float(situation.weights.sum()))
