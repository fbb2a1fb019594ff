"""A file of which the end is at hand, and which is open only while more of it is read."""

from __future__ import annotations

from typing import Self

from parquetry.files.splicing.file_bytes import FileBytes


class GlimpsedFile(FileBytes):
    """A file among so many that they cannot all be open; make it by `of`."""

    TAIL_BYTES = 16 << 10

    @classmethod
    def of(cls, path: str) -> Self:
        """Return a file with its end read.

        Raises:
            NotFoundError: If there is none.
            StorageError: If it cannot be read.
        """
        with cls.open(path) as file:
            file.read(file.size, 0)
        return file

    def read_disk(self, offset: int, length: int) -> bytes:
        """Return bytes past what is at hand; the file is opened for them, unless it is open."""
        if self.descriptor is not None:
            return super().read_disk(offset, length)
        with FileBytes.open(self.name) as file:
            return file.read_disk(offset, length)
