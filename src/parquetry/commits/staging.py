"""A folder of unfinished work: outside the dataset, owned by a living process, swept when it dies."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from parquetry.commits.owning import abandoned, owned_folder, remove_abandoned
from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.folders import find_stat, remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from parquetry.commits.growing import GrowingTree
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_NEW = "new-"
_PART = "part-"
_DRAFT = "draft-"
_DRAFT_LIVES_NS = 86_400_000_000_000


class Staging:
    """One staging folder, made when it is first needed. Files get names that no reader takes for data.

    Args:
        make: Makes the folder, and returns its absolute path.
    """

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make
        self._folder: str | None = None
        self._making = Lock()
        self.is_needed = False  # set while a commit record refers to this folder
        self.proved: set[str] = set()  # the staged files that `staged_files.prove` has looked at
        self.read_back: set[str] = set()  # those that `write_staged` has
        self.turn = Lock()  # of whoever makes many small files or folders, while others encode
        self.grown: GrowingTree | None = None  # set where all files of a dataset are replaced
        self._made = self._trees = 0

    @property
    def is_made(self) -> bool:
        """Whether there is a folder; a change that only takes files away needs none."""
        return self._folder is not None

    @property
    def folder(self) -> str:
        """The absolute path."""
        with self._making:
            if self._folder is None:
                self._folder = self._make()
            return self._folder

    @property
    def name(self) -> str:
        """A unique name; also the middle of the names of the files that come from here."""
        return self.folder.rpartition("/")[2]

    def new_path(self) -> str:
        """Return an absolute path for the next staged file."""
        self._made += 1
        return f"{self.folder}/{_NEW}{self._made}"

    def tag(self, staged: str) -> str:
        """Return what tells a staged file from every other file of this store, ever."""
        name = staged.rpartition("/")[2]
        if name.startswith(_PART):
            return name.removeprefix(_PART).removesuffix(".parquet")
        return f"{self.name}-{name.removeprefix(_NEW)}"

    def final_name(self, staged: str) -> str:
        """Return a file name for a staged file that no dataset has seen before."""
        name = staged.rpartition("/")[2]
        return name if name.startswith(_PART) else f"{_PART}{self.tag(staged)}.parquet"

    def placed(self, staged: str, folder: str) -> str:
        """Return where to write a file that is for a folder of the dataset.

        In a growing tree that is the folder itself, under the final name; otherwise it is `staged`.
        """
        if self.grown is None:
            return staged
        return f"{self.grown.place(folder)}/{self.final_name(staged)}"

    def new_tree(self) -> str:
        """Return an absolute path for the next state of a folder."""
        self._trees += 1
        return f"{self.folder}/tree{self._trees}"

    def relative(self, path: str) -> str:
        """Return a path in this folder as the log tells it."""
        return path.removeprefix(f"{self.folder}/")


@contextmanager
def open_staging(home: Home, storage: Storage) -> Iterator[Staging]:
    """Give a staging folder for one change, and remove it afterwards.

    The folder stays if a commit record still needs it, for the recovery; and if the process dies, until
    `sweep` finds that its owner is gone.
    """
    home.prepare(storage)
    with ExitStack() as held:
        staging = Staging(lambda: held.enter_context(owned_folder(storage, home.staging)))
        try:
            yield staging
        finally:
            if staging.is_made and not staging.is_needed:
                with suppress(StorageError, NotFoundError):  # what is left is swept later
                    remove_tree(storage, staging.folder)


def new_draft(home: Home) -> str:
    """Return an absolute path for one file or folder that is moved into place within moments.

    It needs no owner, which makes writing many small files cheaper; one that a crash left behind is
    swept when it is a day old.
    """
    return f"{home.staging}/{_DRAFT}{uuid.uuid4().hex}"


def sweep(home: Home, storage: Storage) -> None:
    """Remove what dead processes left in staging; call it with the dataset locked and recovered."""
    for folder in abandoned(storage, home.staging):
        remove_abandoned(storage, folder)
    for draft in old_drafts(home, storage):
        with suppress(NotFoundError):
            if storage.stat(draft).is_folder:
                remove_tree(storage, draft)
            else:
                storage.unlink(draft)


def old_drafts(home: Home, storage: Storage) -> list[str]:
    """Return the drafts, files and folders, that nobody can still be moving into place: of a day ago."""
    found = []
    with suppress(NotFoundError):
        for name, kind in storage.list_folder(home.staging):
            if kind == "folder" and not name.startswith(_DRAFT):
                continue  # it has an owner
            facts = find_stat(storage, f"{home.staging}/{name}")
            if facts is not None and time.time_ns() - facts.mtime_ns > _DRAFT_LIVES_NS:
                found.append(f"{home.staging}/{name}")
    return sorted(found)
