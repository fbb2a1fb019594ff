"""What the time stamp of a file or folder can tell: two changes within one tick look alike."""

from __future__ import annotations

import time

_TICK_NS = 100_000_000  # longer than a tick of any file system's clock that we know


def is_told_by_time(mtime_ns: int) -> bool:
    """Return whether any further change will have another time stamp than the last one had."""
    return time.time_ns() - mtime_ns > _TICK_NS


def let_time_tell(mtime_ns: int) -> None:
    """Wait, a tenth of a second at most, until any further change will have another time stamp."""
    age = time.time_ns() - mtime_ns
    if 0 <= age < _TICK_NS:
        time.sleep((_TICK_NS - age) / 1e9)
