"""Where the files of a sweep stand in its store."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.home import STATE_FOLDER
from parquetry.errors import NotFoundError, ParameterError

if TYPE_CHECKING:
    from parquetry.storage.protocol import Storage

DATASETS = ("events", "seeds")  # rows in either make a unit done
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")  # no dot: it ends the name in the files of the plan
_PLAN = ".json"


@dataclass(frozen=True, slots=True)
class Places:
    """The paths of one sweep.

    Args:
        store: The folder of the datasets, absolute.
        name: The sweep's name.
    """

    store: str
    name: str

    @classmethod
    def of(cls, base_out: str | os.PathLike[str], name: str) -> Places:
        """Return the places of a sweep.

        Raises:
            ParameterError: The name cannot name a file.
        """
        if not _NAME.fullmatch(name):
            raise ParameterError(
                f"{name!r} cannot name a sweep: expected 1 to 100 ASCII letters, digits, '-' or '_'. "
                "Nothing was done. Choose another name."
            )
        return cls(os.path.realpath(os.fspath(base_out)).replace(os.sep, "/"), name)

    @property
    def folder(self) -> str:
        """The folder of all plans of the store."""
        return f"{self.store}/{STATE_FOLDER}/sweeps"

    @property
    def attempts(self) -> str:
        """The folder of claims and of what became of them."""
        return f"{self.folder}/{self.name}/attempts"

    @property
    def drafts(self) -> str:
        """The folder of files that have no name yet."""
        return f"{self.store}/{STATE_FOLDER}/drafts"

    def plan_part(self, number: int) -> str:
        """Return the file of the first declaration, or of a later one that extends it."""
        return f"{self.folder}/{self.name}{f'.{number}' if number > 1 else ''}{_PLAN}"


def find_sweeps(storage: Storage, base_out: str | os.PathLike[str]) -> list[str]:
    """Return the names of the declared sweeps of a store, sorted."""
    try:
        entries = storage.list_folder(Places.of(base_out, "any").folder)
    except NotFoundError:
        return []
    stems = (entry.name.removesuffix(_PLAN) for entry in entries if entry.name.endswith(_PLAN))
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))
