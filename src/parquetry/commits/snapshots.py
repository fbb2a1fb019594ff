"""What a dataset holds at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.log import latest_version
from parquetry.commits.settling import settled
from parquetry.errors import NotFoundError
from parquetry.model.changes import FileState, Snapshot
from parquetry.storage.folders import find_stat
from parquetry.storage.listing import Tree, is_data_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.model.partitions import PartitionFilter
    from parquetry.storage.protocol import Storage


def take_snapshot(home: Home, storage: Storage, where: PartitionFilter | None = None) -> Snapshot:
    """Return the state of every data file of a dataset, sorted by path, and its version.

    **Guarantees:** the listing never straddles a commit; what a crash left is completed first.

    **Cost:** one `scandir` a folder and one `stat` a file; with a filter on partition keys only the
    folders that it admits are looked at.

    Raises:
        NotFoundError: There is no such dataset.
        LayoutError: The partition of a file is ambiguous.
    """
    with settled(home, storage):
        return current_snapshot(home, storage, where)


def current_snapshot(
    home: Home, storage: Storage, where: PartitionFilter | None = None
) -> Snapshot:
    """Return the snapshot of a dataset that is `settled`."""
    version = latest_version(home, storage)
    try:
        paths = Tree(home.root, storage).files(where)
    except NotFoundError as error:
        if version:
            return Snapshot(version, ())  # the folder went, but its log can bring it back
        raise NotFoundError(
            f"There is no dataset at {home.root}: the folder does not exist. Nothing was changed.",
            path=home.root,
        ) from error
    relative = sorted(path.removeprefix(f"{home.root}/") for path in paths)
    return Snapshot(version, tuple(file_states(home, storage, relative)))


def file_states(home: Home, storage: Storage, paths: list[str]) -> Iterator[FileState]:
    """Yield the states of the files at these relative paths that are there."""
    for path in paths:
        facts = find_stat(storage, f"{home.root}/{path}")
        if facts is not None:
            yield FileState(path, facts.size, facts.mtime_ns, facts.inode)


def data_files(storage: Storage, root: str, below: str = "") -> Iterator[str]:
    """Yield the data files below a folder, relative to it, however they are laid out.

    Hidden and underscored files and folders are no data; a folder that does not exist has none.
    """
    try:
        found = storage.list_folder(f"{root}/{below}".rstrip("/"))
    except NotFoundError:  # removed between its parent's listing and now
        return
    for name, kind in found:
        relative = f"{below}/{name}" if below else name
        if kind == "folder" and name[0] not in "._":
            yield from data_files(storage, root, relative)
        elif kind in {"file", "link"} and is_data_file(name):
            yield relative
