"""Staging files that are joined of others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from parquetry.commits.staged_files import write_staged
from parquetry.errors import ConflictError, StorageError
from parquetry.files.encoding import ROW_GROUP_ROWS, encode_rows
from parquetry.files.few_rows import FEW_ROWS, default_codec, encode_few
from parquetry.model.changes import NewFile
from parquetry.operations.joined_output import sort_rows
from parquetry.operations.joining import gathered, join
from parquetry.operations.moulds import is_whole, options_for
from parquetry.operations.parts import Loose, Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

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
        path = self.path(staging)
        content = self._encode(expected, style)
        if content is not None:
            return write_staged(storage, staging, path, self.source, expected, content)
        if not self._link(storage, style):
            with storage.create(self.source) as sink:
                self.check(join(self.parts, sink, style), expected)
        return NewFile(path, self.source, expected, storage.stat(self.source).size)

    def _encode(self, expected: int, style: Style) -> bytes | memoryview | None:
        """Return the file in memory, if its rows make one row group and no bytes are copied for it."""
        if not 0 < expected <= ROW_GROUP_ROWS or self._copies(style):
            return None
        table = gathered(self.parts, style)
        self.check(table.num_rows, expected)
        if style.sorting:
            table = sort_rows(table, style.sorting)
        else:
            loose = [part for part in self.parts if isinstance(part, Loose)]
            if expected <= FEW_ROWS and len(loose) == len(self.parts):
                return memoryview(_encode_loose(table, loose, style))
        return encode_rows([table], table.schema, options_for(table.schema, style))

    def _copies(self, style: Style) -> bool:
        """Whether a part may be linked, or has row groups that are copied as bytes."""
        pieces = [part for part in self.parts if isinstance(part, Piece)]
        if len(self.parts) == 1:
            return bool(pieces)
        return any(not piece.is_below(style.small_rows) for piece in pieces)

    def path(self, staging: Staging) -> str:
        """Return where the file will stand in the dataset."""
        name = staging.final_name(self.source)
        return f"{self.folder}/{name}" if self.folder else name

    def check(self, rows: int, expected: int) -> None:
        """Raise `ConflictError` if it has not the rows that were planned."""
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


def _encode_loose(table: pa.Table, parts: Sequence[Loose], style: Style) -> pa.Buffer:
    """Return a few rows as a file, by what their parts say of them."""
    if len(parts) == 1:
        nans, shared, held = parts[0].nans, parts[0].schema, parts[0].decoded_bytes
    else:
        nans = tuple(sorted({name for part in parts for name in part.nans}))
        shared = held = None
    codec = style.compression or default_codec(table, held)
    return encode_few(table, codec, style.constant, nans, shared)
