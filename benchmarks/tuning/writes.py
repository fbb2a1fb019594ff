"""What changes a dataset between the questions: rows come, are corrected, and go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from parquetry import Dataset

APPENDED_ROWS = 5_000
KEYS = {"sales": ("order_id", "quantity"), "trips": ("driver", "passengers")}
"""By which column rows are found that change or go, and which column is corrected."""


@dataclass(frozen=True)
class Write:
    """One commit: rows of the table once more, or a small part of its keys that changes or goes.

    Args:
        kind: `append`, `update` or `delete`.
        part: Where the rows stand that are appended, or where the keys begin, as a share of all.
    """

    kind: str
    part: float

    def apply(self, dataset: Dataset, raw: Path) -> None:
        """Do it."""
        if self.kind == "append":
            dataset.append(self._rows(raw))
            return
        key, corrected = KEYS[dataset.name]
        first, last = _key_range(raw, key)
        low = first + int(self.part * (last - first))
        concerned = pl.col(key).is_between(low, low + max(1, (last - first) // 1_000))
        if self.kind == "delete":
            dataset.delete(concerned)
        else:
            dataset.update(concerned, {corrected: pl.col(corrected) + 1})

    def _rows(self, raw: Path) -> pa.Table:
        file = pq.ParquetFile(min(raw.glob("*.parquet")))
        group = int(self.part * file.num_row_groups)
        return file.read_row_group(group).slice(0, APPENDED_ROWS)


def make_writes(length: int, count: int = 10) -> dict[int, Write]:
    """Return what is written before which question: mostly appends, every fifth is none.

    The first comes after three tenths of the questions, so that there is something to go stale.
    """
    kinds = (
        "append",
        "append",
        "append",
        "append",
        "update",
        "append",
        "append",
        "append",
        "append",
    )
    begin = 3 * length // 10
    step = max(1, (length - begin) // count)
    places = range(begin, length, step)[:count]
    return {
        at: Write((*kinds, "delete")[number % 10], (number * 0.37) % 1)
        for number, at in enumerate(places)
    }


def _key_range(raw: Path, key: str) -> tuple[int, int]:
    """Return the least and the greatest key of a table's files, by their footers."""
    lows, highs = [], []
    for path in sorted(raw.glob("*.parquet")):
        footer = pq.read_metadata(path)
        place = footer.schema.names.index(key)
        for group in range(footer.num_row_groups):
            statistics = footer.row_group(group).column(place).statistics
            lows.append(statistics.min)
            highs.append(statistics.max)
    return min(lows), max(highs)
