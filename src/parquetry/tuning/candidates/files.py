"""Fewer, larger files for folders of tiny ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.model.layouts import TARGET_FILE_BYTES, Layout
from parquetry.tuning.candidates.sorts import ending_with_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.tuning.candidates.situation import Situation

_MANY = 4
"""So many times more files than there need be are worth a rewriting for their own sake."""


def larger_files(situation: Situation, _: Sequence[Layout]) -> Iterator[Layout]:
    """Yield the order that the folders give, in files of full size, where files are many and small."""
    needed = 1 + situation.sample.bytes // TARGET_FILE_BYTES
    if situation.hints.files >= _MANY * needed:
        keys = [key for key in situation.hints.folder_keys if situation.sample.name(key)]
        if keys:
            yield Layout(sort_by=ending_with_time(situation, keys))
        else:
            yield Layout()
