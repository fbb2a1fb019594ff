"""What a Parquet file ends with: page indexes, footer, magic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.splicing.fields import FileMetaData, KeyValue, RowGroup
from parquetry.files.splicing.footer import seal
from parquetry.files.splicing.meaning import PANDAS
from parquetry.files.splicing.moving import number_groups, place_index
from parquetry.files.splicing.structs import I32, I64, LIST, Struct
from parquetry.files.splicing.thrift import encode_structs
from parquetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.files.splicing.footer import Footer
    from parquetry.files.splicing.moving import Placed

CREATED_BY = f"parquetry version {__version__}"
"""By this name our files say who wrote them."""


def encode_ending(
    reference: Footer,
    groups: Sequence[tuple[Struct, Sequence[Placed]]],
    at: int,
    format_version: int,
    key_values: Mapping[str, str | None],
) -> bytes:
    """Return all that comes behind the last row group.

    Args:
        reference: The footer whose schema, column orders and metadata the file gets.
        groups: The row groups with their chunks, as they were placed.
        at: Where the ending begins.
        format_version: The format's version to say.
        key_values: Metadata to put beside or over the reference's; None takes a key away.
    """
    indexes = _place_indexes([one for _, chunks in groups for one in chunks], at)
    for group, chunks in groups:
        group.put(RowGroup.COLUMNS, LIST, encode_structs([one.struct for one in chunks]))
    structs = [group for group, _ in groups]
    number_groups(structs)
    footer = begin_footer(reference, format_version, key_values)
    rows = sum(group.integer(RowGroup.NUM_ROWS) or 0 for group in structs)
    footer.put_integer(FileMetaData.NUM_ROWS, rows, I64)
    footer.put(FileMetaData.ROW_GROUPS, LIST, structs)
    return indexes + seal(footer)


def begin_footer(
    reference: Footer, format_version: int, key_values: Mapping[str, str | None]
) -> Struct:
    """Return a new footer that lacks its row groups and the number of rows; see `encode_ending`."""
    footer = Struct(reference.struct)
    footer.put_integer(FileMetaData.VERSION, format_version, I32)
    footer.put_text(FileMetaData.CREATED_BY, CREATED_BY)
    footer.drop(FileMetaData.ENCRYPTION_ALGORITHM, FileMetaData.FOOTER_SIGNING_KEY_METADATA)
    _put_key_values(footer, {**reference.key_values, **key_values})
    return footer


def _place_indexes(chunks: Sequence[Placed], at: int) -> bytes:
    """Return the page indexes, and tell every chunk where its own stand.

    All column indexes stand before all offset indexes, as the format suggests: a reader that wants
    the bounds of many chunks then fetches one range.
    """
    out: list[bytes] = []
    columns: dict[int, tuple[int, int]] = {}
    for number, chunk in enumerate(chunks):
        if chunk.index is not None and chunk.index.columns is not None:
            columns[number] = (at, len(chunk.index.columns))
            out.append(chunk.index.columns)
            at += len(out[-1])
    for number, chunk in enumerate(chunks):
        if chunk.index is not None:
            place_index(chunk.struct, (at, len(chunk.index.offsets)), columns.get(number))
            out.append(chunk.index.offsets)
            at += len(out[-1])
    return b"".join(out)


def _put_key_values(footer: Struct, key_values: Mapping[str, str | None]) -> None:
    entries: list[Struct] = []
    for key, value in key_values.items():
        if key == PANDAS or value is None:
            continue
        entry = Struct()
        entry.put_text(KeyValue.KEY, key)
        entry.put_text(KeyValue.VALUE, value)
        entries.append(entry)
    if entries:
        footer.put(FileMetaData.KEY_VALUE_METADATA, LIST, entries)
    else:
        footer.drop(FileMetaData.KEY_VALUE_METADATA)
