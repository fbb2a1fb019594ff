"""Along a curve through two or three columns, so that conditions on any of them spare reading."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from parquetry.model.layouts import Layout, Quantiles
from parquetry.tuning.ordering.terms import CELL_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tuning.candidates.situation import Situation

_PAIRED = 4
_IN_THREE = 3


def space_filling_curves(situation: Situation, _: Sequence[Layout]) -> Iterator[Layout]:
    """Yield Hilbert curves through pairs of hot columns and through the hottest three.

    Z-order is proposed for the pair that serves best: it is cheaper to compute, and jumps.
    """
    hot = situation.hot_columns
    pairs = [along_curve(situation, pair) for pair in combinations(hot[:_PAIRED], 2)]
    found = [layout for layout in pairs if layout is not None]
    yield from found
    if found:
        yield replace(min(found, key=situation.seconds), curve="z-order")
    if len(hot) >= _IN_THREE:
        for three in combinations(hot[:_PAIRED], _IN_THREE):
            layout = along_curve(situation, three)
            if layout is not None:
                yield layout


def along_curve(situation: Situation, columns: Sequence[str]) -> Layout | None:
    """Return the Hilbert curve through some columns, None if one of them has a single value."""
    parts = 1 << CELL_BITS[len(columns)]
    quantiles = tuple(find_quantiles(situation, column, parts) for column in columns)
    if not all(one.values for one in quantiles):
        return None
    return Layout(sort_by=tuple(columns), curve="hilbert", quantiles=quantiles)


def find_quantiles(situation: Situation, column: str, parts: int) -> Quantiles:
    """Return the values that divide the sample of a column into parts of about the same size."""
    axis = situation.axis(column)
    places = np.sort(axis.places[~axis.nulls])
    if not len(places):
        return Quantiles(column, ())
    if len(axis) <= parts:
        return Quantiles(column, tuple(axis.values[1:].to_list()))
    at = (np.arange(1, parts) * len(places)) // parts
    bounds = np.unique(places[at])
    bounds = bounds[bounds > places[0]]
    return Quantiles(column, tuple(axis.values[int(place) // 2] for place in bounds))
