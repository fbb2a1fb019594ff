"""A new file while it is written: rows gather until they fill a row group, bytes go at once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa

from parquetry.files.encoding import ROW_GROUP_ROWS, Encoder
from parquetry.files.splicing import Source, Splicer
from parquetry.model.casting import cast_lossless
from parquetry.operations.moulds import Mould, options_for
from parquetry.operations.parts import Loose, Piece, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from parquetry.files.splicing import Sink
    from parquetry.operations.moulds import Style
    from parquetry.operations.parts import Part
    from parquetry.operations.surveyed import SortKey

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class JoinedOutput:
    """A file that is joined of others. Leaving its `with` block in order finishes it.

    Args:
        sink: The new file.
        schema: Its columns.
        style: How files are joined.
        mould: What it takes after; without one everything is decoded.
    """

    def __init__(self, sink: Sink, schema: pa.Schema, style: Style, mould: Mould | None) -> None:
        self.rows = 0
        self._schema, self._style, self._mould = schema, style, mould
        self._pending: list[pa.Table] = []
        self._pending_rows = 0
        self._held = ExitStack()
        self._splicer = Splicer(sink, mould.footer) if mould else None
        self._encoder = None if mould else Encoder(sink, schema, options_for(schema, style))

    def __enter__(self) -> Self:
        if self._encoder is not None:
            self._held.enter_context(self._encoder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._flush()
                if self._splicer is not None:
                    self._splicer.finish()
        except BaseException as failure:
            self._held.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._held.__exit__(kind, error, trace)

    def add(self, parts: Sequence[Part]) -> None:
        """Add the rows of one part, or of several small files of one schema."""
        one = parts[0]
        if isinstance(one, Loose) or len(parts) > 1 or self._mould is None:
            self._gather(decoded(parts))
        elif one.schema.equals(self._schema):
            self._mix(one, self._mould)
        else:
            self._gather(one.load())

    def _mix(self, piece: Piece, mould: Mould) -> None:
        """Copy the large row groups of a file, and gather the rows of the others."""
        with Source.open(piece.path) as source:
            large = mould.copyable(piece, source.footer)
            run: list[int] = []
            for number in piece.numbers:
                rows = piece.group_rows[number]
                if number in large and not self._absorbs(rows, piece, run):
                    self._gather(piece.load(run) if run else ())
                    run = []
                    self._copy(piece, source, number, mould)
                else:
                    run.append(number)
            self._gather(piece.load(run) if run else ())

    def _absorbs(self, rows: int, piece: Piece, run: Sequence[int]) -> bool:
        """Whether a row group is decoded so that the few rows before it make no tiny one."""
        gathered = self._pending_rows + sum(piece.group_rows[number] for number in run)
        return 0 < gathered < self._style.small_rows and rows <= ROW_GROUP_ROWS

    def _copy(self, piece: Piece, source: Source, number: int, mould: Mould) -> None:
        self._flush()
        rows = piece.group_rows[number]
        replaced: dict[str, tuple[Source, int]] = {}
        if piece.constants and self._splicer is not None:
            encoded = mould.encode(piece.fill(rows))
            replaced = dict.fromkeys(piece.constants, (encoded, 0))
        if self._splicer is not None:
            self._splicer.copy_row_group(source, number, replaced)
        self.rows += rows

    def _gather(self, tables: Iterable[pa.Table]) -> None:
        for table in tables:
            if not table.num_rows:
                continue
            self._pending.append(fitted(table, self._schema))
            self._pending_rows += table.num_rows
            if self._pending_rows >= ROW_GROUP_ROWS:
                self._encode([ROW_GROUP_ROWS] * (self._pending_rows // ROW_GROUP_ROWS))

    def _flush(self) -> None:
        """Encode what has gathered, in row groups of like size."""
        if self._pending_rows:
            groups = -(-self._pending_rows // ROW_GROUP_ROWS)
            most = -(-self._pending_rows // groups)
            rest = self._pending_rows - most * (groups - 1)
            self._encode([most] * (groups - 1) + [rest])

    def _encode(self, cuts: Sequence[int]) -> None:
        table = pa.concat_tables(self._pending)
        start = 0
        for rows in cuts:
            self._emit(table.slice(start, rows))
            start += rows
        self._pending = [table.slice(start)] if start < table.num_rows else []
        self._pending_rows = table.num_rows - start

    def _emit(self, table: pa.Table) -> None:
        """Encode rows as one row group."""
        if self._style.sorting:
            table = sort_rows(table, self._style.sorting)
        self.rows += table.num_rows
        if self._encoder is not None:
            self._encoder.write(table)
        elif self._splicer is not None and self._mould is not None:
            self._splicer.copy_row_groups(self._mould.encode(table))


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the rows with the columns of a schema, without losing a value."""
    if table.schema.equals(schema):
        return pa.Table.from_arrays(table.columns, schema=schema)
    return cast_lossless(table, schema, "the files that it is joined with")


def sort_rows(table: pa.Table, sorting: Sequence[SortKey]) -> pa.Table:
    """Return the rows sorted as files say it: rows that are equal in the keys keep their order."""
    return table.take(pl.Series(sorted_places(table, sorting)).to_arrow())


def sorted_places(table: pa.Table, sorting: Sequence[SortKey]) -> Numbers:
    """Return the numbers of the rows in sorted order."""
    keys = [f"{number}" for number in range(len(sorting))]
    columns: Any = pl.from_arrow(
        table.select([name for name, _, _ in sorting]).rename_columns(keys)
    )
    order = columns.select(
        pl.arg_sort_by(
            keys,
            descending=[down for _, down, _ in sorting],
            nulls_last=[not nulls_first for _, _, nulls_first in sorting],
            maintain_order=True,
        )
    )
    places: Numbers = order.to_series().to_numpy()
    return places
