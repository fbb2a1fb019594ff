"""The footer of a Parquet file: what stands in it, by name, over the untouched Thrift struct."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from parquetry.errors import CorruptionError, ParquetryError, RequestError
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    FileMetaData,
    KeyValue,
    RowGroup,
)
from parquetry.files.splicing.schema import Column, parse_schema
from parquetry.files.splicing.structs import Shape, Struct
from parquetry.files.splicing.thrift import decode_struct, decode_structs, encode_struct

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC = b"PAR1"
ENCRYPTED_MAGIC = b"PARE"
MAX_FOOTER_BYTES = 256 << 20
"""A footer beyond this is not opened: Python would need gigabytes for it."""

TAIL_BYTES = 8  # the footer's length in four bytes, and the magic
SHAPE: Shape = {
    FileMetaData.ROW_GROUPS: {RowGroup.COLUMNS: {ColumnChunk.META_DATA: {}}},
    FileMetaData.KEY_VALUE_METADATA: {},
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column chunk.

    Args:
        struct: Its struct in the footer; nobody may change it.
        metadata: The struct of its metadata.
        start: Where its first page begins.
        size: How many bytes its pages take, headers included.
    """

    struct: Struct
    metadata: Struct
    start: int
    size: int

    @property
    def end(self) -> int:
        """Where its last page ends."""
        return self.start + self.size

    @classmethod
    def of(cls, struct: Struct) -> Chunk:
        """Return the chunk that a struct of the footer describes."""
        metadata = struct.struct(ColumnChunk.META_DATA) or Struct()
        data = metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET) or 0
        # Zero stands there in the footers of writers that mean "no dictionary".
        dictionary = metadata.integer(ColumnMetaData.DICTIONARY_PAGE_OFFSET) or data
        size = metadata.integer(ColumnMetaData.TOTAL_COMPRESSED_SIZE) or 0
        return cls(struct, metadata, min(data, dictionary), size)


@dataclass(frozen=True)
class Group:
    """One row group, in the order of its chunks."""

    struct: Struct
    rows: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Footer:
    """The footer of one file.

    Args:
        name: What messages call the file.
        struct: The footer's struct; nobody may change it.
        start: Where the footer begins: no page of the file reaches beyond.
    """

    name: str
    struct: Struct
    start: int

    @cached_property
    def row_groups(self) -> tuple[Group, ...]:
        """The row groups, in the order of the file."""
        return tuple(map(_group, self.struct.structs(FileMetaData.ROW_GROUPS)))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The top-level columns by their meaning."""
        try:
            return _columns(self.raw_schema)
        except CorruptionError as error:
            raise _corrupt(self.name, str(error)) from error

    @property
    def raw_schema(self) -> bytes:
        """The bytes of the schema's elements."""
        return self.struct.raw(FileMetaData.SCHEMA) or b""

    @property
    def rows(self) -> int:
        """The number of rows, by the row groups."""
        return sum(group.rows for group in self.row_groups)

    @property
    def created_by(self) -> str:
        """The program that wrote the file, empty if it did not say."""
        return self.struct.text(FileMetaData.CREATED_BY) or ""

    @cached_property
    def key_values(self) -> dict[str, str | None]:
        """The key-value metadata. Of a key that stands there twice, the first counts."""
        pairs: dict[str, str | None] = {}
        for entry in self.struct.structs(FileMetaData.KEY_VALUE_METADATA):
            pairs.setdefault(entry.text(KeyValue.KEY) or "", entry.text(KeyValue.VALUE))
        return pairs

    @cached_property
    def column_orders(self) -> tuple[bytes, ...]:
        """How each leaf's bounds are ordered; empty if the file does not say."""
        raw = self.struct.raw(FileMetaData.COLUMN_ORDERS)
        return _orders(raw) if raw else ()


def read_footer(read: Callable[[int, int], bytes], size: int, name: str) -> Footer:
    """Return the footer of a file.

    Args:
        read: Gives the bytes at an offset, so and so many.
        size: The size of the file in bytes.
        name: What messages call the file.

    Raises:
        RequestError: If the footer is encrypted, or too large to be opened here.
        CorruptionError: If the file is no Parquet file, or its footer contradicts itself.
    """
    start = find_footer(read, size, name)
    return parse_footer(read(start, size - TAIL_BYTES - start), start, name)


def find_footer(read: Callable[[int, int], bytes], size: int, name: str) -> int:
    """Return where the footer of a file begins; arguments and errors are those of `read_footer`."""
    tail = read(max(0, size - TAIL_BYTES), min(size, TAIL_BYTES))
    if tail[4:] == ENCRYPTED_MAGIC:
        raise RequestError(f"{name} is encrypted; it can be read only with its keys.", path=name)
    if size < len(MAGIC) + TAIL_BYTES or tail[4:] != MAGIC:
        raise _corrupt(name, f"its {size} bytes do not end as a Parquet file ends")
    length = int.from_bytes(tail[:4], "little")
    start = size - TAIL_BYTES - length
    if start < len(MAGIC):
        raise _corrupt(name, f"it claims a footer of {length} bytes, and has {size} in all")
    if length > MAX_FOOTER_BYTES:
        raise RequestError(f"The footer of {name} is too large ({length} bytes).", path=name)
    return start


def parse_footer(data: bytes, start: int, name: str) -> Footer:
    """Return the footer that these bytes hold, checked as far as everybody relies on it."""
    try:
        footer = Footer(name, decode_struct(data, SHAPE), start)
        leaves = sum(len(column.leaves) for column in footer.columns)
    except ParquetryError as error:
        raise _corrupt(name, str(error)) from error
    for index, group in enumerate(footer.row_groups):
        if len(group.chunks) != leaves:
            found = f"row group {index} has {len(group.chunks)} column chunks"
            raise _corrupt(name, f"{found}, and the schema has {leaves} leaves")
        if group.rows < 0:
            raise _corrupt(name, f"row group {index} claims {group.rows} rows")
    return footer


def seal(footer: Struct) -> bytes:
    """Return the bytes of a footer with what a file ends with: their length and the magic."""
    return sealed(encode_struct(footer))


def sealed(encoded: bytes) -> bytes:
    """Return what `seal` does, of a footer that is encoded already."""
    return encoded + len(encoded).to_bytes(TAIL_BYTES - len(MAGIC), "little") + MAGIC


def _group(struct: Struct) -> Group:
    chunks = tuple(map(Chunk.of, struct.structs(RowGroup.COLUMNS)))
    return Group(struct, struct.integer(RowGroup.NUM_ROWS) or 0, chunks)


@lru_cache(maxsize=64)  # the files of a dataset have one schema or few
def _columns(raw: bytes) -> tuple[Column, ...]:
    return parse_schema(decode_structs(raw))


@lru_cache(maxsize=64)
def _orders(raw: bytes) -> tuple[bytes, ...]:
    return tuple(map(_order, decode_structs(raw)))


def _order(struct: Struct) -> bytes:
    """Return which order is meant; an order has a name and no content."""
    return b",".join(b"%d" % number for number in struct)


def _corrupt(name: str, why: str) -> CorruptionError:
    return CorruptionError(
        f"{name} cannot be read as Parquet: {why.rstrip('.')}. "
        f"Nothing was changed; compare the file with its origin or a backup.",
        path=name,
    )
