"""Where a dataset and everything that is kept about it stand."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import LayoutError
from parquetry.storage.folders import find_stat, make_folders

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

STATE_FOLDER = ".parquetry"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one dataset.

    Args:
        root: The dataset's folder: only Parquet files in Hive folders.
        state: The folder beside it that holds what a folder of data cannot say.
    """

    root: str
    state: str

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Home:
        """Return the home of the dataset at a path; its store is the folder above.

        A link to the dataset is followed first, so that everybody who reaches one folder by several
        names finds one lock and one log.
        """
        root = os.path.realpath(os.fspath(path)).replace(os.sep, "/")
        store, name = posixpath.split(root)
        if not name or name.startswith("."):
            raise LayoutError(
                f"{root} cannot be a dataset: give it a folder name without a leading dot."
            )
        return cls(root, f"{store}/{STATE_FOLDER}/datasets/{name}")

    @property
    def name(self) -> str:
        """The dataset's name: that of its folder."""
        return posixpath.basename(self.root)

    @property
    def store(self) -> str:
        """The folder above, in which the datasets of one store stand."""
        return posixpath.dirname(self.root)

    @property
    def log(self) -> str:
        """The folder of commit records."""
        return f"{self.state}/log"

    @property
    def staging(self) -> str:
        """The folder of unfinished work."""
        return f"{self.state}/staging"

    @property
    def history(self) -> str:
        """The folder of retired files."""
        return f"{self.state}/history"

    @property
    def pins(self) -> str:
        """The folder of pinned snapshots."""
        return f"{self.state}/pins"

    @property
    def layouts(self) -> str:
        """The folder of replicas: the same rows in other layouts, for routing."""
        return f"{self.state}/layouts"

    @property
    def lock(self) -> str:
        """The lock file."""
        return f"{self.state}/lock"

    @property
    def schema(self) -> str:
        """The file that keeps the union of all columns ever written."""
        return f"{self.state}/schema.json"

    @property
    def table(self) -> str:
        """The file that says of which table the dataset is."""
        return f"{self.state}/table.json"

    @property
    def schemas(self) -> str:
        """The folder of the store's table schemas, by name and version."""
        return f"{posixpath.dirname(posixpath.dirname(self.state))}/schemas"

    def prepare(self, storage: Storage) -> None:
        """Make the state folders and the lock file, durably, if they are not there."""
        if find_stat(storage, self.lock) is not None:
            return  # it is made last
        made = []
        for folder in (self.log, self.staging, self.history):
            made += make_folders(storage, folder)
        if made:
            storage.sync_all(sorted({posixpath.dirname(path) for path in made}))
        with storage.lock(self.lock):
            pass
