"""Settings of the whole process that hold while anybody wants them, in any thread."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class WhileWanted:
    """A setting that the first who wants it makes, and the last takes back.

    Args:
        make: Makes it, and returns what takes it back.
    """

    def __init__(self, make: Callable[[], Callable[[], None]]) -> None:
        self._make = make
        self._lock = Lock()
        self._wanted = 0
        self._take_back: Callable[[], None] = nothing

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Let it hold in this block."""
        with self._lock:
            if not self._wanted:
                self._take_back = self._make()
            self._wanted += 1
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if not self._wanted:
                    self._take_back()


def nothing() -> None:
    """Take nothing back: where a setting is left as it is."""
