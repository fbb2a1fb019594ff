"""The rows of a file on their way from decoding to encoding: changed, gone, and come."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.files.text_codes import encoded, in_codes, repeated
from parquetry.model.schema import part_of
from parquetry.operations.edits import GroupEdit, Hits
from parquetry.operations.fitting import fitted, merged, schema_after
from parquetry.operations.opened import OpenedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.operations.edits import FileEdit

NewValues: TypeAlias = Callable[[OpenedFile, int, Hits], pa.Table]
"""Gives the new values of the rows of a row group that are set, in the order of the rows."""


class Recoding:
    """Gives the rows of one file as they are to be.

    Args:
        opened: The file.
        edit: What happens to it.
        values: The new values, if any are set.
    """

    def __init__(self, opened: OpenedFile, edit: FileEdit, values: NewValues | None) -> None:
        self._opened = opened
        self._edit = edit
        self._values = values
        self.schema, self.keeps_schema = schema_after(opened.schema, edit)

    @cached_property
    def codes(self) -> list[str]:
        """The text columns that stay in codes; asked for only where rows are decoded."""
        if not self.keeps_schema:
            return []
        return [name for name in self._opened.text_in_codes if name not in self._edit.setting]

    @cached_property
    def _coded(self) -> pa.Schema:
        """The schema of rows whose texts are in codes."""
        return in_codes(self.schema, self.codes)

    def rows(self, indexes: Sequence[int], arriving: pa.Table | None = None) -> Iterator[pa.Table]:
        """Yield row groups, and behind them rows that come, with text in `codes`."""
        for index in indexes:
            yield self._row_group(index)
        if arriving is not None:
            yield self._in_codes(self.arriving(arriving, self.schema.names))

    def _row_group(self, index: int) -> pa.Table:
        opened, codes = self._opened, self.codes
        edit = self._edit.groups.get(index) or GroupEdit()
        if edit.leaving is not None and edit.setting is None and codes:
            return self._rows_left(index, edit.leaving)
        table = opened.read_in_codes(index, codes) if codes else opened.read(index)
        if edit.setting is not None or not self.keeps_schema:
            new = self._new_values(index, edit.setting)
            columns = [
                table[one.name]
                if one.name not in self._edit.setting
                else self._merged(table, one, edit.setting, new)
                for one in self.schema
            ]
            table = pa.table(columns, schema=self._coded)
        if edit.leaving is not None:
            table = table.filter(pc.invert(edit.leaving.mask()))
        return table

    def _rows_left(self, index: int, leaving: Hits) -> pa.Table:
        """Return the rows that stay of a row group; of texts that are all the same none is decoded."""
        same = self._opened.constant_texts(index, self.codes)
        names = [name for name in self.schema.names if name not in same]
        if not names:
            same, names = {}, self.schema.names
        table = self._opened.read_in_codes(index, self.codes, names)
        table = table.filter(pc.invert(leaving.mask()))
        if not same:
            return table
        columns = [
            repeated(same[name], table.num_rows) if name in same else table[name]
            for name in self.schema.names
        ]
        return pa.table(columns, schema=self._coded)

    def set_columns(
        self,
        index: int,
        hits: Hits,
        names: Sequence[str],
        arriving: pa.Table | None,
        old: pa.Table | None = None,
    ) -> pa.Table:
        """Return columns of a row group that are set, with the rows that come behind them.

        Args:
            index: The number of the row group.
            hits: The rows that get new values.
            names: The columns.
            arriving: The rows that come.
            old: The columns as they are, if they are decoded already.
        """
        new = self._new_values(index, hits)
        if old is None and hits.is_all and new is not None and {*names} <= {*new.column_names}:
            old = new  # of which nothing is left
        elif old is None:
            old = self._opened.read(index, names)
        schema = part_of(self.schema, names)
        table = pa.table([self._merged(old, one, hits, new) for one in schema], schema=schema)
        if arriving is None:
            return table
        return pa.concat_tables([table, self.arriving(arriving, names)])

    def _new_values(self, index: int, hits: Hits | None) -> pa.Table | None:
        if hits is None or self._values is None:
            return None
        return self._values(self._opened, index, hits)

    def _merged(
        self, table: pa.Table, wanted: pa.Field, hits: Hits | None, new: pa.Table | None
    ) -> pa.ChunkedArray:
        """Return a column with its new values in the rows that are hit."""
        name = wanted.name
        return merged(
            table[name] if name in table.column_names else None,
            None if new is None or name not in new.column_names else new[name],
            hits,
            table.num_rows,
            wanted,
            self._opened.file.path,
        )

    def arriving(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        """Return columns of rows that come, as the file holds them."""
        schema = part_of(self.schema, names)
        columns = [
            fitted(table[one.name], one, self._opened.file.path)
            if one.name in table.column_names
            else pa.chunked_array([pa.nulls(table.num_rows, one.type)])
            for one in schema
        ]
        return pa.table(columns, schema=schema)

    def _in_codes(self, table: pa.Table) -> pa.Table:
        columns = [
            encoded(table[name]) if name in self.codes else table[name]
            for name in table.column_names
        ]
        return pa.table(columns, schema=self._coded)
