"""New folders of a dataset: filled aside, and moved into it whole."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.commits.staging import new_draft
from parquetry.errors import AlreadyExistsError, NotFoundError, ParquetryError
from parquetry.storage.folders import find_stat, make_folders, remove_tree

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


class NewFolders:
    """The folders that a dataset lacks and that some new files will stand in.

    The topmost missing folder is made in staging with all that is to be in it, and becomes true by one
    rename. If somebody else makes it in the meantime, what is below is moved; files whose own folder
    was made by others are left, and are to be placed one by one.

    **Guarantees:** readers and crashes see each folder as it was filled or not at all, if what
    `unsynced` names was synced before `move`, and what that returns afterwards.

    **Cost:** one rename and one sync a new folder, however many files it holds.
    """

    def __init__(self, home: Home, storage: Storage) -> None:
        self._home, self._storage = home, storage
        self._aside: dict[
            str, str
        ] = {}  # new folders, relative to the dataset: where each is filled
        self._moved: set[str] = set()
        self._made: list[str] = []

    def stage(self, path: str) -> str | None:
        """Return where to write the file that will be at `path`, or None if its folder is there."""
        folder = posixpath.dirname(path)
        top = self._find_top(folder)
        if top is None:
            return None
        if top not in self._aside:
            aside = new_draft(self._home)
            self._storage.make_folder(aside)
            self._made.append(aside)
            self._aside[top] = aside
        aside = self._aside[top]
        self._made += make_folders(self._storage, aside + folder[len(top) :])
        return aside + path[len(top) :]

    @property
    def unsynced(self) -> list[str]:
        """The folders to sync before they are moved, besides the files in them; inner ones first."""
        return self._made[::-1]

    def move(self) -> list[str]:
        """Move the folders into the dataset; return the folders that are to be synced.

        Hold the dataset's lock: it may be shared with others who add.
        """
        if not self._aside:
            return []
        made = make_folders(self._storage, self._home.root)
        dirty = [posixpath.dirname(folder) for folder in made]
        for top, aside in self._aside.items():
            dirty += self._move(aside, top)
        return dirty

    def have_moved(self, path: str) -> bool:
        """Return whether the file that was staged for `path` has come there with its folder."""
        folder = posixpath.dirname(path)
        while folder and folder not in self._moved:
            folder = posixpath.dirname(folder)
        return bool(folder)

    def discard(self) -> None:
        """Remove what was not moved; what cannot be removed is swept later."""
        for top, aside in self._aside.items():
            if top not in self._moved:
                with suppress(ParquetryError):
                    remove_tree(self._storage, aside)

    def _find_top(self, folder: str) -> str | None:
        at = ""
        for name in folder.split("/") if folder else ():
            at = posixpath.join(at, name)
            if at in self._aside or find_stat(self._storage, f"{self._home.root}/{at}") is None:
                return at
        return None

    def _move(self, aside: str, folder: str) -> list[str]:
        target = f"{self._home.root}/{folder}"
        try:
            self._storage.move(aside, target)
        except NotFoundError:
            return []  # the folder above is gone; whoever places the files makes it again
        except AlreadyExistsError:
            below = [name for name, kind in self._storage.list_folder(aside) if kind == "folder"]
            return [
                path for name in below for path in self._move(f"{aside}/{name}", f"{folder}/{name}")
            ]
        self._moved.add(folder)
        return [posixpath.dirname(target)]
