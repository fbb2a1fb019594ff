"""A file of which the end is at hand, and which is open only while more of it is read."""

from __future__ import annotations

from typing import Self

from parquetry.files.splicing.file_bytes import FileBytes, open_descriptor


class GlimpsedFile(FileBytes):
    """A file among so many that they cannot all be open; make it by `of`.

    It is opened again as soon as other bytes than those of its end are asked for. `close` lets these go
    as well, until they are asked for anew.
    """

    TAIL_BYTES = 16 << 10

    @classmethod
    def of(cls, path: str) -> Self:
        """Return a file with its end read.

        Raises:
            NotFoundError: If there is none.
            StorageError: If it cannot be read.
        """
        file = cls.open(path)
        try:
            file.read(file.size, 0)
        finally:
            super(GlimpsedFile, file).close()
        return file

    def close(self) -> None:
        """Hold nothing of the file."""
        super().close()
        self._tail = None

    def _opened(self) -> int:
        if self.descriptor is None:
            self.descriptor = open_descriptor(self.name)
        return self.descriptor
