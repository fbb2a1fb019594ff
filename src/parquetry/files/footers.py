"""Footers: what a Parquet file says of itself, read without its data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import (
    CorruptionError,
    LayoutError,
    NotFoundError,
    ParquetryError,
    StorageError,
)
from parquetry.model.wording import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyarrow.parquet import FileMetaData

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_TAIL_BYTES = 8
_BATCH_BYTES = 16 << 20  # of footers that are held at once
_FIRST_READ = 8192  # the whole footer of a small file in one call


def read_footer(path: str) -> FileMetaData:
    """Return a file's footer as PyArrow's `FileMetaData`.

    Raises:
        CorruptionError: The file is no Parquet file, is cut off or is encrypted.
        LayoutError: Its name cannot be passed to the engines.
        NotFoundError: It does not exist.
        StorageError: It cannot be read.
    """
    return _parsed(_read_end(path)[1], path)


def parse_footer(footer: bytes, path: str) -> FileMetaData:
    """Return what `footer_bytes` returned of a file as PyArrow's `FileMetaData`.

    Raises:
        CorruptionError: It is no footer.
    """
    return _parsed(footer + len(footer).to_bytes(4, "little") + _MAGIC, path)


def is_footer_of(footer: bytes, content: bytes) -> bool:
    """Return whether the bytes of a file end with what `footer_bytes` returned."""
    return content.endswith(footer, 0, len(content) - _TAIL_BYTES)


def count_rows(path: str) -> int:
    """Return the number of rows that a file's footer tells."""
    return int(read_footer(path).num_rows)


def read_schema(path: str) -> pa.Schema:
    """Return the Arrow schema of a file, as its writer declared it."""
    footer = read_footer(path)
    try:
        return footer.schema.to_arrow_schema()
    except pa.ArrowException as error:
        raise CorruptionError(
            f"{path} has a schema that cannot be understood: {first_line(error)}. It was left as it "
            "is. Move it out of the dataset.",
            path=path,
        ) from error


class KnownFooters:
    """Footers that were read a moment ago and will be asked for again, up to some megabytes of them."""

    def __init__(self) -> None:
        self._footers: dict[str, bytes] = {}
        self._bytes = 0

    def keep(self, path: str, footer: bytes) -> None:
        """Keep a footer, unless there are too many already."""
        if self._bytes < _BATCH_BYTES:
            self._footers[path] = footer
            self._bytes += len(footer)

    def take(self, path: str) -> bytes | None:
        """Return a footer and let it go."""
        return self._footers.pop(path, None)


def footer_batches(paths: Iterable[str], known: KnownFooters) -> Iterator[list[bytes]]:
    """Yield what `footer_bytes` returns of files, in their order, some megabytes at a time.

    Args:
        paths: The files.
        known: The footers of some of them, which are not read again.
    """
    batch: list[bytes] = []
    held = 0
    for path in paths:
        batch.append(known.take(path) or footer_bytes(path))
        held += len(batch[-1])
        if held >= _BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def footer_bytes(path: str) -> bytes:
    """Return a file's footer as it stands there, in Thrift's compact form.

    Raises:
        CorruptionError: The file is no Parquet file, is cut off or is encrypted.
        LayoutError: Its name cannot be passed to the engines.
        NotFoundError: It does not exist.
        StorageError: It cannot be read.
    """
    return read_stamped(path)[1]


def read_stamped(path: str) -> tuple[os.stat_result, bytes]:
    """Return the facts of a file, and its footer as `footer_bytes` does; both of the same file.

    Raises:
        CorruptionError: The file is no Parquet file, is cut off or is encrypted.
        LayoutError: Its name cannot be passed to the engines.
        NotFoundError: It does not exist.
        StorageError: It cannot be read.
    """
    facts, end = _read_end(path)
    return facts, end[:-_TAIL_BYTES]


def _parsed(end: bytes, path: str) -> FileMetaData:
    try:
        return pq.read_metadata(pa.BufferReader(end))
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _corrupt(path, first_line(error)) from error


def _read_end(path: str) -> tuple[os.stat_result, bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise gone(path) from error
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        facts = os.fstat(descriptor)
        size = facts.st_size
        start = max(0, size - _FIRST_READ)
        tail = _read(descriptor, size - start, start)
        length = _footer_length(path, size, tail)
        if length + _TAIL_BYTES > len(tail):
            tail = _read(descriptor, length + _TAIL_BYTES, size - length - _TAIL_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)
    return facts, tail[len(tail) - length - _TAIL_BYTES :]


def _read(descriptor: int, length: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


def _footer_length(path: str, size: int, tail: bytes) -> int:
    if not path.isascii():
        _check_name(path)
    if size == 0:
        raise _corrupt(path, "it is empty")
    if tail[-4:] == _ENCRYPTED:
        raise _corrupt(path, "its footer is encrypted")
    if tail[-4:] != _MAGIC or size < _TAIL_BYTES + len(_MAGIC):
        raise _corrupt(path, "it does not end as a Parquet file does; it may be cut off")
    length = int.from_bytes(tail[-_TAIL_BYTES:-4], "little")
    if length + _TAIL_BYTES + len(_MAGIC) > size:
        raise _corrupt(path, f"its footer should have {length} bytes, and the file has only {size}")
    return length


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise LayoutError(
            f"The file name {path!a} is not UTF-8, and no engine can open it. Nothing was read. "
            "Rename the file or folder.",
            path=path,
        ) from error


def gone(path: str) -> ParquetryError:
    """Return what to say of a file that is not there."""
    if os.path.islink(path):
        return CorruptionError(
            f"{path} is a link that leads nowhere. It was left as it is. Remove the link, or bring "
            "back the file that it points to.",
            path=path,
        )
    return NotFoundError(f"{path} does not exist any more.", path=path)


def unreadable(path: str, error: OSError) -> ParquetryError:
    """Return what to say of a file that the system does not let us read."""
    if isinstance(error, ParquetryError):
        return error
    advice = ""
    if isinstance(error, PermissionError):
        advice = " Check the owner and the permissions of the file."
    reason = error.strerror or str(error)
    return StorageError(f"Could not read {path}: {reason}.{advice}", path=path, errno=error.errno)


def _corrupt(path: str, why: str) -> CorruptionError:
    return CorruptionError(
        f"{path} is not a Parquet file that can be read: {why}. It was left as it is. Move it out of "
        "the dataset, or restore it from a backup.",
        path=path,
    )
