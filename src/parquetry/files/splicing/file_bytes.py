"""The bytes of a file, or of what lies in memory as one would."""

from __future__ import annotations

import os
from typing import Self

from parquetry.errors import CorruptionError, NotFoundError, StorageError
from parquetry.files.closing import Closing
from parquetry.storage.whole_files import read_at


class FileBytes(Closing):
    """Any bytes of an opened file.

    Threads may share it: nobody moves a position.

    Args:
        name: What messages call the file.
        data: The file's bytes, if it lies in memory.
        descriptor: The opened file otherwise.
    """

    TAIL_BYTES = 64 << 10
    """The footer of a small file, and mostly its page index, come in one read."""

    def __init__(
        self, name: str, *, data: bytes | memoryview | None = None, descriptor: int | None = None
    ) -> None:
        self.name = name
        self.descriptor = descriptor
        self._data = None if data is None else memoryview(data)
        self._tail: tuple[int, bytes] | None = None
        self.size = self._find_size()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return the file at `path`, opened.

        Raises:
            NotFoundError: If there is none.
            StorageError: If it cannot be read.
        """
        name = os.fspath(path)
        descriptor = open_descriptor(name)
        try:
            return cls(name, descriptor=descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def read(self, offset: int, length: int) -> bytes:
        """Return so and so many bytes from an offset.

        Raises:
            CorruptionError: If the file does not have them.
            StorageError: If the disk refuses.
        """
        if self._data is not None:
            found = bytes(self._data[offset : offset + length])
        else:
            found = self._read_file(offset, length)
        if len(found) != length:
            raise _too_short(self.name, offset, length)
        return found

    def view(self, offset: int, length: int) -> memoryview | None:
        """Return bytes without copying them, if the file lies in memory."""
        return None if self._data is None else self._data[offset : offset + length]

    def close(self) -> None:
        """Let the file go."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _find_size(self) -> int:
        if self._data is not None:
            return len(self._data)
        try:
            return os.fstat(self._opened()).st_size
        except OSError as error:
            raise _unreadable(error, self.name) from error

    def _opened(self) -> int:
        if self.descriptor is None:
            raise StorageError(f"{self.name} is closed already.", path=self.name)
        return self.descriptor

    def _read_file(self, offset: int, length: int) -> bytes:
        if self._tail is None:
            start = max(0, self.size - self.TAIL_BYTES)
            self._tail = (start, self.read_disk(start, self.size - start))
        start, tail = self._tail
        if offset >= start:
            return tail[offset - start : offset - start + length]
        return self.read_disk(offset, length)

    def read_disk(self, offset: int, length: int) -> bytes:
        """Return the bytes, however many calls the system wants to give them in."""
        parts: list[bytes] = []
        while length > 0:
            try:
                part = read_at(self._opened(), length, offset)
            except OSError as error:
                raise _unreadable(error, self.name) from error
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return b"".join(parts)


def open_descriptor(name: str) -> int:
    """Return the descriptor of a file, opened for reading.

    Raises:
        NotFoundError: If there is none.
        StorageError: If it cannot be read.
    """
    try:
        return os.open(name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise NotFoundError(f"Could not open {name}: it does not exist.", path=name) from error
    except OSError as error:
        raise _unreadable(error, name) from error


def _unreadable(error: OSError, name: str) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(f"Could not read {name}: {reason}.", path=name, errno=error.errno)


def _too_short(name: str, offset: int, length: int) -> CorruptionError:
    return CorruptionError(
        f"{name} should hold {length} bytes from {offset} on, and ends before. It was cut off, or "
        f"changed while it was read. Nothing was changed; compare it with its origin or a backup.",
        path=name,
    )
