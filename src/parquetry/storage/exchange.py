"""Swapping two folders in one system call.

Linux has `renameat2(RENAME_EXCHANGE)` since 3.15 (ext4, xfs, btrfs, tmpfs, overlayfs), macOS has
`renamex_np(RENAME_SWAP)` on APFS. Everything else says that it cannot.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from parquetry.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2
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
    """This file system or system cannot swap two folders in one step."""


@cache
def _swap_function() -> Callable[[bytes, bytes], int] | None:
    """Return the system's swap as a function of two paths, or None."""
    libc: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform.startswith("linux") and hasattr(libc, "renameat2"):
        call = libc.renameat2
        return lambda a, b: int(call(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE))
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        swap = libc.renamex_np
        return lambda a, b: int(swap(a, b, _RENAME_SWAP))
    return None


def exchange(one: str, other: str) -> None:
    """Swap two existing paths of one file system, so that no reader ever sees either missing.

    Raises:
        ExchangeUnsupportedError: The system or the file system has no such call.
        OSError: The system call failed otherwise.
    """
    swap = _swap_function()
    if swap is None:
        raise ExchangeUnsupportedError(f"{sys.platform} cannot swap two folders in one step.")
    if swap(os.fsencode(one), os.fsencode(other)) == 0:
        return
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        raise ExchangeUnsupportedError(
            f"The file system of {one} cannot swap two folders in one step.", errno=number
        )
    raise OSError(number, os.strerror(number), one, None, other)
