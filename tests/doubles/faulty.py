"""A disk that fails, or a process that dies, at a chosen call."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from doubles.writing_by_steps import WritingBySteps
from parquetry.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Died(BaseException):
    """The process is gone: no handler of the code under test may run after this."""


class FaultyStorage(WritingBySteps):
    """The real disk, whose `fail_at`-th changing call fails.

    Args:
        fail_at: The number of the call that fails, from 1; 0 for none.
        mode: `"error"`: that one call refuses; `"full"`: from that call on nothing can be added;
            `"die"`: the process is gone before that call, and every later call is refused too.
    """

    def __init__(self, fail_at: int = 0, mode: str = "error") -> None:
        self.calls: list[str] = []
        self._fail_at = fail_at
        self._mode = mode

    def _step(self, name: str, path: str, *, adds: bool) -> None:
        self.calls.append(f"{name} {path}")
        count = len(self.calls)
        if not self._fail_at or count < self._fail_at:
            return
        if self._mode == "die":
            raise Died(name)
        if self._mode == "full" and adds:
            raise StorageError(f"Could not {name} {path}: no space left.", errno=errno.ENOSPC)
        if self._mode == "error" and count == self._fail_at:
            raise StorageError(f"Could not {name} {path}: input/output error.", errno=errno.EIO)

    def create(self, path: str) -> BinaryIO:
        self._step("create", path, adds=True)
        return _FaultyFile(super().create(path), self, path)  # type: ignore[return-value]

    def sync(self, path: str) -> None:
        self._step("sync", path, adds=False)
        os.stat(path)  # the real sync would only cost time: power is lost in play

    def sync_all(self, paths: Sequence[str]) -> None:
        for path in paths:
            self.sync(path)

    def make_folder(self, path: str, like: str | None = None) -> None:
        self._step("make folder", path, adds=True)
        super().make_folder(path, like)

    def remove_folder(self, path: str) -> None:
        self._step("remove folder", path, adds=False)
        super().remove_folder(path)

    def link(self, source: str, target: str) -> None:
        self._step("link", target, adds=True)
        super().link(source, target)

    def make_link(self, points_to: str, target: str) -> None:
        self._step("make link", target, adds=True)
        super().make_link(points_to, target)

    def rename(self, source: str, target: str) -> None:
        self._step("rename", target, adds=False)
        super().rename(source, target)

    def move(self, source: str, target: str) -> None:
        self._step("move", target, adds=False)
        super().move(source, target)

    def exchange(self, one: str, other: str) -> None:
        self._step("exchange", one, adds=False)
        super().exchange(one, other)

    def unlink(self, path: str) -> None:
        self._step("unlink", path, adds=False)
        super().unlink(path)

    @contextmanager
    def lock(self, path: str, *, shared: bool = False, wait: bool = True) -> Iterator[bool]:
        if not shared and not os.path.exists(path):
            self._step("lock", path, adds=True)
        with super().lock(path, shared=shared, wait=wait) as held:
            yield held


class _FaultyFile:
    """A file whose every write is a step."""

    def __init__(self, file: BinaryIO, storage: FaultyStorage, path: str) -> None:
        self._file, self._storage, self._path = file, storage, path

    def write(self, data: Any) -> int:
        self._storage._step("write", self._path, adds=True)
        return self._file.write(data)

    def __enter__(self) -> _FaultyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
