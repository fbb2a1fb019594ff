"""Smaller and larger row groups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation

SIZES = (20_480, 122_880)
_KEPT = 3


def row_group_sizes(situation: Situation, so_far: Sequence[Layout]) -> Iterator[Layout]:
    """Yield the most promising layouts so far with smaller row groups, and with larger ones."""
    for layout in situation.promising(so_far, _KEPT):
        for rows in SIZES:
            yield replace(layout, row_group_rows=rows)
