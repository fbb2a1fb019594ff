"""A Parquet file, or one that lies in memory, opened for copying from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.splicing.footer import Footer, read_footer

if TYPE_CHECKING:
    from typing import Self


class Source(FileBytes):
    """An opened Parquet file: its footer, and any of its bytes.

    Args:
        name: What messages call the file.
        data: The file's bytes, if it lies in memory.
        descriptor: The opened file otherwise.

    Raises:
        RequestError: If its footer is encrypted.
        CorruptionError: If it is no Parquet file.
    """

    def __init__(
        self, name: str, *, data: bytes | memoryview | None = None, descriptor: int | None = None
    ) -> None:
        super().__init__(name, data=data, descriptor=descriptor)
        self.footer: Footer = read_footer(self.read, self.size, name)

    @classmethod
    def from_buffer(cls, data: bytes | memoryview, name: str = "a buffer") -> Self:
        """Return a Parquet file that lies in memory, such as one that was just encoded."""
        return cls(name, data=data)
