"""Staging files that are joined of others."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from parquetry.model.changes import NewFile
from parquetry.operations.joining import join

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
        with storage.create(self.source) as sink:
            rows = join(self.parts, sink, style)
        path = posixpath.join(self.folder, staging.final_name(self.source))
        return NewFile(path, self.source, rows, storage.stat(self.source).size)
