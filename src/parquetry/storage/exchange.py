"""Two renames that Python has no call for: swapping two paths, and moving to a name that is free.

Linux has `renameat2` since 3.15 (ext4, xfs, btrfs, tmpfs, overlayfs), macOS has `renamex_np` on APFS.
Everything else says that it cannot.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from parquetry.errors import StorageError

_AT_FDCWD = -100
_LINUX_NOREPLACE, _LINUX_EXCHANGE = 1, 2
_MACOS_SWAP, _MACOS_EXCLUSIVE = 2, 4
_UNSUPPORTED = {
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EXDEV,  # overlay file systems, for folders of a lower layer
    errno.EBUSY,  # the folder is a mount point
}


class ExchangeUnsupportedError(StorageError):
    """This file system or system has no such rename."""


Rename = Callable[[bytes, bytes, int], int]


def exchange(one: str, other: str) -> None:
    """Swap two existing paths of one file system, so that no reader ever sees either missing.

    Raises:
        ExchangeUnsupportedError: The system or the file system has no such call.
        OSError: The system call failed otherwise.
    """
    _rename(one, other, _MACOS_SWAP if sys.platform == "darwin" else _LINUX_EXCHANGE)


def move_to_free(source: str, target: str) -> None:
    """Rename a path, but never over another.

    Raises:
        ExchangeUnsupportedError: The system or the file system has no such call.
        OSError: The system call failed otherwise; `FileExistsError` if the target is taken.
    """
    _rename(source, target, _MACOS_EXCLUSIVE if sys.platform == "darwin" else _LINUX_NOREPLACE)


def _rename(one: str, other: str, flags: int) -> None:
    rename = _rename_function()
    if rename is None:
        raise ExchangeUnsupportedError(f"{sys.platform} cannot rename in this way.")
    if rename(os.fsencode(one), os.fsencode(other), flags) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        raise ExchangeUnsupportedError(
            f"The file system of {one} cannot rename in this way.", errno=number
        )
    raise OSError(number, os.strerror(number), one, None, other)


@cache
def _rename_function() -> Rename | None:
    """Return the system's rename with flags as a function of two paths, or None."""
    libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform.startswith("linux") and hasattr(libc, "renameat2"):
        call = libc.renameat2
        return lambda a, b, flags: int(call(_AT_FDCWD, a, _AT_FDCWD, b, flags))
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        swap = libc.renamex_np
        return lambda a, b, flags: int(swap(a, b, flags))
    return None
