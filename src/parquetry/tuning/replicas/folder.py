"""The folder of a replica: read at once, changed by one rename."""

from __future__ import annotations

import posixpath
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from parquetry.commits.dead_layouts import MANIFEST, find_layouts
from parquetry.commits.owning import OWNER
from parquetry.errors import ConflictError, NotFoundError
from parquetry.storage.folders import find_stat, make_folders, write_file
from parquetry.tuning.replicas.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

_ATTEMPTS = 100  # of holding a folder while somebody sweeps it away


def replica_folder(home: Home, layout_id: str) -> str:
    """Return where a replica of a dataset stands."""
    return f"{home.layouts}/{layout_id}"


def find_manifest(home: Home, storage: Storage, layout_id: str) -> Manifest | None:
    """Return what a replica is made of, None if there is none.

    Raises:
        FormatVersionError: A newer parquetry made it.
        CorruptionError: Its manifest cannot be read.
    """
    path = f"{replica_folder(home, layout_id)}/{MANIFEST}"
    try:
        return Manifest.from_json(storage.read_bytes(path), path)
    except NotFoundError:
        return None


def list_replicas(home: Home, storage: Storage) -> list[str]:
    """Return the ids of the layouts that a dataset has replicas of, sorted."""
    return [
        posixpath.basename(folder)
        for folder in find_layouts(home, storage)
        if find_stat(storage, f"{folder}/{MANIFEST}") is not None
    ]


@contextmanager
def held_folder(home: Home, storage: Storage, layout_id: str) -> Iterator[str]:
    """Give the folder of a replica to the only one who changes it; it is made if it is not there.

    Raises:
        ConflictError: Another living process works on it.
        StorageError: The disk refused.
    """
    folder = replica_folder(home, layout_id)
    for _ in range(_ATTEMPTS):
        make_folders(storage, folder)
        with storage.lock(f"{folder}/{OWNER}", wait=False) as is_free:
            if not is_free:
                break
            if find_stat(storage, f"{folder}/{OWNER}") is not None:  # nobody has just swept it away
                yield folder
                return
    raise ConflictError(
        f"Another process is writing the replica {layout_id} of {home.root}. Nothing was changed. Wait "
        "until it is done; if it dies, its work is taken over.",
        path=folder,
    )


def write_manifest(storage: Storage, folder: str, manifest: Manifest) -> None:
    """Make a replica consist of exactly this, durably and in one step; its files must be durable."""
    write_document(storage, f"{folder}/{MANIFEST}", manifest.to_json())


def write_document(storage: Storage, path: str, content: bytes) -> None:
    """Replace a small file, durably and in one step."""
    draft = f"{path}.{uuid.uuid4().hex[:8]}"
    write_file(storage, draft, content)
    storage.sync(draft)
    storage.rename(draft, path)
    storage.sync(posixpath.dirname(path))


def retire_replica(home: Home, storage: Storage, layout_id: str) -> bool:
    """Take a replica out of use at once, and return whether there was one; `vacuum` frees its space.

    Raises:
        StorageError: The disk refused.
    """
    folder = replica_folder(home, layout_id)
    try:
        storage.unlink(f"{folder}/{MANIFEST}")
    except NotFoundError:
        return False
    storage.sync(folder)
    return True
