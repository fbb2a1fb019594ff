"""What dead processes left beside a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.dead_layouts import dead_layouts
from parquetry.commits.log import find_pending
from parquetry.commits.owning import abandoned
from parquetry.errors import CorruptionError, FormatVersionError, StorageError
from parquetry.model.findings import Finding

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


def leftover_findings(home: Home, storage: Storage) -> list[Finding]:
    """Return what nobody owns or uses any more; nothing where this user may not write."""
    needed = _needed(home, storage)
    try:
        stagings = [f for f in abandoned(storage, home.staging) if f != needed]
        pins = abandoned(storage, home.pins)
        layouts = dead_layouts(home, storage)
    except StorageError:
        return []
    notes = [("staging-leftover", folder, "An unfinished write") for folder in stagings]
    notes += [("pin-leftover", folder, "A pinned snapshot") for folder in pins]
    died = "was left by a process that died"
    said = [(kind, folder, f"{what} {died}") for kind, folder, what in notes]
    said += [("layout-leftover", path, "This of a replica is used by nobody") for path in layouts]
    return [
        Finding(
            "note", kind, path, f"{what}. It takes space and does no harm.", "Vacuum the dataset."
        )
        for kind, path, what in said
    ]


def _needed(home: Home, storage: Storage) -> str | None:
    """Return the staging folder of an unfinished commit, which is no leftover."""
    try:
        pending = find_pending(home, storage)
    except (CorruptionError, FormatVersionError, StorageError):
        return None
    return None if pending is None else f"{home.staging}/{pending.staging}"
