"""The next state of a whole dataset while its files are written: each stands at once where it will."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.errors import AlreadyExistsError
from parquetry.model.changes import ancestors
from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.storage.protocol import Storage


class GrowingTree:
    """For changes that replace all files: what is written into it need not be moved when it is done.

    If the commit finds that another folder is to be exchanged, the files are moved like any others.
    Several threads may make folders at once; what stands in the tree is nobody's before the commit.

    Args:
        home: The dataset.
        storage: The disk.
        staging: Where it grows, once this is said there as `grown`.
        live: Folders of the dataset that are there now, relative; of those that will be there again
            mode and owner are kept.
    """

    def __init__(
        self, home: Home, storage: Storage, staging: Staging, live: Iterable[str] = ()
    ) -> None:
        self.root = staging.new_tree()
        self.folders = {""}
        self._live_root, self._storage = home.root, storage
        there = set(live)
        self._live = {"", *there, *ancestors(there)}
        storage.make_folder(self.root, like=self._like(""))

    def place(self, folder: str) -> str:
        """Return the absolute path of a folder of the tree; it is made if it is not there."""
        path = f"{self.root}/{folder}" if folder else self.root
        if folder not in self.folders:
            self.place(folder.rpartition("/")[0])
            with suppress(AlreadyExistsError):  # by another thread
                self._storage.make_folder(path, like=self._like(folder))
            self.folders.add(folder)
        return path

    def _like(self, folder: str) -> str | None:
        live = f"{self._live_root}/{folder}" if folder else self._live_root
        return live if folder in self._live and find_stat(self._storage, live) else None
