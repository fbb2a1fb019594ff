"""Bloom filters for columns in which single values are looked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.model.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tuning.candidates.situation import Situation

_KEPT = 3
_WORTHWHILE = 0.98


def bloom_filters(situation: Situation, so_far: Sequence[Layout]) -> Iterator[Layout]:
    """Yield the most promising layouts so far with filters on the columns where those spare reading.

    Also the order in which rows came, since filters need none.
    """
    columns = _looked_up(situation)
    best = situation.promising(so_far, _KEPT)
    for layout in (*best, Layout()):
        useful = tuple(
            column
            for column in columns
            if situation.seconds(replace(layout, bloom_columns=(column,)))
            < _WORTHWHILE * situation.seconds(layout)
        )
        if useful:
            yield replace(layout, bloom_columns=useful)


def _looked_up(situation: Situation) -> list[str]:
    found = (
        need.column
        for wish in situation.wishes
        for needs in wish.asked.places
        for need in needs
        if need.points
    )
    return [name for name in dict.fromkeys(found) if name in situation.hot_columns]
