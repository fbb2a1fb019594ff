"""Which pages the system gives while a verb decodes and encodes: small ones.

PyArrow and Polars ask for huge pages on Linux where nobody has a say in their memory: a change of one
small file had 8 MB cleared that nobody used, for 2 ms to 30, as the system has memory at hand or not.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from parquetry.operations.while_wanted import WhileWanted, nothing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_SET_THP_DISABLE, _GET_THP_DISABLE = 41, 42  # of linux/prctl.h


def small_pages() -> AbstractContextManager[None]:
    """Let all threads of this process get memory in small pages in a block.

    What they have stays as it is. A child that is forked meanwhile gets no huge pages either. Nothing
    is changed elsewhere than on Linux.
    """
    return _refused.wanted()


def _refuse() -> Callable[[], None]:
    """Refuse huge pages, unless they are refused already; return what grants them again."""
    if _control(_GET_THP_DISABLE) != 0:
        return nothing
    _control(_SET_THP_DISABLE, 1)
    return _grant


def _grant() -> None:
    _control(_SET_THP_DISABLE, 0)


_refused = WhileWanted(_refuse)


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
