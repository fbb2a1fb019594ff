"""A new Parquet file made of row groups and columns of others, copied as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from parquetry.errors import RequestError, UnknownColumnError
from parquetry.files.splicing.copying import Sink, copy_bytes, write_all
from parquetry.files.splicing.ending import encode_ending
from parquetry.files.splicing.fields import FileMetaData
from parquetry.files.splicing.footer import MAGIC, Footer
from parquetry.files.splicing.indexes import find_bloom_filter
from parquetry.files.splicing.moving import (
    Pick,
    Placed,
    place_chunk,
    place_group,
    place_sorting,
)
from parquetry.files.splicing.terms import FloatBounds, Tails, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.files.splicing.source import Source
    from parquetry.files.splicing.structs import Struct


@dataclass(frozen=True, slots=True)
class Spliced:
    """What a new file holds."""

    rows: int
    row_groups: int
    bytes: int


@dataclass(slots=True)
class _Run:
    """Bytes that stand side by side in one source, and will in the sink."""

    source: Source
    start: int
    length: int


class Splicer:
    """Writes one Parquet file of row groups that are copied, not decoded.

    The schema, its Arrow form and the other key-value metadata come from `reference`, except for
    `pandas`, which describes rows. Every source must mean the same by the same column names; the
    order of columns is the reference's. Page indexes and Bloom filters come along, and bounds of
    columns as far as they can be believed (see `statistics`). Row groups without rows are left out.

    **Guarantees**: a call that raises leaves an unfinished file and no other trace. The sink is
    only written to, from its beginning, and never closed.

    **Cost**: every byte is read and written once, by the kernel where it can. Memory holds the
    sources' footers, what the new one will say, and page indexes.

    Args:
        sink: The new file.
        reference: The footer of the file that the new one takes after.
        float_bounds: Which bounds of float columns stay: those whose footer counts no NaN, or all,
            for callers who have looked into the values.
    """

    def __init__(
        self, sink: Sink, reference: Footer, *, float_bounds: FloatBounds = "proven"
    ) -> None:
        self._sink = sink
        self._reference = reference
        self._float_bounds: FloatBounds = float_bounds
        self._terms: WeakKeyDictionary[Source, Terms] = WeakKeyDictionary()
        self._groups: list[tuple[Struct, list[Placed]]] = []
        self._version = reference.struct.integer(FileMetaData.VERSION) or 1
        self._rows = 0
        self._run: _Run | None = None
        self._finished = False
        self._at = len(MAGIC)
        write_all(sink, MAGIC)

    def copy_row_groups(self, source: Source, indexes: Iterable[int] | None = None) -> None:
        """Copy row groups, in the order that is given; without one, all.

        Raises:
            NotFoundError: If the source has no row group of a number.
            RequestError: If bytes of the source may not be copied.
            SchemaMismatchError: If its columns mean something else than the reference's.
            CorruptionError: If it ends before its footer says.
            StorageError: If the disk refuses.
        """
        numbers = range(len(source.footer.row_groups)) if indexes is None else indexes
        for number in numbers:
            self._add_group(source, number, {})
        self._flush()

    def copy_row_group(
        self,
        source: Source,
        index: int,
        replaced: Mapping[str, tuple[Source, int]] | None = None,
        behind: tuple[Source, int] | None = None,
    ) -> None:
        """Copy one row group, with some of its columns taken from elsewhere, and rows behind its own.

        Args:
            source: The file that holds the row group.
            index: Its number there.
            replaced: Top-level columns that come from a row group of another source, all their
                leaves with them. It must have as many rows as the new row group, in the same order.
            behind: A row group of another source, without dictionaries, whose pages come behind those
                of the columns that are not replaced. `is_extendable` says beforehand whether they can.

        Raises:
            UnknownColumnError: If the reference has no such column.
            NotFoundError: If there is no row group of a number.
            RequestError: If the row counts differ, or bytes may not be copied.
            SchemaMismatchError: If columns mean something else than the reference's.
            CorruptionError: If a source ends before its footer says.
            StorageError: If the disk refuses.
        """
        self._add_group(source, index, replaced or {}, behind)
        self._flush()

    def finish(self, key_values: Mapping[str, str | None] | None = None) -> Spliced:
        """Write the page indexes and the footer, and return what the file holds.

        Args:
            key_values: Metadata to put beside or over the reference's; None as a value takes a key
                away.

        Raises:
            RequestError: If the file is finished already.
            StorageError: If the disk refuses.
        """
        self._hold_open()
        ending = encode_ending(
            self._reference, self._groups, self._at, self._version, key_values or {}
        )
        write_all(self._sink, ending)
        self._finished = True
        return Spliced(self._rows, len(self._groups), self._at + len(ending))

    def _add_group(
        self,
        source: Source,
        index: int,
        replaced: Mapping[str, tuple[Source, int]],
        behind: tuple[Source, int] | None = None,
    ) -> None:
        self._hold_open()
        terms = self._terms_of(source)
        group = terms.group(index)
        terms.agree(terms.columns_without(replaced))
        tails = Tails(self._terms_of(behind[0]), *behind, group.rows) if behind else None
        if tails:
            tails.agree(terms.columns_without(replaced))
        rows = group.rows + (tails.rows if tails else 0)
        replacements = self._replacements(replaced, rows)
        if not rows:
            return
        picks: list[Pick] = []
        kept: dict[int, int] = {}
        for column in self._reference.columns:
            if column.name in replaced:
                picks += replacements[column.name]
                continue
            found = terms.picks(source, group, column)
            if tails:
                found = tails.put_behind(found, column)
            else:
                kept |= {leaf: len(picks) + n for n, leaf in enumerate(terms.leaves(column))}
            picks += found
        struct = place_group(group.struct, self._at, picks, rows if replaced or tails else None)
        place_sorting(struct, kept)
        self._groups.append((struct, self._place(picks)))
        self._rows += rows
        self._version = max(self._version, source.footer.struct.integer(FileMetaData.VERSION) or 1)

    def _replacements(
        self, replaced: Mapping[str, tuple[Source, int]], rows: int
    ) -> dict[str, list[Pick]]:
        """Return the chunks of the replaced columns."""
        columns = {column.name: column for column in self._reference.columns}
        found: dict[str, list[Pick]] = {}
        for name, (source, index) in replaced.items():
            if name not in columns:
                raise UnknownColumnError.of(name, columns, self._reference.name)
            terms = self._terms_of(source)
            group = terms.group(index)
            if group.rows != rows:
                raise RequestError(
                    f"Row group {index} of {source.name} has {group.rows} rows; column {name!r} of "
                    f"it was to replace one of {rows} rows. The new file is unfinished and may be "
                    f"removed; nothing else was changed.",
                    path=source.name,
                )
            terms.agree({name})
            found[name] = terms.picks(source, group, columns[name])
        return found

    def _terms_of(self, source: Source) -> Terms:
        terms = self._terms.get(source)
        if terms is None:
            terms = Terms(self._reference, source.footer, self._float_bounds)
            self._terms[source] = terms
        return terms

    def _place(self, picks: Sequence[Pick]) -> list[Placed]:
        """Give chunks their places, and behind them their Bloom filters."""
        starts = [self._append_pick(pick) for pick in picks]
        placed: list[Placed] = []
        for pick, start in zip(picks, starts, strict=True):
            found = find_bloom_filter(pick.source, pick.chunk)
            bloom = None if found is None else (self._append(pick.source, *found), found[1])
            placed.append(place_chunk(pick, start, bloom))
        return placed

    def _append_pick(self, pick: Pick) -> int:
        start = self._append(pick.source, pick.chunk.start, pick.chunk.size)
        if pick.tail is not None:
            self._append(pick.tail.source, pick.tail.chunk.start, pick.tail.chunk.size)
        return start

    def _append(self, source: Source, start: int, length: int) -> int:
        """Copy bytes, at the latest by `_flush`, and return where they come to stand."""
        run = self._run
        if run is not None and run.source is source and run.start + run.length == start:
            run.length += length
        else:
            self._flush()
            self._run = _Run(source, start, length)
        at = self._at
        self._at += length
        return at

    def _flush(self) -> None:
        if self._run is not None:
            run, self._run = self._run, None
            copy_bytes(run.source, run.start, run.length, self._sink)

    def _hold_open(self) -> None:
        if self._finished:
            raise RequestError("The new Parquet file is finished; nothing can be added to it.")
