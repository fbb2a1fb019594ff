"""Rows that come to a dataset of a table: held against its schema and against the keys that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from parquetry.commits.home import Home
from parquetry.commits.kept_schema import find_kept_schema
from parquetry.commits.staging import open_staging
from parquetry.errors import ConflictError, KeyViolationError, ParameterError
from parquetry.operations.appending import append
from parquetry.tables.arriving_keys import ArrivingKeys
from parquetry.tables.batches import row_batches
from parquetry.tables.kept_tables import find_table
from parquetry.tables.key_guard import KeyGuard
from parquetry.tables.sorting_out import SortedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from parquetry.access.source import Source
    from parquetry.commits.kept_schema import KeptSchema
    from parquetry.model.changes import NewFile, Requirement
    from parquetry.model.frames import Rows
    from parquetry.model.records import CommitRecord
    from parquetry.tables.schema import TableSchema

OnInvalid: TypeAlias = Literal["error", "quarantine"]
QUARANTINE = "_quarantine"
"""What the name of a quarantine ends with, after the name of its dataset."""
_ATTEMPTS = 10


def append_rows(
    source: Source,
    rows: Rows,
    known: KeptSchema | None,
    partition_by: Sequence[str] | None = None,
    on_invalid: OnInvalid = "error",
) -> CommitRecord:
    """Add rows to a dataset; to one of a table, only rows of that table, whose keys are new.

    **Guarantees:** those of `operations.appending.append`. Of two writers who add one key at the same
    time, one is refused. A refused call writes nothing. The quarantine is written before the good
    rows: after a crash no bad row is lost, but some may be quarantined twice.

    **Cost:** memory is that of a batch, and of up to half a million keys, which are compared with each
    other; of the dataset, what `key_search.find_existing_keys` reads. For a quarantine more rows than a
    batch are written aside first.

    Args:
        source: The dataset.
        rows: The rows.
        known: The columns and keys of the dataset, or None for a new one.
        partition_by: The keys of a new dataset; an existing one keeps its own.
        on_invalid: `error` refuses all rows if any is bad; `quarantine` adds the good ones and puts
            the bad ones, with the rules that they broke, into the dataset `<name>_quarantine`.

    Returns:
        The commit that added the rows; that of the quarantine if no row was good.

    Raises:
        KeyViolationError: A key is NULL, occurs twice, or is there already.
        SchemaMismatchError: The columns do not fit, or a row breaks a rule.
        FormatVersionError: A file that the rows would stand beside is of a newer MAJOR version.
        ConflictError: Other writers were faster again and again.
    """
    if on_invalid not in get_args(OnInvalid):
        raise ParameterError(
            f"on_invalid is {on_invalid!r}; it can be 'error' or 'quarantine'. Nothing was written."
        )
    table = find_table(source.home, source.storage)
    if table is not None:
        known = known or find_kept_schema(source.home, source.storage)
        arrival = _Arrival(source, table, known, partition_by)
        return arrival.strict(rows) if on_invalid == "error" else arrival.sorted_out(rows)
    if on_invalid != "error":
        raise ParameterError(
            f"{source.home.root} is of no table, so no row of it can be bad. Nothing was written. "
            "Create it by Store.create_dataset, with a schema."
        )
    return append(source.home, source.storage, rows, known, partition_by)


@dataclass(frozen=True)
class _Arrival:
    """One call: the dataset that rows come to, and what holds for them."""

    source: Source
    table: TableSchema
    known: KeptSchema | None
    partition_by: Sequence[str] | None

    def strict(self, rows: Rows) -> CommitRecord:
        """Add rows, all of which are good, batch by batch."""
        from parquetry.tables.validation import validate_rows  # dataframely takes 0.2 s to import

        def good() -> Iterator[pl.DataFrame]:
            first = 0
            for batch in row_batches(rows):
                yield validate_rows(self.table, batch, first_row=first)
                first += len(batch)

        return self._write(good())

    def sorted_out(self, rows: Rows) -> CommitRecord:
        """Add the good rows, after the bad ones have come to the quarantine."""
        home, storage = self.source.home, self.source.storage
        with open_staging(home, storage) as staging:
            found = SortedRows(self.table, self._keys, storage, staging)
            found.take(rows)
            for _ in range(_ATTEMPTS):
                found.leave_existing()
                record = _quarantine(self.source, found.bad) if found.bad else None
                found.bad.clear()
                if record is not None and not found.has_good:
                    return record
                try:
                    return self._write(found.good())
                except KeyViolationError:  # somebody has just brought one of the keys
                    continue
        raise ConflictError(
            f"Rows could not be added to {home.root}: {_ATTEMPTS} times in a row others "
            "brought some of their keys first. The bad rows are in the quarantine, the good ones were "
            "not written. Retry with them."
        )

    def _write(self, batches: Iterator[pl.DataFrame]) -> CommitRecord:
        """Add good rows, sorted as the table recommends, so that files tell where to look."""
        source, guard = self.source, self._keys
        keys = ArrivingKeys(self.table, guard.names)

        def require(staged: Sequence[NewFile]) -> Requirement:
            keys.refuse_twice(staged)
            return guard.require_new(keys.heads, keys.batches(staged))

        return append(
            source.home,
            source.storage,
            self._noted(batches, keys),
            self.known,
            self.partition_by,
            guard=require,
            metadata=self.table.to_arrow().metadata,
        )

    def _noted(self, batches: Iterator[pl.DataFrame], keys: ArrivingKeys) -> Iterator[pl.DataFrame]:
        sort_by = self.table.sort_by
        for batch in batches:
            keys.add(batch)
            yield batch.sort(sort_by, maintain_order=True) if sort_by else batch

    @property
    def _keys(self) -> KeyGuard:
        keys = self.known.partition_by if self.known is not None else ()
        return KeyGuard(self.source, self.table, keys)


def _quarantine(source: Source, bad: Iterable[pl.DataFrame]) -> CommitRecord:
    home = Home.of(source.home.root + QUARANTINE)
    known = find_kept_schema(home, source.storage)
    return append(home, source.storage, iter(bad), known)
