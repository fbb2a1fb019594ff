"""Bytes from a source to a sink, by the kernel where it can."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING, Protocol

from parquetry.errors import CorruptionError, StorageError

if TYPE_CHECKING:
    from parquetry.files.splicing.file_bytes import FileBytes

PIECE_BYTES = 1 << 20
"""How much is held in memory where the kernel cannot copy by itself; measured as fast as 8 MB."""

_NOT_HERE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM}


class Sink(Protocol):
    """A file being written, from its beginning.

    The bytes of a plain file of `open` may come to it past `write`, by the kernel. Any other object
    gets every byte through `write`, so that it can count or digest them.
    """

    def write(self, data: bytes | memoryview, /) -> int | None:
        """Take bytes, and say how many."""


def copy_bytes(source: FileBytes, offset: int, length: int, sink: Sink) -> None:
    """Copy bytes of a source to where the sink stands.

    **Cost**: one system call where source and sink are plain files, else `PIECE_BYTES` of memory.

    Raises:
        CorruptionError: If the source ends before.
        StorageError: If the disk refuses.
    """
    done = _copy_in_kernel(source, offset, length, sink)
    while done < length:
        piece = min(PIECE_BYTES, length - done)
        view = source.view(offset + done, piece)
        write_all(sink, source.read(offset + done, piece) if view is None else view)
        done += piece


def write_all(sink: Sink, data: bytes | memoryview) -> None:
    """Write all of the bytes, however few the sink takes at once.

    Raises:
        StorageError: If the disk refuses.
    """
    left = memoryview(data)
    try:
        while left:
            taken = sink.write(left)
            left = left[len(left) if taken is None else taken :]
    except StorageError:
        raise
    except OSError as error:
        raise _unwritable(error) from error


def _copy_in_kernel(source: FileBytes, offset: int, length: int, sink: Sink) -> int:
    """Return how many bytes the kernel has copied; it may refuse the first, and then copies none.

    On ordinary disks it is no faster than doing it here, but it needs no memory, and file systems
    that share extents or copy on the server (XFS, Btrfs, NFS) then move no bytes at all.
    """
    target = _plain_file(sink)
    if source.descriptor is None or target is None:
        return 0
    done = 0
    while done < length:
        try:
            copied = os.copy_file_range(
                source.descriptor, target, length - done, offset_src=offset + done
            )
        except OSError as error:
            if not done and error.errno in _NOT_HERE:
                return 0
            raise _unwritable(error) from error
        if not copied:
            raise CorruptionError(
                f"{source.name} should hold {length} bytes from {offset} on, and ends before. "
                f"It was changed while it was read. Nothing was changed; run it again.",
                path=source.name,
            )
        done += copied
    return done


def _plain_file(sink: Sink) -> int | None:
    """Return the descriptor of a file of `open`, with nothing of it left in its buffer.

    Only of exactly that: a wrapper that forwards `fileno` (gzip, a digest) must see every byte.
    """
    if not hasattr(os, "copy_file_range"):
        return None
    if type(sink) is io.BufferedWriter and type(sink.raw) is io.FileIO:
        try:
            sink.flush()
        except OSError as error:
            raise _unwritable(error) from error
        return sink.fileno()
    return sink.fileno() if type(sink) is io.FileIO else None


def _unwritable(error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(
        f"Could not write the new Parquet file: {reason}. It is unfinished and may be removed; "
        f"nothing else was changed.",
        errno=error.errno,
    )
