"""A disk that loses power: what was not synced is forgotten.

Two models of what may be left. `ordered`, as journaling file systems do it: names change in order, and
a sync of anything writes all changes of names before it; some prefix of the others is there. `strict`,
all that POSIX promises: a change of names is there only if a folder that it concerns was synced. In both
the bytes of a file are there only if that file itself was synced.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from doubles.writing_by_steps import WritingBySteps
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path

Undo = Callable[[], None]


class ForgetfulStorage(WritingBySteps):
    """The real disk, with a journal of how to undo every change of names since the last sync.

    Args:
        root: The folder whose files are watched.
        graveyard: A folder elsewhere that keeps what was unlinked, to undo it.
        strict: Which of the two models holds.
    """

    def __init__(self, root: Path, graveyard: Path, *, strict: bool) -> None:
        self._root, self._graveyard, self._strict = root, graveyard, strict
        self._journal: list[tuple[set[int], Undo]] = []
        self._opened: dict[
            int, int
        ] = {}  # folders by their inodes, which they keep when they are moved
        self._unsynced: set[int] = set()
        self._buried = 0
        graveyard.mkdir()

    @property
    def unsynced_changes(self) -> int:
        """How many changes of names a loss of power could forget."""
        return len(self._journal)

    def lose_power(self, keep: int = 0) -> None:
        """Forget the unsynced changes of names, but for the first `keep`, and all unsynced bytes."""
        while len(self._journal) > keep:
            _, undo = self._journal.pop()
            with suppress(OSError):  # the folder that held the name is forgotten as well
                undo()
        self._journal.clear()
        for folder, _, names in os.walk(self._root):
            for path in (os.path.join(folder, name) for name in names):
                if os.lstat(path).st_ino in self._unsynced:
                    os.truncate(path, 0)
        self._unsynced.clear()
        while self._opened:
            os.close(self._opened.popitem()[1])

    def _lasting(self, path: str) -> str:
        """Return a name for the path that stays good when a folder above it is moved."""
        folder, name = os.path.split(path)
        return f"/proc/self/fd/{self._open(folder)}/{name}"

    def _open(self, folder: str) -> int:
        inode = os.stat(folder).st_ino
        if inode not in self._opened:
            self._opened[inode] = os.open(folder, os.O_RDONLY)
        return self._opened[inode]

    def _changed(self, undo: Undo, *paths: str) -> None:
        folders = {os.stat(os.path.dirname(path)).st_ino for path in paths}
        self._journal.append((folders, undo))

    def create(self, path: str) -> BinaryIO:
        file = super().create(path)
        self._unsynced.add(os.fstat(file.fileno()).st_ino)
        lasting = self._lasting(path)
        self._changed(lambda: os.unlink(lasting), path)
        return file

    def sync(self, path: str) -> None:
        # the real sync would only cost time: power is lost in play
        inode = os.stat(path).st_ino
        self._unsynced.discard(inode)
        if self._strict:
            self._journal = [entry for entry in self._journal if inode not in entry[0]]
        else:
            self._journal.clear()

    def sync_all(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.sync(path)

    def make_folder(self, path: str, like: str | None = None) -> None:
        super().make_folder(path, like)
        lasting = self._lasting(path)
        self._changed(lambda: shutil.rmtree(lasting), path)

    def remove_folder(self, path: str) -> None:
        if os.listdir(path):
            super().remove_folder(path)  # which refuses
        self._buried += 1
        grave = str(self._graveyard / str(self._buried))
        os.rename(path, grave)  # not removed, so that it can come back as the same folder
        lasting = self._lasting(path)
        self._changed(lambda: os.rename(grave, lasting), path)

    def link(self, source: str, target: str) -> None:
        super().link(source, target)
        lasting = self._lasting(target)
        self._changed(lambda: os.unlink(lasting), target)

    def rename(self, source: str, target: str) -> None:
        buried = self._bury(target) if os.path.isfile(target) else None
        super().rename(source, target)
        before, after = self._lasting(source), self._lasting(target)

        def undo() -> None:
            os.rename(after, before)
            if buried is not None:
                os.link(buried, after)

        self._changed(undo, source, target)

    def move(self, source: str, target: str) -> None:
        super().move(source, target)
        before, after = self._lasting(source), self._lasting(target)
        self._changed(lambda: os.rename(after, before), source, target)

    def exchange(self, one: str, other: str) -> None:
        super().exchange(one, other)
        left, right = self._lasting(one), self._lasting(other)
        self._changed(lambda: LocalStorage().exchange(left, right), one, other)

    def unlink(self, path: str) -> None:
        buried = self._bury(path)
        super().unlink(path)
        lasting = self._lasting(path)
        self._changed(lambda: os.link(buried, lasting), path)

    def _bury(self, path: str) -> str:
        self._buried += 1
        grave = str(self._graveyard / str(self._buried))
        os.link(path, grave)
        return grave
