"""Where a symbolic link leads."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from parquetry.storage.folders import find_stat

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

_HOPS = 40  # what Linux allows


def find_target(storage: Storage, path: str) -> str | None:
    """Return the path that a chain of links ends at, None if nothing stands there or it is a loop."""
    for _ in range(_HOPS):
        facts = find_stat(storage, path)
        if facts is None:
            return None
        if not facts.is_link:
            return path
        points_to = storage.read_link(path)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), points_to))
    return None
