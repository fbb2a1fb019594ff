"""Which columns a file has, told from a few bytes of its footer.

A footer begins with its format version and the schema, and keeps the Arrow schema at its end. Files of
one schema share these bytes, so PyArrow parses one footer for each distinct schema, and of every other
file only the bytes are compared: 6 µs a file instead of 40.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from parquetry.errors import LayoutError, ParquetryError
from parquetry.files.footers import gone, read_schema, read_stamped, unreadable
from parquetry.files.splicing.fields import FileMetaData, KeyValue
from parquetry.files.splicing.meaning import ARROW_SCHEMA
from parquetry.files.splicing.structs import BINARY, I32, LIST, Struct
from parquetry.files.splicing.thrift import decode_struct, decode_structs, encode_struct
from parquetry.model.schema import normal_schema
from parquetry.model.table_tag import TableTag
from parquetry.storage.time_stamps import is_told_by_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from parquetry.files.footers import KnownFooters

_ARROW = ARROW_SCHEMA.encode()


class Stamp(NamedTuple):
    """By what a file is known to be the one that was read before."""

    bytes: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Self:
        """Return the stamp of a file of which the system says this."""
        return cls(facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_dev)


@dataclass(frozen=True, eq=False, slots=True)
class FileSchema:
    """The columns of one or of many files.

    Args:
        columns: In normal form, in the order of the file.
        example: The path of one file that has them.
        tag: Of which table and version the files say that they are.
    """

    columns: pa.Schema
    example: str
    tag: TableTag | None = None
    _beginning: bytes = b""
    _arrow: bytes | None = None
    _end: bytes | None = None

    def is_of(self, footer: bytes) -> bool:
        """Return whether a footer says this schema, byte for byte."""
        if not self._beginning or not footer.startswith(self._beginning):
            return False
        if self._end is not None and footer.endswith(self._end):
            return True  # without a search; the same program says no more than that
        return (_ARROW not in footer) if self._arrow is None else self._arrow in footer


class Skimmer:
    """Tells the schemas of files: parses each distinct one once, and opens no file twice in vain.

    A file that was changed in place, under its name and in a folder that shows no change, is noticed
    by its size and time. **Cost:** one `stat` a file that is known, one read of the footer otherwise.
    """

    def __init__(self) -> None:
        self._schemas: tuple[FileSchema, ...] = ()
        self._files: dict[str, tuple[Stamp | None, FileSchema]] = {}

    def skim(
        self,
        paths: Sequence[str],
        stamps: list[Stamp] | None = None,
        footers: KnownFooters | None = None,
    ) -> list[FileSchema]:
        """Return the schema of each file; files of one schema give one object.

        Args:
            paths: The files.
            stamps: A list that gets the stamp of each file.
            footers: What keeps the footers of the files that had to be read.

        Raises:
            CorruptionError: A file is no Parquet file, or is cut off.
            LayoutError: A name cannot be passed to the engines, or two names are one file.
            NotFoundError: A file does not exist any more.
            StorageError: A file cannot be read.
        """
        found = []
        one_file = set()
        for path in paths:
            stamp, schema = self._files.get(path, (None, None))
            if stamp is None or schema is None or stamp != stamp_of(path):
                stamp, schema = self._read(path, footers)
            found.append(schema)
            one_file.add((stamp.inode, stamp.device))
            if stamps is not None:
                stamps.append(stamp)
        if len(one_file) != len(paths):
            _refuse_twins(paths)
        return found

    def forget_all_but(self, paths: Sequence[str]) -> None:
        """Keep nothing about files that are not among these."""
        if len(self._files) > len(paths):
            known = self._files
            self._files = {path: known[path] for path in paths if path in known}

    def _read(self, path: str, footers: KnownFooters | None) -> tuple[Stamp, FileSchema]:
        facts, footer = read_stamped(path)
        stamp = Stamp.of(facts)
        if footers is not None:
            footers.keep(path, footer)
        for schema in self._schemas:
            if schema.is_of(footer):
                break
        else:
            schema = _parse(path, footer)
            self._schemas = (*self._schemas, schema)
        self._files[path] = (stamp if is_told_by_time(stamp.mtime_ns) else None, schema)
        return stamp, schema


def stamp_of(path: str) -> Stamp:
    """Return by what a file is known to be unchanged; a link at its end is followed.

    Raises:
        NotFoundError: It does not exist any more.
        StorageError: It cannot be looked at.
    """
    try:
        facts = os.stat(path)
    except FileNotFoundError as error:
        raise gone(path) from error
    except OSError as error:
        raise unreadable(path, error) from error
    return Stamp.of(facts)


def _refuse_twins(paths: Sequence[str]) -> None:
    first: dict[tuple[int, int], str] = {}
    for path in paths:
        stamp = stamp_of(path)
        other = first.setdefault((stamp.inode, stamp.device), path)
        if other is not path:
            raise LayoutError(
                f"{other} and {path} are one file under two names, so its rows would count twice. "
                "Nothing was read. Remove one of the names, or make a copy of the file.",
                path=path,
            )


def _parse(path: str, footer: bytes) -> FileSchema:
    written = read_schema(path)
    columns, tag = normal_schema(written), TableTag.of_metadata(written.metadata)
    beginning, arrow = _fingerprint(footer)
    end = None if arrow is None else footer[footer.find(arrow) :]
    schema = FileSchema(columns, path, tag, beginning, arrow, end)
    return schema if schema.is_of(footer) else FileSchema(columns, path, tag)


def _fingerprint(footer: bytes) -> tuple[bytes, bytes | None]:
    """Return the bytes that footers of one schema share: up to the row count, and the Arrow schema."""
    try:
        struct = decode_struct(footer)
        values = decode_structs(struct.raw(FileMetaData.KEY_VALUE_METADATA) or b"\x0c")
    except ParquetryError:  # PyArrow could read it; then it is parsed each time
        return b"", None
    head = Struct()
    head[FileMetaData.VERSION] = (I32, struct.raw(FileMetaData.VERSION) or b"")
    head[FileMetaData.SCHEMA] = (LIST, struct.raw(FileMetaData.SCHEMA) or b"")
    beginning = encode_struct(head)[:-1] + b"\x16"  # and then comes field 3, the row count
    for pair in values:
        if pair.binary(KeyValue.KEY) == _ARROW:
            value = pair.raw(KeyValue.VALUE)
            arrow = None if value is None else _ARROW + bytes([1 << 4 | BINARY]) + value
            return beginning, arrow
    return beginning, None
