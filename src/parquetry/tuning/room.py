"""Whether the disk has room for one more replica."""

from __future__ import annotations

import shutil

from parquetry.model.wording import bytes_text

_SPARE = 2
"""So many times what a replica takes must be free: itself, and as much again for everything else."""


def lacks_room(folder: str, size_bytes: int) -> str | None:
    """Return why a replica is not written by itself, or None if the disk has room for it.

    Args:
        folder: Where datasets and their replicas stand.
        size_bytes: What the dataset takes; a replica takes about as much.
    """
    free = shutil.disk_usage(folder).free
    if free >= _SPARE * size_bytes:
        return None
    return (
        f"the disk has {bytes_text(free)} left; a replica is written by itself only where twice the "
        f"{bytes_text(size_bytes)} of the dataset are free"
    )
