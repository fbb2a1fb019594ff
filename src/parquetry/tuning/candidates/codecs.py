"""A codec that is faster to undo, at the price of space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation

_KEPT = 2
_WORTHWHILE = 0.1


def faster_codecs(situation: Situation, so_far: Sequence[Layout]) -> Iterator[Layout]:
    """Yield the most promising layouts so far in LZ4, where their order alone spares a tenth already.

    Rows are not rewritten for a codec alone: files that take a third more space are no layout that
    anybody asked for.
    """
    for layout in situation.promising(so_far, _KEPT):
        if situation.spared(layout) > _WORTHWHILE:
            yield replace(layout, compression="lz4")
