"""Pages held against the checksums that were written with them, for decoders that do not look."""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import TYPE_CHECKING

from parquetry.errors import CorruptionError
from parquetry.files.splicing.fields import PageHeader
from parquetry.files.splicing.footer import Footer, read_footer
from parquetry.files.splicing.thrift import read_struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.files.splicing.file_bytes import FileBytes


class CheckedPages:
    """The pages of a file.

    Args:
        file: The file.
    """

    def __init__(self, file: FileBytes) -> None:
        self._file = file

    @cached_property
    def _footer(self) -> Footer:
        return read_footer(self._file.read, self._file.size, self._file.name)

    def hold(self, names: Iterable[str], groups: Sequence[int] | None = None) -> None:
        """Hold the pages of some columns against their checksums, where they have some.

        **Cost:** the pages are read, a column chunk at a time.

        Args:
            names: The columns.
            groups: The numbers of the row groups; without them all.

        Raises:
            CorruptionError: A page is not the one that was written, or the footer cannot be read.
        """
        wanted = set(names)
        footer = self._footer
        leaves = [
            column.first_leaf + number
            for column in footer.columns
            if column.name in wanted
            for number in range(len(column.leaves))
        ]
        for number in range(len(footer.row_groups)) if groups is None else groups:
            for leaf in leaves:
                chunk = footer.row_groups[number].chunks[leaf]
                _hold_chunk(self._file.name, self._file.read(chunk.start, chunk.size))


def _hold_chunk(name: str, data: bytes) -> None:
    """Hold pages that stand behind each other; what makes no sense is told by whoever decodes it."""
    view = memoryview(data)
    at = 0
    while at < len(data):
        try:
            header, at = read_struct(data, at)
        except CorruptionError:
            return
        size, told = header.integer(PageHeader.COMPRESSED_PAGE_SIZE), header.integer(PageHeader.CRC)
        if size is None or not 0 <= size <= len(data) - at:
            return
        if told is not None and zlib.crc32(view[at : at + size]) != told % (1 << 32):
            raise spoiled(name)
        at += size


def spoiled(name: str) -> CorruptionError:
    """Return the error for a file of which a page is not the one that was written."""
    return CorruptionError(
        f"{name} cannot be decoded: a page has another checksum than was written with it. "
        "Nothing was changed. Restore the file from a backup, or move it out of the dataset.",
        path=name,
    )
