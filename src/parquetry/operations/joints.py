"""Staging files that are joined of others."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from parquetry.errors import ConflictError, StorageError
from parquetry.model.changes import NewFile
from parquetry.operations.joining import join
from parquetry.operations.moulds import is_whole
from parquetry.operations.parts import Piece

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
        """Write the file."""
        expected = sum(part.rows for part in self.parts)
        if not self._link(storage, style):
            with storage.create(self.source) as sink:
                rows = join(self.parts, sink, style)
            if rows != expected:
                raise ConflictError(
                    f"{rows:,} rows came for {self.folder or 'the root'}, and {expected:,} were "
                    "planned: somebody has changed a file. Nothing was changed; plan again and retry.",
                    path=self.source,
                )
        path = posixpath.join(self.folder, staging.final_name(self.source))
        return NewFile(path, self.source, expected, storage.stat(self.source).size)

    def _link(self, storage: Storage, style: Style) -> bool:
        """Give a file that becomes a new one as it is a second name, where the disk can do that."""
        part = self.parts[0]
        if len(self.parts) > 1 or not isinstance(part, Piece) or not is_whole(part, style):
            return False
        with suppress(StorageError):  # another file system, or one that has no links
            storage.link(part.path, self.source)
            return True
        return False
