"""How rows are encoded that take the place of others, or come to stand beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parquetry.files.encoding import ROW_GROUP_ROWS, encode_rows, writer_options
from parquetry.files.splicing import Source, find_differences
from parquetry.files.splicing.meaning import ARROW_SCHEMA, READING_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from parquetry.files.splicing import Footer
    from parquetry.files.writer_options import Direction, Sorting, WriterOptions
    from parquetry.operations.edits import FileEdit
    from parquetry.operations.opened import OpenedFile

_LARGEST_GROUP_ROWS = 1 << 20
_ANY_ROWS = 1 << 31
_MOST_AGREED = 256  # kinds of files that are remembered


class FileOptions:
    """The options for rows of a file, after what is there: Bloom filters, sizes of row groups.

    Args:
        opened: The file.
        compression: The codec.
        group_rows: How many rows its row groups have.
    """

    def __init__(self, opened: OpenedFile, compression: str, group_rows: Sequence[int]) -> None:
        self._compression = compression
        self._rows = full_group_rows(group_rows)
        self._blooms = _bloom_columns(opened)

    def of(
        self, schema: pa.Schema, *, as_integers: bool = True, sorting: Sorting | None = None
    ) -> WriterOptions:
        """Return the options for some columns."""
        return writer_options(
            schema,
            compression=self._compression,
            row_group_rows=self._rows,
            bloom_columns=[name for name in self._blooms if name in schema.names],
            decimals_as_integers=as_integers,
            sorting=sorting,
        )

    def encoded(
        self, table: pa.Table, *, as_integers: bool, with_dictionaries: bool = True
    ) -> Source:
        """Return rows as a file in memory, of one row group however many they are."""
        options = self.of_any_rows(
            table.schema, as_integers=as_integers, with_dictionaries=with_dictionaries
        )
        return Source.from_buffer(encode_rows([table], table.schema, options))

    def of_any_rows(
        self, schema: pa.Schema, *, as_integers: bool, with_dictionaries: bool = True
    ) -> WriterOptions:
        """Return the options for row groups that are ended by hand."""
        options = self.of(schema, as_integers=as_integers)
        arguments = dict(options.arguments)
        if not with_dictionaries:
            arguments["use_dictionary"] = False
        return replace(options, arguments=arguments, row_group_rows=_ANY_ROWS)


def full_group_rows(group_rows: Sequence[int]) -> int:
    """Return how many rows a full row group has beside row groups of so many rows."""
    return min(max([ROW_GROUP_ROWS, *group_rows]), _LARGEST_GROUP_ROWS)


_agreed: dict[tuple[object, ...], bool | None] = {}


def decimals_beside(footer: Footer, schema: pa.Schema) -> bool | None:
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


def _bloom_columns(opened: OpenedFile) -> list[str]:
    if not opened.footer.num_row_groups:
        return []
    group = opened.footer.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return [chunk.path_in_schema for chunk in chunks if chunk.bloom_filter_offset]


def sorting_left(opened: OpenedFile, edit: FileEdit) -> Sorting | None:
    """Return by what the rows are still sorted, down to the first column that is set."""
    group = opened.footer.row_group(0)
    keys: list[str | tuple[str, Direction]] = []
    for one in group.sorting_columns:
        name = group.column(one.column_index).path_in_schema
        if name in edit.setting or one.nulls_first or name not in opened.schema.names:
            break
        keys.append((name, "descending" if one.descending else "ascending"))
    return keys or None
