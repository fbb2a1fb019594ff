"""A dataset as it was, or as it was pinned: read like any other, from files that stand elsewhere."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from parquetry.access.source import Source
from parquetry.model.hive import split_path
from parquetry.storage.listing import Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.access.conditions import Demand
    from parquetry.commits.home import Home
    from parquetry.commits.kept_schema import KeptSchema
    from parquetry.model.partitions import PartitionFilter
    from parquetry.storage.protocol import Storage


class PastSource(Source):
    """Fixed files, each with the place that it had in the dataset.

    Args:
        home: The dataset.
        storage: The disk.
        places: For each file its path relative to the dataset, and the absolute path where it is.
    """

    is_present = False

    def __init__(self, home: Home, storage: Storage, places: Iterable[tuple[str, str]]) -> None:
        super().__init__(home, storage)
        self._places = tuple(places)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.home, self.storage, self._places)

    def files(self, where: PartitionFilter | None = None) -> list[str]:
        """Return the absolute paths of the files; a filter only ever saves work, so none is used."""
        del where
        return [path for _, path in self._places]

    def _folders(
        self, kept: KeptSchema | None, references: Sequence[Sequence[Demand]] | None
    ) -> tuple[list[Folder], bool]:
        del kept, references
        return _folders(self.home.root, self._places), True

    def _find_sample(self, kept: KeptSchema | None) -> Folder | None:
        del kept
        return next(iter(_folders(self.home.root, self._places)), None)


def _folders(root: str, places: Iterable[tuple[str, str]]) -> list[Folder]:
    grouped: dict[str, list[str]] = {}
    for relative, path in places:
        grouped.setdefault(posixpath.dirname(relative), []).append(path)
    folders = []
    for relative, files in grouped.items():
        segments, _ = split_path(f"{relative}/-" if relative else "-")
        keys = tuple(segment.key for segment in segments)
        path = f"{root}/{relative}".rstrip("/")
        folders.append(Folder(path, keys, tuple(files), {}, (), 0, trusted=False))
    return folders
