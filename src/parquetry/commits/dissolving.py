"""Taking an old tree apart: what is known goes, what came to it unseen is carried into the live one."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.many import for_each
from parquetry.errors import AlreadyExistsError, NotFoundError
from parquetry.storage.folders import find_stat, make_folders, remove_if_empty, unlink_if

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.storage.protocol import Storage

_MANY_FOLDERS = 128  # of fewer most are gone before other threads have begun
_THREADS = 4  # to remove a folder is to wait, where a disk discards at once what becomes free
_ATTEMPTS = 100  # of taking an old tree apart while others still add files to it


@dataclass(frozen=True)
class OldTree:
    """A folder of a dataset as it was before a commit, standing aside.

    Args:
        storage: The disk.
        root: Where it stands.
        live: The folder that took its place.
        retired: The files that the commit has retired and kept, by their paths below the folder: their
            inodes.
    """

    storage: Storage
    root: str
    live: str
    retired: Mapping[str, int]

    def dissolve(self) -> bool:
        """Remove it with what is known; False if files keep coming to it.

        A folder goes only once it is empty: one that will not go holds a straggler, whose path was
        resolved before the exchange.
        """
        by_folder: dict[str, list[str]] = {}
        for path in self.retired:
            by_folder.setdefault(posixpath.dirname(path), []).append(path)
        for_each(self._let_retired_go, list(by_folder.values()), _MANY_FOLDERS, _THREADS)
        return any(self._remove("") for _ in range(_ATTEMPTS))

    def _let_retired_go(self, paths: Sequence[str]) -> None:
        """Remove the retired files of one folder, and the folder if that was all that it held."""
        gone = [
            unlink_if(self.storage, f"{self.root}/{path}", self.retired[path]) for path in paths
        ]
        if any(gone):
            folder = posixpath.dirname(f"{self.root}/{paths[0]}")
            remove_if_empty(self.storage, folder, is_listed=True)

    def _remove(self, below: str) -> bool:
        """Empty one folder and remove it; False if something has come to it meanwhile."""
        folder = posixpath.join(self.root, below) if below else self.root
        try:
            entries = self.storage.list_folder(folder)
        except NotFoundError:
            return True
        inner: list[str] = []
        for name, kind in entries:
            path = posixpath.join(below, name)
            if kind == "folder":
                inner.append(path)
            else:
                self._let_go(path, kind)
        are_gone = [self._remove(path) for path in inner]
        return all(are_gone) and remove_if_empty(self.storage, folder, is_listed=True)

    def _let_go(self, path: str, kind: str) -> None:
        old = f"{self.root}/{path}"
        facts = find_stat(self.storage, old)
        if facts is None:
            return
        if kind == "link" or self._is_known(path, facts.inode):
            self.storage.unlink(old)
        else:
            self._carry_over(old, f"{self.live}/{path}")

    def _is_known(self, path: str, inode: int) -> bool:
        """Whether a file was retired, or stands in the live folder as well."""
        if self.retired.get(path) == inode:
            return True
        now = find_stat(self.storage, f"{self.live}/{path}")
        return now is not None and now.inode == inode

    def _carry_over(self, old: str, live: str) -> None:
        """Move a straggler into the live folder, durably."""
        folder = posixpath.dirname(live)
        made = make_folders(self.storage, folder)
        try:
            self.storage.link(old, live)
        except AlreadyExistsError:
            stem = live.removesuffix(".parquet")
            self.storage.link(old, f"{stem}-{uuid.uuid4().hex[:8]}.parquet")
        self.storage.sync_all([folder, *map(posixpath.dirname, made)])
        self.storage.unlink(old)
