"""Keeping commits out while the files of a dataset are listed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from parquetry.commits.settling import held_shared, settled
from parquetry.storage.folders import find_stat
from parquetry.storage.time_stamps import is_told_by_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


class _QuietLog(NamedTuple):
    """When the log last changed, and the version of its last commit."""

    changed: int
    version: int


class Rest:
    """Moments at which no commit is under way; a log that has not changed is not read again.

    Args:
        home: Where the dataset stands.
        storage: The disk.
    """

    def __init__(self, home: Home, storage: Storage) -> None:
        self._home = home
        self._storage = storage
        self._quiet: _QuietLog | None = None

    @contextmanager
    def at_rest(self) -> Iterator[int]:
        """Keep commits out meanwhile. Gives the version of the last one."""
        if (quiet := self._quiet) is not None:
            with held_shared(self._home, self._storage):
                if self._log_time() == quiet.changed:
                    yield quiet.version
                    return
        with settled(self._home, self._storage) as rest:
            changed = self._log_time()
            is_quiet = rest.is_settled and is_told_by_time(changed)
            self._quiet = _QuietLog(changed, rest.version) if is_quiet else None
            yield rest.version

    def _log_time(self) -> int:
        """Return when the log last changed; 0 if there is none."""
        facts = find_stat(self._storage, self._home.log)
        return 0 if facts is None else facts.mtime_ns
