"""Files that have left a dataset: kept beside it under names that no reader takes for data."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.commits.log import record_name
from parquetry.errors import AlreadyExistsError
from parquetry.storage.folders import find_stat, make_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from parquetry.commits.home import Home
    from parquetry.model.records import CommitRecord
    from parquetry.storage.protocol import Storage

_RETIRED = ".retired"


def history_path(home: Home, version: int, path: str) -> str:
    """Return where commit `version` keeps the file that stood at a relative path."""
    return f"{home.history}/{record_name(version)}/{path}{_RETIRED}"


def keep_history(
    home: Home, storage: Storage, record: CommitRecord, stands_at: Callable[[str], str]
) -> None:
    """Give every retired file that is still to be found a second name in the history, durably.

    Args:
        home: The dataset.
        storage: The disk.
        record: The commit that retires the files.
        stands_at: Where the file of a relative path stands now.
    """
    folders: set[str] = set()
    for file in record.retired:
        source = stands_at(file.path)
        facts = find_stat(storage, source)
        if facts is None or facts.inode != file.inode:
            continue  # an earlier attempt has moved it
        target = history_path(home, record.version, file.path)
        made = make_folders(storage, posixpath.dirname(target))
        folders.update(posixpath.dirname(folder) for folder in made)
        folders.add(posixpath.dirname(target))
        with suppress(AlreadyExistsError):  # an earlier attempt has kept it
            storage.link(source, target)
    storage.sync_all(sorted(folders))
