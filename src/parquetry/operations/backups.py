"""Backups: the files that an operation is about to change, kept where the user says.

A backup is a folder that needs nothing else: `files/` holds the files as they stood, for any reader, and
`manifest.json` says where they came from and what took their place. The manifest is written last, so a
folder without one is no backup.
"""

from __future__ import annotations

import errno
import os
import posixpath
import shutil
import uuid
from typing import TYPE_CHECKING

from parquetry.commits.committing import commit
from parquetry.commits.home import Home
from parquetry.commits.log import latest_version, now
from parquetry.commits.staging import open_staging
from parquetry.commits.table_link import refuse_unheld
from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    CorruptionError,
    NotFoundError,
    ParameterError,
    StorageError,
)
from parquetry.files.footers import count_rows
from parquetry.model.changes import Change, FileState, NewFile
from parquetry.operations.manifests import MANIFEST, Manifest, read_manifest
from parquetry.storage.folders import find_stat, make_folders, remove_tree, write_file
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from parquetry.commits.staging import Staging
    from parquetry.model.records import CommitRecord
    from parquetry.operations.plans import Plan
    from parquetry.storage.protocol import Storage


_FILES = "files"
_UNDO = "Undo by Dataset.restore, or upsert the rows of the backup's files."


_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def check_backup_dir(home: Home, backup_dir: str | os.PathLike[str]) -> str:
    """Return the folder for backups as an absolute path.

    Raises:
        ParameterError: It stands in the dataset, where readers would take the backups for data.
    """
    folder = os.path.realpath(os.fspath(backup_dir)).replace(os.sep, "/")
    if folder == home.root or folder.startswith(f"{home.root}/"):
        raise ParameterError(
            f"The backup folder {folder} stands inside the dataset {home.root}, where readers would "
            "take the backups for data. Nothing was changed. Choose a folder outside."
        )
    return folder


def make_backup(
    home: Home, storage: Storage, plan: Plan, added: Iterable[NewFile], backup_dir: str
) -> str:
    """Keep the files that a plan retires, durably, and return the folder of the backup.

    **Cost:** a hard link a file, where dataset and backup share a file system; a copy elsewhere.

    Raises:
        ConflictError: A file is not any more what was planned with.
        StorageError: The disk refused. Nothing was changed.
    """
    stamp = now().replace(":", "").replace("-", "")[:15]
    folder = f"{backup_dir}/{home.name}-{stamp}-{plan.operation}-{uuid.uuid4().hex[:8]}"
    make_folders(storage, backup_dir)
    try:
        _fill(home, storage, plan, folder)
        manifest = Manifest(
            home.root,
            plan.operation,
            dict(plan.parameters),
            plan.base_version,
            now(),
            tuple((file.path, file.bytes) for file in plan.retire),
            tuple(file.path for file in added),
        )
        draft = f"{folder}/{MANIFEST}.draft"
        write_file(storage, draft, manifest.to_json())
        storage.sync(draft)
        storage.rename(draft, f"{folder}/{MANIFEST}")
        storage.sync_all([folder, backup_dir])
    except StorageError:
        forget_backup(storage, folder)
        raise
    return folder


def _fill(home: Home, storage: Storage, plan: Plan, folder: str) -> None:
    made = make_folders(storage, f"{folder}/{_FILES}")
    kept = []
    for file in plan.retire:
        target = f"{folder}/{_FILES}/{file.path}"
        made += make_folders(storage, posixpath.dirname(target))
        _keep(home, storage, file, target)
        kept.append(target)
    storage.sync_all([*kept, *made])


def _keep(home: Home, storage: Storage, file: FileState, target: str) -> None:
    source = f"{home.root}/{file.path}"
    try:
        try:
            storage.link(source, target)
        except StorageError as error:
            if error.errno not in _NO_LINKS:
                raise
            copy_file(storage, source, target)
    except NotFoundError as error:
        raise ConflictError(
            f"{source} is gone since this operation was planned. Nothing was changed; a retry is safe.",
            path=source,
        ) from error
    if storage.stat(target).size != file.bytes:
        raise ConflictError(
            f"{source} has been changed since this operation was planned. Nothing was changed; a retry "
            "is safe.",
            path=source,
        )


def copy_file(storage: Storage, source: str, target: str) -> None:
    """Copy a file's bytes, a piece at a time."""
    try:
        with open(source, "rb") as old, storage.create(target) as new:
            shutil.copyfileobj(old, new, 1 << 20)
    except FileNotFoundError as error:
        raise NotFoundError(f"Could not copy {source}: it does not exist.", path=source) from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"Could not copy {source} to {target}: {error.strerror}. Nothing was changed.",
            path=target,
            errno=error.errno,
        ) from error


def forget_backup(storage: Storage, folder: str) -> None:
    """Remove the backup of an operation that did not happen."""
    if find_stat(storage, folder) is not None:
        remove_tree(storage, folder)


def restore_backup(
    backup: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    storage: Storage | None = None,
) -> CommitRecord:
    """Bring the files of a backup back, in one commit, and return its record.

    What took their place leaves; everything else in the dataset stays, whatever has come since.

    **Guarantees:** those of a commit. Where what took their place has been changed since, nothing is
    done: its rows may then be anywhere.

    Args:
        backup: The folder that the operation returned.
        root: The dataset, if it was moved since.
        storage: The disk; the local one if not given.

    Raises:
        RequestError: The dataset is of a table.
        NotFoundError: There is no such backup.
        AlreadyExistsError: The files are there: the backup was restored before.
        ConflictError: What took their place has been changed since.
        CorruptionError: A file of the backup is not what it was.
    """
    disk = storage or LocalStorage()
    folder = os.path.realpath(os.fspath(backup)).replace(os.sep, "/")
    manifest = read_manifest(folder, disk)
    home = Home.of(manifest.root if root is None else root)
    refuse_unheld(home, disk, "bring a backup back into", _UNDO)
    make_folders(disk, home.root)
    retire = _replacements(home, disk, manifest)
    with open_staging(home, disk) as staging:
        added = tuple(
            _revived(home, disk, staging, folder, path, size) for path, size in manifest.files
        )
        change = Change(
            "restore_backup",
            {"backup": folder, "operation": manifest.operation},
            latest_version(home, disk),
            tuple(retire),
            added,
        )
        return commit(home, disk, staging, change)


def _replacements(home: Home, storage: Storage, manifest: Manifest) -> Sequence[FileState]:
    found = []
    for path, _ in manifest.files:
        if find_stat(storage, f"{home.root}/{path}") is not None:
            raise AlreadyExistsError(
                f"{home.root}/{path} is there, so this backup was restored before, or never needed. "
                "Nothing was changed.",
                path=path,
            )
    for path in manifest.replaced_by:
        facts = find_stat(storage, f"{home.root}/{path}")
        if facts is None:
            raise ConflictError(
                f"{home.root}/{path}, which took the place of files of this backup, was itself changed "
                "since, so restoring them could double rows. Nothing was changed. Undo the later "
                "commits first (`restore(version)`), or read the files of the backup where they are.",
                path=path,
            )
        found.append(FileState(path, facts.size, facts.mtime_ns, facts.inode))
    return found


def _revived(
    home: Home, storage: Storage, staging: Staging, folder: str, path: str, size: int
) -> NewFile:
    kept = f"{folder}/{_FILES}/{path}"
    facts = find_stat(storage, kept)
    if facts is None or facts.size != size:
        raise CorruptionError(
            f"{kept} should have {size} bytes and {'is gone' if facts is None else 'has not'}. Nothing "
            f"was changed in {home.root}. Look for another copy.",
            path=kept,
        )
    source = staging.new_path()
    try:
        storage.link(kept, source)
    except StorageError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy_file(storage, kept, source)
    return NewFile(path, source, count_rows(source), size)
