"""Which pages the system gives while a verb decodes and encodes: small ones.

PyArrow and Polars ask for huge pages on Linux where nobody has a say in their memory: a change of one
small file had 8 MB cleared that nobody used, for 2 ms to 30, as the system has memory at hand or not.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42  # of linux/prctl.h


class _Switch:
    """Refuses huge pages to this process while somebody wants it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted = 0
        self._is_ours = False

    def begin(self) -> None:
        """Refuse them, unless they are refused already."""
        with self._lock:
            self._wanted += 1
            if self._wanted == 1:
                self._is_ours = _control(_GET_THP_DISABLE) == 0
                if self._is_ours:
                    _control(_SET_THP_DISABLE, 1)

    def end(self) -> None:
        """Grant them again if nobody else wants otherwise."""
        with self._lock:
            self._wanted -= 1
            if not self._wanted and self._is_ours:
                _control(_SET_THP_DISABLE, 0)


_switch = _Switch()


@contextmanager
def small_pages() -> Iterator[None]:
    """Let all threads of this process get memory in small pages in this block.

    What they have stays as it is. A child that is forked meanwhile gets no huge pages either. Nothing
    is changed elsewhere than on Linux.
    """
    _switch.begin()
    try:
        yield
    finally:
        _switch.end()


def _control(what: int, value: int = 0) -> int:
    """Ask the system to set something of this process, or how it is set; negative where it cannot."""
    prctl = _prctl()
    return -1 if prctl is None else int(prctl(what, *map(ctypes.c_ulong, (value, 0, 0, 0))))


@cache
def _prctl() -> Any:
    """Return the C library's `prctl`, or None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.PyDLL(None), "prctl", None)
