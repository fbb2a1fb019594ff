"""What the footers of many files say, read at once and understood where somebody asks."""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from parquetry.errors import NotFoundError
from parquetry.files.footer_table import read_together
from parquetry.files.footers import footer_batches, parse_footer
from parquetry.model.plain_numbers import array_of
from parquetry.operations.bounds import Bounds, GroupPlace, read_bounds
from parquetry.operations.opened import KnownFooter, OpenedFile, told
from parquetry.operations.reading_together import Places, Seat
from parquetry.operations.table_bounds import read_table_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

    from parquetry.files.footer_table import FooterTable
    from parquetry.files.footers import KnownFooters
    from parquetry.files.lockstep import Numbers
    from parquetry.operations.scope import ScopedFile


class _Part(NamedTuple):
    """Bounds of some row groups, and which ones these are."""

    places: Numbers
    bounds: Bounds


class Footers:
    """The footers of some files. Row groups are counted through all of them, in the files' order.

    **Cost:** files whose footers have one shape take 10 to 20 µs each; others, and those that are
    opened, are parsed one by one.

    Args:
        files: The files.
        raw: The footer of each, as it stands there.

    Raises:
        CorruptionError: A file is no Parquet file.
    """

    @classmethod
    def of_files(cls, files: Sequence[ScopedFile], known: KnownFooters) -> Iterator[Footers]:
        """Yield the footers of files, as many at once as some megabytes hold.

        **Cost:** one read a file whose footer is not known.

        Raises:
            ConflictError: A file is gone.
            CorruptionError: A file is no Parquet file.
        """
        start = 0
        try:
            for raw in footer_batches((file.path for file in files), known):
                yield cls(files[start : start + len(raw)], raw)
                start += len(raw)
        except NotFoundError as error:
            with told(error.path or ""):
                raise

    def __init__(self, files: Sequence[ScopedFile], raw: Sequence[bytes]) -> None:
        self.files = files
        self._raw = raw
        self._tables, alone = read_together(raw)
        self._parsed = {number: parse_footer(raw[number], files[number].path) for number in alone}
        self._alone = alone
        rows: dict[int, list[int]] = {
            number: [footer.row_group(n).num_rows for n in range(footer.num_row_groups)]
            for number, footer in self._parsed.items()
        }
        for table in self._tables:
            rows |= zip(table.members.tolist(), table.rows.tolist(), strict=True)
        self._seats: dict[int, Seat] = {}
        for table in self._tables:
            places = Places(table)
            self._seats |= {
                member: Seat(places, at) for at, member in enumerate(table.members.tolist())
            }
        self.group_rows = [rows[number] for number in range(len(files))]
        """The rows of each row group, file by file."""

    @cached_property
    def counts(self) -> Numbers:
        """How many row groups each file has."""
        return np.array([len(rows) for rows in self.group_rows], np.int64)

    @cached_property
    def starts(self) -> Numbers:
        """The number of the first row group of each file."""
        return np.cumsum(self.counts) - self.counts

    def bounds(self, name: str, kind: pa.DataType) -> Bounds:
        """Return what the footers say of a column; what they do not say is unknown, and so possible."""
        parts = [part for table in self._tables for part in self._of_table(table, name, kind)]
        if self._alone or not parts:
            parts.append(self._one_by_one(self._alone, name, kind))
        return parts[0].bounds if len(parts) == 1 else _joined(parts)

    def place(self, number: int) -> GroupPlace:
        """Return a row group with the parsed footer of its file."""
        # of files that begin at one number, all but the last have no row groups
        file = int(np.searchsorted(self.starts, number, side="right")) - 1
        return GroupPlace(
            self.files[file].path,
            self._footer(file),
            number - int(self.starts[file]),
            self.files[file].columns,
        )

    def may_have_filters(self, name: str) -> bool:
        """Return whether a row group can have a Bloom filter of a column; footers of a shape agree."""
        examples = [(table.example, int(table.members[0])) for table in self._tables]
        examples += [(self._footer(number), number) for number in self._alone]
        places = (
            GroupPlace(self.files[number].path, footer, index, self.files[number].columns)
            for footer, number in examples
            for index in range(footer.num_row_groups)
        )
        return any((chunk := place.chunk(name)) and chunk.bloom_filter_offset for place in places)

    def opened(self, number: int) -> OpenedFile:
        """Return a file, opened for decoding."""
        known = KnownFooter(self._raw[number], self.group_rows[number])
        return OpenedFile(self.files[number], known, self._seats.get(number))

    def _footer(self, number: int) -> FileMetaData:
        if number not in self._parsed:
            self._parsed[number] = parse_footer(self._raw[number], self.files[number].path)
        return self._parsed[number]

    def _of_table(self, table: FooterTable, name: str, kind: pa.DataType) -> Iterator[_Part]:
        columns = self.files[int(table.members[0])].columns
        starts = self.starts[table.members]
        found = [
            read_table_bounds(table, group, columns, name, kind)
            for group in range(table.rows.shape[1])
        ]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            yield self._one_by_one(table.members.tolist(), name, kind)
        else:
            yield from (_Part(starts + group, bounds) for group, bounds in enumerate(known))

    def _one_by_one(self, numbers: Sequence[int], name: str, kind: pa.DataType) -> _Part:
        places = [
            GroupPlace(self.files[file].path, self._footer(file), index, self.files[file].columns)
            for file in numbers
            for index in range(len(self.group_rows[file]))
        ]
        at = [self.starts[file] + np.arange(self.counts[file]) for file in numbers]
        empty = np.empty(0, np.int64)
        return _Part(np.concatenate([empty, *at]), read_bounds(places, name, kind))


def _joined(parts: Sequence[_Part]) -> Bounds:
    """Return bounds in the order of the row groups."""
    order = np.argsort(np.concatenate([part.places for part in parts]))
    places = pl.Series(array_of(order))

    def joined(found: list[Any]) -> Any:
        if isinstance(found[0], pl.Series):
            return pl.concat(found).gather(places)
        return np.concatenate(found)[order]

    names = [one.name for one in fields(Bounds)]
    return Bounds(*(joined([getattr(part.bounds, name) for part in parts]) for name in names))
