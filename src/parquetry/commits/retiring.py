"""Files that have left a dataset: kept beside it under names that no reader takes for data."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING

from parquetry.commits.log import record_name
from parquetry.commits.many import for_each
from parquetry.errors import AlreadyExistsError
from parquetry.storage.folders import find_stat, make_missing

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
) -> set[str]:
    """Give every retired file that is still to be found a second name in the history.

    Returns:
        The folders that are to be synced before the first name goes.

    Args:
        home: The dataset.
        storage: The disk.
        record: The commit that retires the files.
        stands_at: Where the file of a relative path stands now.
    """
    links: list[tuple[str, str]] = []
    for file in record.retired:
        source = stands_at(file.path)
        facts = find_stat(storage, source)
        if facts is not None and facts.inode == file.inode:  # else an earlier attempt has moved it
            links.append((source, history_path(home, record.version, file.path)))
    folders = {posixpath.dirname(target) for _, target in links}
    made = make_missing(storage, sorted(folders), [home.history])

    def keep(link: tuple[str, str]) -> None:
        with suppress(AlreadyExistsError):  # an earlier attempt has kept it
            storage.link(*link)

    for_each(keep, links)
    return {*map(posixpath.dirname, made), *folders}
