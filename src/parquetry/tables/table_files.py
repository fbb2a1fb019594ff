"""The data files of a table, and what is known of them without opening them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from parquetry.model.hive import split_path

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class TableFile:
    """One data file.

    Args:
        path: Where it is.
        partitions: The keys and texts of its folders, `run_id=a`; None stands for NULL.
    """

    path: str
    partitions: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def under(cls, root: str, relative: str) -> TableFile:
        """Return the file of a dataset by its relative path, whose folders name its partition.

        Raises:
            LayoutError: A folder on the way is no `key=value`.
        """
        segments, _ = split_path(relative)
        pairs = tuple((segment.key, segment.text) for segment in segments)
        return cls(os.path.join(root, relative), pairs)


AnyFile: TypeAlias = "TableFile | str | os.PathLike[str]"
"""A file, or its path alone: then nothing is known of its folders."""


def as_table_files(files: Iterable[AnyFile]) -> list[TableFile]:
    """Return the files, those given by path alone without partitions."""
    return [file if isinstance(file, TableFile) else TableFile(os.fspath(file)) for file in files]
