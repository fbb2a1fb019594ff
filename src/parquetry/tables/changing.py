"""Rows of a table that are changed: held to it before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from parquetry.commits.kept_schema import find_kept_schema
from parquetry.errors import ConflictError, KeyViolationError, UnknownColumnError
from parquetry.model.casting import cast_lossless
from parquetry.model.changes import Requirement
from parquetry.model.frames import Rows, one_table
from parquetry.tables.columns import IDENTIFIER, NOW
from parquetry.tables.conforming import narrow_floats
from parquetry.tables.exports_arrow import plain_arrow_schema, polars_type
from parquetry.tables.failures import Failures, merge_failures, row_text
from parquetry.tables.kept_tables import find_table
from parquetry.tables.key_guard import KeyGuard
from parquetry.tables.schema import TableSchema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pyarrow as pa

    from parquetry.access.source import Source

_SHOWN = 3


def find_row_guard(source: Source) -> TableGuard | None:
    """Return what holds the rows of a dataset to its table, or None if it is of none."""
    table = find_table(source.home, source.storage)
    return None if table is None else TableGuard(source, table)


@dataclass(frozen=True)
class TableGuard:
    """Holds changes of a dataset to its table: what `operations.row_guard.RowGuard` asks for."""

    source: Source
    table: TableSchema

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """What every file of the table says of itself."""
        found: Mapping[bytes, bytes] = self.table.to_arrow().metadata
        return found

    def prepare(self, rows: Rows, on: Collection[str]) -> pa.Table:
        """Return rows as one table of columns that the table has.

        Python's floats are rounded to the width of their column, as in an append. A column to look
        for that is missing gets its default.

        Raises:
            UnknownColumnError: The table has no such column.
        """
        table = one_table(rows)
        if isinstance(rows, (list, tuple)):
            table = narrow_floats(self.table, pl.DataFrame(pl.from_arrow(table))).to_arrow()
        self._check_columns(table.column_names)
        for name in on:
            column = self.table.column(name)
            if name in table.column_names or column.default in {None, NOW, IDENTIFIER}:
                continue
            kind = polars_type(column.arrow_type)
            filled = pl.repeat(column.default, table.num_rows, dtype=kind, eager=True)
            table = table.append_column(name, filled.to_arrow())
        return table

    def inspect(self, verb: str, setting: Collection[str], on: Collection[str]) -> TableInspection:
        """Begin to look at a change of some columns.

        Raises:
            UnknownColumnError: The table has no such column.
        """
        self._check_columns(setting)
        return TableInspection(self, verb, frozenset(setting), tuple(on))

    def _check_columns(self, names: Collection[str]) -> None:
        for name in names:
            if name not in self.table.column_names:
                where = f"the table {self.table.identifier}, which {self.source.home.root} is of"
                raise UnknownColumnError.of(name, self.table.column_names, where)


class TableInspection:
    """One change of rows of a table, looked at while it is planned.

    **Cost:** memory for the keys of rows whose key changes, and for those of rows that come.

    Args:
        guard: The dataset and its table.
        verb: What is done.
        setting: The columns that may get new values.
        on: The columns by which rows were looked for, in the whole dataset; none if they were not.
    """

    def __init__(
        self, guard: TableGuard, verb: str, setting: frozenset[str], on: tuple[str, ...]
    ) -> None:
        self._guard = guard
        self._table = guard.table
        self._verb = verb
        self._key = list(guard.table.primary_key)
        self._judged = touched_by(guard.table, setting)
        self._changes_keys = not setting.isdisjoint(self._key)
        self._finds_keys = bool(on) and set(on) <= set(self._key)
        self._failures: list[Failures] = []
        self._leaving: list[pl.DataFrame] = []
        self._coming: list[pl.DataFrame] = []

    @property
    def columns(self) -> Sequence[str]:
        """The columns that have to be seen of a row that changes."""
        return self._judged.column_names

    def change(self, before: pl.DataFrame, after: pl.DataFrame) -> None:
        """Look at rows that change: at what the change can break."""
        from parquetry.tables.validation import filter_rows  # dataframely takes 0.2 s to import

        _, failures = filter_rows(self._judged, after, key=self._key)
        self._failures.append(failures)
        if self._changes_keys:
            changed = _differ(before, after, self._key)
            self._leaving.append(before.select(self._key).filter(changed))
            self._coming.append(after.select(self._key).filter(changed))

    def insert(self, rows: pa.Table) -> pa.Table:
        """Look at rows that come, and return them complete, sorted as the table recommends."""
        from parquetry.tables.validation import filter_rows

        good, failures = filter_rows(self._table, rows)
        self._failures.append(failures)
        if self._key and not self._finds_keys:
            self._coming.append(good.select(self._key))
        if self._table.sort_by:
            good = good.sort(self._table.sort_by, maintain_order=True)
        where = self._guard.source.home.root
        return cast_lossless(one_table(good), plain_arrow_schema(self._table), where)

    def finish(self, requirement: Requirement) -> Requirement:
        """Return what must still hold at the commit.

        Raises:
            KeyViolationError: A key would be NULL, or would stand twice.
            SchemaMismatchError: A row would break a rule.
        """
        self._raise_failures()
        coming = pl.concat(self._coming) if self._coming else pl.DataFrame()
        if coming.is_empty():
            return requirement
        leaving = pl.concat(self._leaving) if self._leaving else coming.clear()
        self._refuse_twice(coming)
        guard = self._key_guard
        heads = coming.select(guard.names).unique()
        try:
            needed = guard.require_new(heads, [coming], leaving)
        except KeyViolationError as error:
            raise KeyViolationError(f"{self._could_not} {error.message}") from error
        return _both(requirement, needed)

    @property
    def _could_not(self) -> str:
        return f"Could not {self._verb} rows of {self._guard.source.home.root}."

    @property
    def _key_guard(self) -> KeyGuard:
        source = self._guard.source
        kept = find_kept_schema(source.home, source.storage)
        return KeyGuard(source, self._table, kept.partition_by if kept else ())

    def _raise_failures(self) -> None:
        from parquetry.tables.validation import failure_error

        failures = merge_failures(self._table.identifier, self._failures)
        if failures:
            raise failure_error(
                failures,
                before=f"{self._could_not} As they would be, ",
                after="Nothing was changed. Give other values, or leave these rows out.",
            )

    def _refuse_twice(self, coming: pl.DataFrame) -> None:
        twice = coming.filter(coming.is_duplicated())
        if twice.is_empty():
            return
        first = twice.unique(maintain_order=True).head(_SHOWN)
        shown = "; ".join(row_text(row) for row in first.iter_rows(named=True))
        raise KeyViolationError(
            f"{self._could_not} {twice.height:,} of them would share keys of {self._table.identifier}, "
            f"({', '.join(self._key)}): {shown}. Nothing was changed. A key names one row."
        )


def touched_by(table: TableSchema, setting: frozenset[str]) -> TableSchema:
    """Return what setting some columns can break: their own conditions, and the rules about them.

    The columns that it takes to see that, and the key, are there as well; of these anything goes.
    """
    rules = tuple(rule for rule in table.rules if not setting.isdisjoint(rule.columns))
    seen = {*setting, *table.primary_key, *(name for rule in rules for name in rule.columns)}
    columns = tuple(
        column
        if column.name in setting
        else replace(column, nullable=True, one_of=(), at_least=None, at_most=None, holds=None)
        for column in table.columns
        if column.name in seen
    )
    return TableSchema(table.name, columns, version=table.version, rules=rules)


def _differ(before: pl.DataFrame, after: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return in which rows any of the columns differ."""
    flags = [before[name].ne_missing(after[name]) for name in names]
    return pl.select(pl.any_horizontal(*flags)).to_series()


def _both(one: Requirement, other: Requirement) -> Requirement:
    """Return what fulfils two requirements, of which the second was made later.

    Raises:
        ConflictError: The first is broken already.
    """
    for path in other.seen:
        if one.is_broken_by(path):
            raise ConflictError(
                f"{path} came while this change was planned. Nothing was changed; plan again and retry.",
                path=path,
            )
    return Requirement(tuple(sorted({*one.closed, *other.closed})), one.seen | other.seen)
