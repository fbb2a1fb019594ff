"""Walking a Hive tree: only the folders that can matter, and none twice that has not changed.

A folder's content is remembered with its `mtime`; the next walk asks the system for that one number
instead of reading the names again. A folder that changed within the last moments before it was read
is never believed: two changes can share a time stamp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from parquetry.errors import LayoutError, NotFoundError
from parquetry.model.hive import decode_segment
from parquetry.storage.time_stamps import is_told_by_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.model.partitions import PartitionFilter
    from parquetry.storage.protocol import Storage


def is_data_file(name: str) -> bool:
    """Return whether a file of this name is data: `*.parquet`, not hidden, not underscored."""
    return name.endswith(".parquet") and name[0] not in "._"


class Folder(NamedTuple):
    """One folder of a dataset as it was read: its data files and the folders below it.

    Args:
        path: Absolute path.
        keys: The partition keys on the way here from the dataset's root.
        files: Absolute paths of the data files, sorted.
        children: The names of the folders below, by key and by text (two names can mean one text).
        strays: The names of the folders below that are no `key=value`.
        mtime_ns: The folder's time stamp before it was read.
        trusted: Whether the time stamp can tell a later change.
        links: Those of the files that are symbolic links.
    """

    path: str
    keys: tuple[str, ...]
    files: tuple[str, ...]
    children: dict[str, dict[str | None, list[str]]]
    strays: tuple[str, ...]
    mtime_ns: int
    trusted: bool
    links: tuple[str, ...] = ()


class Tree:
    """The folders of one dataset, read when needed and remembered.

    **Cost:** a first walk is one `scandir` a folder; a later one is one `stat` a folder. With a filter
    on partition keys only the folders that it admits are touched. About 300 bytes a folder and 100 a
    file are kept.
    """

    def __init__(self, root: str, storage: Storage) -> None:
        self.root = root
        self._storage = storage
        self._known: dict[str, Folder] = {}

    def folders(self, where: PartitionFilter | None = None) -> list[Folder]:
        """Return the folders that hold data files and that the filter admits, as they are now.

        Raises:
            LayoutError: Files stand at different depths or under different keys.
            NotFoundError: The dataset's folder does not exist.
        """
        found = list(self._walk(self.root, (), where))
        if found:
            self._check_uniform(found)
        return found

    def files(self, where: PartitionFilter | None = None) -> list[str]:
        """Return the absolute paths of the data files that the filter admits, as they are now."""
        return [path for folder in self.folders(where) for path in folder.files]

    def first(self) -> Folder | None:
        """Return some folder that holds data files, or None; the walk ends where one is found."""
        return next(self._walk(self.root, (), None), None)

    def _walk(
        self, path: str, keys: tuple[str, ...], where: PartitionFilter | None
    ) -> Iterator[Folder]:
        try:
            folder = self._read(path, keys)
        except NotFoundError:
            self._known.pop(path, None)
            if path == self.root:
                raise
            return  # removed between its parent's listing and now
        if folder.files:
            yield folder
        for key, by_text in folder.children.items():
            for name in _admitted(key, by_text, where):
                yield from self._walk(f"{path}/{name}", (*keys, key), where)
        for name in folder.strays:
            self._refuse_data_in(f"{path}/{name}", keys)

    def _read(self, path: str, keys: tuple[str, ...]) -> Folder:
        mtime_ns = self._storage.stat(path).mtime_ns
        known = self._known.get(path)
        if known is not None and known.mtime_ns == mtime_ns and known.trusted:
            return known
        files: list[str] = []
        links: list[str] = []
        strays: list[str] = []
        children: dict[str, dict[str | None, list[str]]] = {}
        for name, kind in sorted(self._storage.list_folder(path)):
            if kind != "folder":
                if kind != "other" and is_data_file(name):
                    files.append(f"{path}/{name}")
                    if kind == "link":
                        links.append(files[-1])
            elif name[0] not in "._":
                segment = decode_segment(name)
                if segment is None or segment.key in keys:
                    strays.append(name)
                else:
                    children.setdefault(segment.key, {}).setdefault(segment.text, []).append(name)
        trusted = is_told_by_time(mtime_ns)
        folder = Folder(
            path,
            keys,
            tuple(sorted(files)),
            children,
            tuple(strays),
            mtime_ns,
            trusted,
            tuple(links),
        )
        self._known[path] = folder
        return folder

    def _refuse_data_in(self, path: str, keys: tuple[str, ...]) -> None:
        """A folder whose place in the partitioning is unclear is no matter unless it holds data."""
        for folder in self._walk(path, (*keys, ""), None):
            raise LayoutError(
                f"{folder.files[0]} stands in {path}, which is not of the form key=value or repeats "
                "a key, so the partition of this file is ambiguous. Nothing was read. Move the file "
                "out of the dataset, or rename the folder."
            )

    def _check_uniform(self, found: list[Folder]) -> None:
        first = found[0]
        for folder in found:
            if folder.keys != first.keys:
                raise LayoutError(
                    f"The dataset {self.root} is partitioned in two ways: {first.files[0]} stands "
                    f"under the keys {list(first.keys)}, {folder.files[0]} under {list(folder.keys)}. "
                    "Nothing was read. Move one of them, or repartition the folder."
                )


def _admitted(
    key: str, by_text: dict[str | None, list[str]], where: PartitionFilter | None
) -> Iterator[str]:
    """Yield the names of the folders that can matter, by a lookup where the filter allows one."""
    if where is None:
        for names in by_text.values():
            yield from names
        return
    exact = where.exact.get(key)
    for text in by_text if exact is None else sorted(exact, key=str):
        if text in by_text and where.admits(key, text):
            yield from by_text[text]
