"""The sign of life of a worker: the time stamp of its claim."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, StorageError

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

_BEATS_PER_LEASE = 5  # some may be late, or refused by a busy disk, before a lease runs out


class Heartbeat:
    """Touches a file from a thread of its own, as long as it exists or until it is stopped."""

    def __init__(self, path: str, storage: Storage, lease_seconds: float) -> None:
        self._path, self._storage = path, storage
        self._interval_seconds = lease_seconds / _BEATS_PER_LEASE
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {path}", daemon=True)

    def start(self) -> None:
        """Begin to beat, with one beat at once.

        Raises:
            NotFoundError: The file is gone.
        """
        self._storage.touch(self._path)
        self._thread.start()

    def stop(self) -> None:
        """Beat no more; none is under way when this returns."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            try:
                with suppress(StorageError):  # the disk may be well again at the next beat
                    self._storage.touch(self._path)
            except NotFoundError:
                return
