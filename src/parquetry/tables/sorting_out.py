"""Rows of which the bad ones go to a quarantine: sorted out in two passes, whatever their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.tables.arriving_keys import ArrivingKeys
from parquetry.tables.batches import row_batches
from parquetry.tables.failures import RULE
from parquetry.tables.row_rules import KEY_RULE
from parquetry.tables.spooling import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.staging import Staging
    from parquetry.model.frames import Rows
    from parquetry.storage.protocol import Storage
    from parquetry.tables.key_guard import KeyGuard
    from parquetry.tables.schema import TableSchema

KEY_EXISTS = f"{KEY_RULE}: not there already"
"""The rule that a quarantined row broke whose key the dataset has."""


class SortedRows:
    """The rows of one call, the good ones apart from the bad.

    **Cost:** memory for a batch, a bit for each row, and for keys as `ArrivingKeys` says; the rows are
    written aside if they are more than a batch.

    Args:
        table: The table.
        guard: What knows the keys of the dataset.
        storage: The disk.
        staging: Where rows are kept aside.
    """

    def __init__(
        self, table: TableSchema, guard: KeyGuard, storage: Storage, staging: Staging
    ) -> None:
        self._table, self._guard = table, guard
        self._good = Spool(storage, staging.new_path)
        self.bad = Spool(storage, staging.new_path)
        self._keys = ArrivingKeys(table, guard.names)
        self._leave: list[pl.Series] = []

    def take(self, rows: Rows) -> None:
        """Judge rows one by one, and by the keys that they share."""
        from parquetry.tables.validation import filter_rows  # dataframely takes 0.2 s to import

        first, shared = 0, list[pl.DataFrame]()
        for batch in row_batches(rows):
            good, failures = filter_rows(self._table, batch, first_row=first)
            first += len(batch)
            if failures:
                self.bad.add(failures.to_frame())
                shared.append(failures.shared)
            if good.height:
                self._good.add(good)
                self._keys.add(good)
        if len(self._good.paths):
            self._good.flush()
        twice = self._keys.find_twice(self._good.paths)
        self._leave = [pl.repeat(value=False, n=len(good), eager=True) for good in self._good]
        for keys in (twice, *shared):  # of rows that share a key none is good, wherever they stand
            if keys.height:
                self._move(keys, KEY_RULE)

    def leave_existing(self) -> None:
        """Take rows for bad whose keys the dataset has by now."""
        key = list(self._table.primary_key)
        if not key or not self._good:
            return
        finder = self._guard.finder(self._keys.heads)
        for number, good in enumerate(self._good):
            there = finder.find(good)
            if there.height:
                self._leave_some(number, good, there, KEY_EXISTS)

    @property
    def has_good(self) -> bool:
        """Whether any row is good."""
        return any(not leave.all() for leave in self._leave)

    def good(self) -> Iterator[pl.DataFrame]:
        """Yield the good rows, batch by batch."""
        for good, leave in zip(self._good, self._leave, strict=True):
            yield good.filter(~leave)

    def _move(self, keys: pl.DataFrame, rule: str) -> None:
        for number, good in enumerate(self._good):
            self._leave_some(number, good, keys, rule)

    def _leave_some(self, number: int, good: pl.DataFrame, keys: pl.DataFrame, rule: str) -> None:
        key = list(self._table.primary_key)
        hits = good.select(key).with_row_index(RULE).join(keys.select(key), on=key, how="semi")
        flags = pl.int_range(len(good), eager=True).is_in(hits[RULE].cast(pl.Int64).implode())
        fresh = flags & ~self._leave[number]
        if fresh.any():
            self.bad.add(good.filter(fresh).with_columns(pl.lit(rule).alias(RULE)))
            self._leave[number] = self._leave[number] | flags
