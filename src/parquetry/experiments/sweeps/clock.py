"""The time by the clock that stamps the files."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from parquetry.errors import StorageError
from parquetry.storage.folders import make_folders

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage


def file_system_time_ns(storage: Storage, folder: str) -> int:
    """Return the present moment as a file that is made now in this folder is stamped.

    Heartbeats are time stamps of files. The clocks of machines that share a disk differ, sometimes by
    minutes; compared with a stamp of the same file system, a heartbeat has the age that it has. Who
    may not write to the folder gets the time of his own machine.
    """
    path = f"{folder}/{uuid.uuid4().hex}"
    try:
        make_folders(storage, folder)
        with storage.create(path):
            pass
        try:
            return storage.stat(path).mtime_ns
        finally:
            storage.unlink(path)
    except StorageError:
        return time.time_ns()
