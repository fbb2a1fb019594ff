"""Staging files that are joined of others."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from parquetry.errors import ConflictError, StorageError
from parquetry.files.few_rows import FEW_ROWS, encode_few
from parquetry.model.changes import NewFile, new_file
from parquetry.operations.joined_output import fitted
from parquetry.operations.joining import common_schema, join
from parquetry.operations.moulds import is_whole
from parquetry.operations.parts import Loose, Piece
from parquetry.storage.folders import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.staging import Staging
    from parquetry.operations.moulds import Style
    from parquetry.operations.parts import Part
    from parquetry.storage.protocol import Storage


class Joint(NamedTuple):
    """A file to be: the folder that it is for, what it is made of, and where it is staged."""

    folder: str
    parts: Sequence[Part]
    source: str

    def stage(self, storage: Storage, staging: Staging, style: Style) -> NewFile:
        """Write the file, or give it a second name if it can stay as it is.

        Raises:
            ConflictError: Its parts have not the rows that were planned.
        """
        expected = sum(part.rows for part in self.parts)
        path = posixpath.join(self.folder, staging.final_name(self.source))
        is_loose = all(isinstance(part, Loose) for part in self.parts)
        if is_loose and expected <= FEW_ROWS and not style.sorting:
            content = self._encode(style)
            write_file(storage, self.source, content)
            return new_file(path, self.source, expected, content)
        if not self._link(storage, style):
            with storage.create(self.source) as sink:
                self._check(join(self.parts, sink, style), expected)
        return NewFile(path, self.source, expected, storage.stat(self.source).size)

    def _encode(self, style: Style) -> memoryview:
        """Return a few rows that are decoded already as a file in memory."""
        tables = [table for part in self.parts for table in part.load()]
        table = tables[0]
        if len(tables) > 1:
            schema = common_schema([part.schema for part in self.parts])
            table = pa.concat_tables([fitted(one, schema) for one in tables])
        nans = {name for part in self.parts if isinstance(part, Loose) for name in part.nans}
        codec = style.compression or "zstd"
        return memoryview(encode_few(table, codec, style.constant, tuple(sorted(nans))))

    def _check(self, rows: int, expected: int) -> None:
        if rows != expected:
            raise ConflictError(
                f"{rows:,} rows came for {self.folder or 'the root'}, and {expected:,} were planned: "
                "somebody has changed a file. Nothing was changed; plan again and retry.",
                path=self.source,
            )

    def _link(self, storage: Storage, style: Style) -> bool:
        """Give a file that becomes a new one as it is a second name, where the disk can do that."""
        part = self.parts[0]
        if len(self.parts) > 1 or not isinstance(part, Piece) or not is_whole(part, style):
            return False
        with suppress(StorageError):  # another file system, or one that has no links
            storage.link(part.path, self.source)
            return True
        return False
