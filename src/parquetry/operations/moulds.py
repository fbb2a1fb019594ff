"""What a file that is joined of others takes after, and which bytes may stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.errors import ParameterError
from parquetry.files.encoding import encode_rows, writer_options
from parquetry.files.splicing import Footer, Source, find_differences, find_refusals
from parquetry.files.splicing.fields import ColumnMetaData
from parquetry.files.writer_options import CODECS
from parquetry.operations.parts import Loose, Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.encoding import WriterOptions
    from parquetry.operations.parts import Part
    from parquetry.operations.surveyed import SortKey

SMALL_ROWS = 32_768
"""Row groups below are decoded: tiny ones that stand side by side are larger and slow every scan."""

_TINY_BYTES = 512  # a chunk of one value; whether it is compressed does not matter


def check_codec(compression: str | None) -> None:
    """Raise `ParameterError` unless a codec is known; None is none."""
    if compression is not None and compression not in CODECS:
        raise ParameterError(
            f"There is no compression {compression!r}; there are {', '.join(sorted(CODECS))}. "
            "Nothing was changed."
        )


@dataclass(frozen=True, slots=True)
class Style:
    """How files are joined.

    Args:
        compression: The codec of the new file; None leaves copied bytes as they are compressed.
        small_rows: Row groups with fewer rows are decoded and encoded together.
        sorting: By what the rows of each row group are sorted, and are to stay so.
        constant: The columns that have one value in each file.
    """

    compression: str | None = None
    small_rows: int = SMALL_ROWS
    sorting: tuple[SortKey, ...] = ()
    constant: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mould:
    """What a new file takes after.

    Args:
        footer: Whose schema and metadata it gets.
        decimals_as_integers: How decimals must be encoded to stand beside those that are copied.
        style: How files are joined.
    """

    footer: Footer
    decimals_as_integers: bool
    style: Style

    def encode(self, table: pa.Table) -> Source:
        """Return rows as a file in memory whose row groups fit."""
        options = options_for(
            table.schema, self.style, decimals_as_integers=self.decimals_as_integers
        )
        return _encoded(table, options)

    def copyable(self, piece: Piece, footer: Footer) -> set[int]:
        """Return the row groups of a file that are copied as bytes."""
        own = {column.name for column in footer.columns}.difference(piece.constants)
        refused = _refused(footer, self.style)
        if None in refused or find_differences(self.footer, footer, own):
            return set()
        small = self.style.small_rows
        return {n for n in piece.numbers if n not in refused and piece.group_rows[n] >= small}


def find_mould(parts: Sequence[Part], schema: pa.Schema, style: Style) -> Mould | None:
    """Return what a new file of these columns takes after, or None if nothing in it is copied."""
    for part in parts:
        if isinstance(part, Loose) or not part.schema.equals(schema):
            continue
        if part.is_below(style.small_rows):
            continue
        with Source.open(part.path) as source:
            if None not in _refused(source.footer, style):
                return mould_of(source.footer, part, schema, style)
    return None


def is_whole(piece: Piece, style: Style) -> bool:
    """Return whether a file can stand as it is where these rows are to stand."""
    if piece.constants or piece.groups is not None:
        return False
    sizes = [rows for rows in piece.group_rows if rows]
    if len(sizes) > 1 and min(sizes) < style.small_rows:
        return False
    if style.compression is None:
        return True
    with Source.open(piece.path) as source:
        return not _refused(source.footer, style)


def mould_of(footer: Footer, piece: Piece, schema: pa.Schema, style: Style) -> Mould | None:
    """Return what a new file takes after that begins with a file, None if it cannot after that one.

    Args:
        footer: The file's footer.
        piece: What is taken of it.
        schema: The columns of the new file.
        style: How files are joined.
    """
    for decimals in (True, False):
        options = options_for(schema, style, decimals_as_integers=decimals)
        sample = _encoded(pa.Table.from_batches([], schema), options).footer
        if piece.constants:
            own = {column.name for column in footer.columns}.difference(piece.constants)
            if not find_differences(sample, footer, own):
                return Mould(sample, decimals, style)
        elif not find_differences(footer, sample):
            return Mould(footer, decimals, style)
    return None


def _refused(footer: Footer, style: Style) -> set[int | None]:
    """Return the row groups whose bytes are not copied; None stands for the whole file."""
    refused = {refusal.row_group for refusal in find_refusals(footer)}
    if style.compression is None:
        return refused
    wanted = CODECS.get(style.compression)
    for number, group in enumerate(footer.row_groups):
        if any(
            chunk.metadata.integer(ColumnMetaData.CODEC) != wanted and chunk.size > _TINY_BYTES
            for chunk in group.chunks
        ):
            refused.add(number)
    return refused


def options_for(
    schema: pa.Schema, style: Style, *, decimals_as_integers: bool = True
) -> WriterOptions:
    """Return how rows are encoded in a style."""
    return writer_options(
        schema,
        compression=style.compression or "zstd",
        sorting=[
            (name, "descending" if down else "ascending")
            for name, down, _ in style.sorting
            if name in schema.names
        ],
        decimals_as_integers=decimals_as_integers,
    )


def _encoded(table: pa.Table, options: WriterOptions) -> Source:
    content = encode_rows([table], table.schema, options)
    return Source.from_buffer(content, "rows that were just encoded")
