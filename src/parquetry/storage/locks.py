"""Advisory locks on a file, which die with the process that holds them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform == "win32":
    import msvcrt

    def _acquire(descriptor: int, *, shared: bool, wait: bool) -> bool:  # noqa: ARG001
        # Windows has no shared form of this lock; readers then wait for each other, and stay right.
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
            else:
                return True

else:
    import fcntl

    def _acquire(descriptor: int, *, shared: bool, wait: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(path: str, *, shared: bool, wait: bool) -> Iterator[bool]:
    """Hold the lock file `path` while the block runs; a shared holder needs only read permission.

    Every call opens the file anew, so two threads of one process exclude each other as well.
    """
    flags = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        yield _acquire(descriptor, shared=shared, wait=wait)
    finally:
        os.close(descriptor)
