"""One file written anew: what does not change is copied as bytes, the rest decoded and encoded."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from parquetry.errors import RequestError
from parquetry.files.encoding import ROW_GROUP_ROWS, Encoder, encode_rows, writer_options
from parquetry.files.splicing import Source, Splicer, find_differences, find_refusals
from parquetry.files.splicing.meaning import ARROW_SCHEMA, READING_KEYS
from parquetry.files.text_codes import encoded, in_codes
from parquetry.model.plain_numbers import array_of
from parquetry.operations.edits import GroupEdit, Hits
from parquetry.operations.fitting import fitted, merged, schema_after
from parquetry.operations.opened import OpenedFile
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.files.splicing import Footer, Sink
    from parquetry.files.writer_options import Direction, Sorting, WriterOptions
    from parquetry.operations.edits import FileEdit
    from parquetry.storage.protocol import Storage


SMALL_GROUP_ROWS = 32_768
"""Row groups below this are encoded anew with their neighbours: piles of them slow every reader."""


SMALL_GROUP_BYTES = 128 << 10
"""So large, decoded, are row groups whose columns are copied beside those that are set."""


_LARGEST_GROUP_ROWS = 1 << 20


_MOST_AGREED = 256  # kinds of files that are remembered


_IN_MEMORY_BYTES = 16 << 20  # a new file up to about this size is written in one call


NewValues: TypeAlias = Callable[[OpenedFile, int, Hits], pa.Table]
"""Gives the new values of the rows of a row group that are set, in the order of the rows."""


@dataclass(frozen=True)
class Written:
    """A staged file: its path, rows and bytes."""

    source: str
    rows: int
    bytes: int


def rewrite(
    storage: Storage,
    path: str,
    edit: FileEdit,
    values: NewValues | None = None,
    compression: str = "zstd",
) -> Written:
    """Stage at a path the file that takes the place of another, and return it.

    **Cost:** row groups that do not change, and columns that are not set, are read and written once
    as bytes. Of the others one row group at a time is decoded and encoded. Small files are written in
    one call.
    """
    with OpenedFile(edit.file) as opened:
        one = _Rewriting(opened, edit, values, compression)
        if edit.file.state.bytes <= _IN_MEMORY_BYTES:
            content = one.content()
            write_file(storage, path, content)
            return Written(path, edit.rows_after, len(content))
        with storage.create(path) as sink:
            one.write(sink)
            return Written(path, edit.rows_after, sink.tell())


class _Rewriting:
    """The state of writing one file anew."""

    def __init__(
        self, opened: OpenedFile, edit: FileEdit, values: NewValues | None, compression: str
    ) -> None:
        self._opened = opened
        self._edit = edit
        self._values = values
        self._compression = compression
        self._schema, self._keeps_schema = schema_after(opened.schema, edit)

    def content(self) -> bytes:
        """Return the new file; it has to be small enough to lie in memory."""
        memory = io.BytesIO()
        if self._is_spliced(memory):
            return memory.getvalue()
        return encode_rows(self._rows(), self._schema, self._whole_options(), self._codes)

    def write(self, sink: Sink) -> None:
        """Write the new file."""
        if self._is_spliced(sink):
            return
        with Encoder(sink, self._schema, self._whole_options(), self._codes) as encoder:
            for table in self._rows():
                encoder.write(table)

    def _is_spliced(self, sink: Sink) -> bool:
        """Write the new file with what can be copied as bytes; return whether anything can."""
        source = self._open_for_copying()
        if source is None:
            return False
        with source:
            options = self._mixing_options(source)
            if options is not None:
                self._splice(sink, source, options)
            return options is not None

    def _open_for_copying(self) -> Source | None:
        """Return the file for copying from it, None if none of it is worth that or can be."""
        if not self._keeps_schema or not any(map(self._is_copied, range(len(self._groups)))):
            return None
        try:
            source = Source.open(self._edit.file.path)
        except RequestError:
            return None
        if find_refusals(source.footer):
            source.close()
            return None
        return source

    @property
    def _groups(self) -> tuple[int, ...]:
        return self._edit.group_rows

    def _edit_of(self, index: int) -> GroupEdit:
        return self._edit.groups.get(index) or GroupEdit()

    def _is_copied(self, index: int) -> bool:
        """Whether bytes of a row group are worth copying: of all columns, or of those not set."""
        edit = self._edit_of(index)
        if edit.leaving is not None or not self._groups[index]:
            return False
        if edit.setting is None:
            return self._groups[index] >= SMALL_GROUP_ROWS or len(self._left) == 1
        others = set(self._opened.schema.names) - self._edit.stored_setting.keys()
        return bool(others) and self._is_worth_copying(index)

    def _is_worth_copying(self, index: int) -> bool:
        """Whether copying the columns that are not set costs less than encoding them again."""
        if self._groups[index] >= SMALL_GROUP_ROWS:
            return True
        if self._edit.arriving is not None:
            return False  # rows that come make one row group with it
        group = self._opened.footer.row_group(index)
        return bool(group.total_byte_size >= SMALL_GROUP_BYTES)

    @property
    def _left(self) -> list[int]:
        return [n for n, rows in enumerate(self._groups) if rows and not self._edit_of(n).drops_all]

    def _options(
        self, schema: pa.Schema, *, as_integers: bool = True, sorting: Sorting | None = None
    ) -> WriterOptions:
        rows = max([ROW_GROUP_ROWS, *self._groups])
        blooms = _bloom_columns(self._opened)
        return writer_options(
            schema,
            compression=self._compression,
            row_group_rows=min(rows, _LARGEST_GROUP_ROWS),
            bloom_columns=[name for name in blooms if name in schema.names],
            decimals_as_integers=as_integers,
            sorting=sorting,
        )

    def _whole_options(self) -> WriterOptions:
        is_sorted = len(self._groups) == 1 and self._edit.arriving is None
        sorting = _sorting_of(self._opened, self._edit) if is_sorted else None
        return self._options(self._schema, sorting=sorting)

    def _rows(self) -> Iterator[pa.Table]:
        yield from self._tables(self._left)
        if self._edit.arriving is not None:
            yield self._arriving(self._edit.arriving)

    def _arriving(self, table: pa.Table) -> pa.Table:
        """Return rows that come, as the file holds them."""
        rows, where = table.num_rows, self._opened.file.path
        columns = []
        for one in self._schema:
            if one.name in table.column_names:
                column = fitted(table[one.name], one, where)
            else:
                column = pa.chunked_array([pa.nulls(rows, one.type)])
            columns.append(encoded(column) if one.name in self._codes else column)
        return pa.table(columns, schema=self._coded)

    @cached_property
    def _codes(self) -> list[str]:
        """The text columns that stay in codes; asked for only where rows are decoded."""
        if not self._keeps_schema:
            return []
        return [name for name in self._opened.text_in_codes if name not in self._edit.setting]

    @cached_property
    def _coded(self) -> pa.Schema:
        """The schema of the rows on their way from decoding to encoding."""
        return in_codes(self._schema, self._codes)

    def _tables(self, indexes: Sequence[int]) -> Iterator[pa.Table]:
        for index in indexes:
            yield self._table(index)

    def _table(self, index: int) -> pa.Table:
        """Return a row group as it is to be."""
        opened, codes = self._opened, self._codes
        table = opened.read_in_codes(index, codes) if codes else opened.read(index)
        edit = self._edit_of(index)
        if edit.setting is not None or not self._keeps_schema:
            table = self._set(table, index, edit.setting)
        if edit.leaving is not None:
            table = table.filter(array_of(~edit.leaving.flags()))
        return table

    def _set(self, table: pa.Table, index: int, hits: Hits | None) -> pa.Table:
        new = None
        if hits is not None and self._values is not None:
            new = self._values(self._opened, index, hits)
        columns = []
        for one in self._schema:
            if one.name not in self._edit.setting:
                columns.append(table[one.name])
                continue
            values = None if new is None or one.name not in new.column_names else new[one.name]
            old = table[one.name] if one.name in table.column_names else None
            columns.append(merged(old, values, hits, table.num_rows, one, self._opened.file.path))
        return pa.table(columns, schema=self._coded)

    def _mixing_options(self, source: Source) -> WriterOptions | None:
        """Return how to encode rows so that they can stand beside copied ones, None if they cannot."""
        if all(map(self._is_wholly_copied, self._left)) and self._edit.arriving is None:
            return self._options(self._schema)
        partly = all(map(self._is_copied, self._left)) and self._edit.arriving is None
        columns = list(self._edit.stored_setting) if partly else self._schema.names
        schema = pa.schema([self._schema.field(name) for name in columns])
        as_integers = _agreeing(source.footer, schema)
        if as_integers is None:
            return None
        return self._options(self._schema, as_integers=as_integers)

    def _is_wholly_copied(self, index: int) -> bool:
        return self._edit_of(index).setting is None and self._is_copied(index)

    def _splice(self, sink: Sink, source: Source, options: WriterOptions) -> None:
        splicer = Splicer(sink, source.footer)
        pending: list[int] = []
        for index in self._left:
            if not self._is_copied(index):
                pending.append(index)
                continue
            self._encode_between(splicer, pending, options)
            pending = []
            self._copy(splicer, source, index, options)
        self._encode_between(splicer, pending, options, self._edit.arriving)
        splicer.finish()

    def _encode_between(
        self,
        splicer: Splicer,
        indexes: Sequence[int],
        options: WriterOptions,
        arriving: pa.Table | None = None,
    ) -> None:
        if not indexes and arriving is None:
            return
        tables = self._tables(indexes)
        if arriving is not None:
            tables = chain(tables, [self._arriving(arriving)])
        new = encode_rows(tables, self._schema, options, self._codes)
        splicer.copy_row_groups(Source.from_buffer(new))

    def _copy(self, splicer: Splicer, source: Source, index: int, options: WriterOptions) -> None:
        hits = self._edit_of(index).setting
        if hits is None:
            splicer.copy_row_group(source, index)
            return
        names = list(self._edit.stored_setting)
        schema = pa.schema([self._schema.field(name) for name in names])
        kept = [name for name in names if name in self._opened.schema.names]
        table = self._set_only(self._opened.read(index, kept), index, hits, schema)
        as_integers = bool(options.arguments["store_decimal_as_integer"])
        narrow = self._options(schema, as_integers=as_integers)
        new = Source.from_buffer(encode_rows([table], schema, _one_group(narrow)))
        splicer.copy_row_group(source, index, dict.fromkeys(names, (new, 0)))

    def _set_only(self, table: pa.Table, index: int, hits: Hits, schema: pa.Schema) -> pa.Table:
        new = self._values(self._opened, index, hits) if self._values is not None else None
        columns = [
            merged(
                table[one.name],
                None if new is None or one.name not in new.column_names else new[one.name],
                hits,
                table.num_rows,
                one,
                self._opened.file.path,
            )
            for one in schema
        ]
        return pa.table(columns, schema=schema)


_agreed: dict[tuple[object, ...], bool | None] = {}


def _agreeing(footer: Footer, schema: pa.Schema) -> bool | None:
    """Return whether decimals are encoded as integers for columns to stand beside those of a file.

    None if the columns cannot stand there either way. Files of one kind are asked once.
    """
    said = tuple(footer.key_values.get(key) for key in (ARROW_SCHEMA, *READING_KEYS))
    key = (footer.raw_schema, said, schema)
    if key not in _agreed:
        if len(_agreed) > _MOST_AGREED:
            _agreed.clear()
        _agreed[key] = next((way for way in (True, False) if _agrees(footer, schema, way)), None)
    return _agreed[key]


def _agrees(footer: Footer, schema: pa.Schema, as_integers: bool) -> bool:
    options = writer_options(schema, decimals_as_integers=as_integers)
    other = Source.from_buffer(encode_rows([], schema, options))
    return not find_differences(footer, other.footer, schema.names)


def _one_group(options: WriterOptions) -> WriterOptions:
    """Return the options for a single row group, however many rows it has."""
    return type(options)(options.arguments, 1 << 31)


def _bloom_columns(opened: OpenedFile) -> list[str]:
    if not opened.footer.num_row_groups:
        return []
    group = opened.footer.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [chunk.path_in_schema for chunk in chunks if chunk.bloom_filter_offset]


def _sorting_of(opened: OpenedFile, edit: FileEdit) -> Sorting | None:
    """Return by what the rows are still sorted, down to the first column that is set."""
    group = opened.footer.row_group(0)
    keys: list[str | tuple[str, Direction]] = []
    for one in group.sorting_columns:
        name = group.column(one.column_index).path_in_schema
        if name in edit.setting or one.nulls_first or name not in opened.schema.names:
            break
        keys.append((name, "descending" if one.descending else "ascending"))
    return keys or None
