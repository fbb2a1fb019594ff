"""Everything that stands in a dataset's folder, read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, StorageError
from parquetry.model.findings import Finding, printable
from parquetry.storage.folders import find_stat
from parquetry.storage.listing import is_data_file

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A data file: its relative path, size and time stamp, and whether it is a symbolic link."""

    path: str
    bytes: int
    mtime_ns: int
    is_link: bool

    @property
    def folder(self) -> str:
        """The relative folder; empty at the root."""
        return self.path.rpartition("/")[0]


@dataclass(slots=True)
class Survey:
    """What a walk has found; all paths are relative.

    Args:
        data: The data files.
        others: Everything else that is no folder, with its kind.
        folders: Every folder, with the names in it.
        hidden: Parquet files in hidden or underscored folders.
        unreadable: A finding for each folder that could not be listed.
    """

    data: list[SeenFile] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    folders: dict[str, list[str]] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    unreadable: list[Finding] = field(default_factory=list)


def survey(home: Home, storage: Storage) -> Survey:
    """Return everything that stands in the dataset's folder.

    Raises:
        NotFoundError: The folder does not exist.
    """
    if find_stat(storage, home.root) is None:
        raise NotFoundError(
            f"There is no dataset at {home.root}: the folder does not exist. Nothing was changed.",
            path=home.root,
        )
    seen = Survey()
    _look(home, storage, seen, "", is_hidden=False)
    seen.data.sort(key=lambda file: file.path)
    return seen


def _look(home: Home, storage: Storage, seen: Survey, folder: str, *, is_hidden: bool) -> None:
    try:
        entries = sorted(storage.list_folder(f"{home.root}/{folder}".rstrip("/")))
    except NotFoundError:  # removed between its parent's listing and now
        return
    except StorageError as error:
        seen.unreadable.append(_unreadable(folder, error))
        return
    seen.folders[folder] = [entry.name for entry in entries]
    for name, kind in entries:
        path = f"{folder}/{name}" if folder else name
        if kind == "folder":
            _look(home, storage, seen, path, is_hidden=is_hidden or name[0] in "._")
        elif is_hidden:
            if name.endswith(".parquet"):
                seen.hidden.append(path)
        elif kind in {"file", "link"} and is_data_file(name):
            facts = find_stat(storage, f"{home.root}/{path}")
            if facts is not None:
                seen.data.append(SeenFile(path, facts.size, facts.mtime_ns, facts.is_link))
        else:
            seen.others.append((path, kind))


def _unreadable(folder: str, error: StorageError) -> Finding:
    return Finding(
        "error",
        "unreadable-folder",
        printable(folder) or ".",
        f"This folder cannot be listed. {printable(error.message)}",
        "Mend its permissions; nothing in it can be read.",
    )
