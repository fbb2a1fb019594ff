"""A snapshot that stays readable for hours, whatever is committed or vacuumed in the meantime."""

from __future__ import annotations

import posixpath
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.history import KeptFile, refuse_unsettled, settled_files_at
from parquetry.commits.owning import owned_folder
from parquetry.commits.settling import settled
from parquetry.commits.snapshots import current_snapshot
from parquetry.errors import NotFoundError, StorageError
from parquetry.storage.folders import make_folders, remove_tree
from parquetry.storage.links import find_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_PINNED = ".pinned"


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned snapshot.

    Args:
        folder: Where it stands; below it the folders are the partitions.
        version: The version that was pinned.
        files: The absolute paths of its files. Their names end in `.pinned`, so that nobody who globs
            a store for Parquet reads them twice; engines read them from an explicit list.
    """

    folder: str
    version: int
    files: tuple[str, ...]


@contextmanager
def pin(home: Home, storage: Storage, version: int | None = None) -> Iterator[Pin]:
    """Give a snapshot whose files stay until the block ends: the present one, or that of a version.

    **Guarantees:** the files are exactly those of one version; no commit and no vacuum removes them.
    If the process dies, the next vacuum removes the pin.

    **Cost:** one hard link a file. Files that leave the dataset meanwhile take their space until the
    pin is released.

    Raises:
        NotFoundError: There is no such dataset or version, or its files were vacuumed.
        StorageError: The file system has no hard links, or the disk refused.
    """
    make_folders(storage, home.pins)
    with owned_folder(storage, home.pins) as folder:
        try:
            yield _filled(home, storage, f"{folder}/files", version)
        finally:
            with suppress(StorageError, NotFoundError):  # what is left is vacuumed later
                remove_tree(storage, folder)


def _filled(home: Home, storage: Storage, folder: str, version: int | None) -> Pin:
    with settled(home, storage) as rest:
        if version is None:
            pinned = rest.version
            found = current_snapshot(home, storage).files
            files = [KeptFile(file.path, f"{home.root}/{file.path}") for file in found]
        else:
            refuse_unsettled(home, is_settled=rest.is_settled)
            pinned, files = version, settled_files_at(home, storage, version)
        linked = [_linked(storage, file, folder) for file in files]
        return Pin(folder, pinned, tuple(path for path in linked if path is not None))


def _linked(storage: Storage, file: KeptFile, folder: str) -> str | None:
    """Give a file its pinned name; None if somebody has just removed it without a commit."""
    target = f"{folder}/{file.path}{_PINNED}"
    source = find_target(storage, file.stands_at)
    if source is None:
        return None
    make_folders(storage, posixpath.dirname(target))
    try:
        storage.link(source, target)
    except NotFoundError:
        return None
    except StorageError as error:
        raise StorageError(
            f"Could not pin {file.stands_at}: {error.message} A pin needs hard links between the "
            "dataset and the store's own folder beside it; where a file system has none, copy the "
            "files that must not change. Nothing was changed.",
            path=file.stands_at,
            errno=error.errno,
        ) from error
    return target
