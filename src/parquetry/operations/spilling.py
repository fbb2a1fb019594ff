"""Rows of many partitions, kept until all of a partition are there: in memory, or aside on disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.errors import ParquetryError, StorageError
from parquetry.files.few_rows import nan_columns
from parquetry.model.schema import normal_schema, shared
from parquetry.operations.joined_output import fitted
from parquetry.operations.parts import Loose
from parquetry.operations.run_slices import slice_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from parquetry.operations.parts import Part
    from parquetry.storage.protocol import Storage


class Sorter:
    """Takes rows as they come and gives them back by partition.

    So many rows are held in memory; when more come, those are written to one file aside, sorted by
    partition, and read again one partition at a time. Never is more than one file open for writing,
    however many partitions there are.

    Args:
        keys: By what to part the rows.
        batch_rows: How many rows are held.
        storage: The disk.
        new_path: Gives the paths of files aside; without it rows are only counted.
        known: The names of the folders for keys that have one value in all rows.
    """

    def __init__(
        self,
        keys: Sequence[str],
        batch_rows: int,
        storage: Storage,
        new_path: Callable[[], str] | None,
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.parts: dict[str, list[Part]] = {}
        self.spilled: list[str] = []
        self._keys, self._batch_rows = keys, batch_rows
        self._storage, self._new_path = storage, new_path
        self._known = known or {}
        self._held: list[pa.Table] = []
        self._held_rows = 0

    def add_part(self, folder: str, part: Part) -> None:
        """Add rows that all belong to one partition."""
        self.parts.setdefault(folder, []).append(part)

    def add_rows(self, table: pa.Table) -> None:
        """Add rows of any partitions."""
        for start in range(0, table.num_rows, self._batch_rows):
            piece = table.slice(start, self._batch_rows)
            if self._held_rows + piece.num_rows > self._batch_rows:
                self._spill()
            self._held.append(piece)
            self._held_rows += piece.num_rows

    def finish(self) -> None:
        """Part the rows that are held in memory; they need not be written aside."""
        for whole in self._take():
            nans = nan_columns(whole) if self._new_path else ()
            schema = shared(whole.schema)  # told from others at once
            held = whole.nbytes if self._new_path else 0
            for folder, table in self._sliced(whole):
                load = partial(iter, [table] if self._new_path else [])
                share = held * table.num_rows // whole.num_rows
                self.add_part(folder, Loose(table.num_rows, schema, load, nans, share))

    def _sliced(self, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        return slice_by(table, self._keys, self._known)

    def _take(self) -> list[pa.Table]:
        held, self._held, self._held_rows = self._held, [], 0
        return _concatenated(held)

    def _spill(self) -> None:
        if self._new_path is None:
            self.finish()
            return
        for whole in self._take():
            path = self._new_path()
            self.spilled.append(path)
            for folder, part in _write(self._storage, path, whole, self._sliced):
                self.add_part(folder, part)


def _concatenated(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Return tables of one schema as one; those of several stay apart, in their order."""
    if not tables:
        return []
    if all(table.schema.equals(tables[0].schema) for table in tables):
        return [pa.concat_tables(tables)]
    return list(tables)


def _write(
    storage: Storage,
    path: str,
    whole: pa.Table,
    sliced: Callable[[pa.Table], Iterator[tuple[str, pa.Table]]],
) -> list[tuple[str, Loose]]:
    """Write rows to a file by their partition, and return what gives them back."""
    nans = nan_columns(whole)
    schema = shared(normal_schema(whole.schema))  # the format has no place for many dictionaries
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    written: list[tuple[str, Loose]] = []
    first = 0
    try:
        with storage.create(path) as sink, pa.ipc.new_file(sink, schema, options=options) as writer:
            for folder, table in sliced(whole):
                batches = fitted(table, schema).combine_chunks().to_batches()
                for batch in batches:
                    writer.write_batch(batch)
                load = partial(_read, path, range(first, first + len(batches)))
                written.append((folder, Loose(table.num_rows, schema, load, nans)))
                first += len(batches)
    except ParquetryError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StorageError(
            f"Rows could not be written aside to {path}: {error}. Nothing was changed. Free some space "
            "and run it again.",
            path=path,
            errno=getattr(error, "errno", None),
        ) from error
    return written


def _read(path: str, numbers: Sequence[int]) -> Iterator[pa.Table]:
    with pa.memory_map(path) as file:
        reader = pa.ipc.open_file(file)
        for number in numbers:
            yield pa.Table.from_batches([reader.get_batch(number)])
