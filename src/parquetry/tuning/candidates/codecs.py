"""A codec that is faster to undo, at the price of space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.model.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tuning.candidates.situation import Situation

_KEPT = 2
_WORTHWHILE = 0.9


def faster_codecs(situation: Situation, so_far: Sequence[Layout]) -> Iterator[Layout]:
    """Yield the best layouts so far in LZ4, where they are worth a rewriting for their order already.

    Rows are not rewritten for a codec alone: files that take a third more space are no layout that
    anybody asked for.
    """
    as_they_come = situation.seconds(Layout())
    for layout in sorted(so_far, key=situation.seconds)[:_KEPT]:
        if situation.seconds(layout) < _WORTHWHILE * as_they_come:
            yield replace(layout, compression="lz4")
