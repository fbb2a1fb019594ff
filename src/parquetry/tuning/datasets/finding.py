"""Which files of a folder are data to load, and whether they are all of one kind of table."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, RequestError
from parquetry.experiments.conversion.reading_csv import read_header
from parquetry.files.footers import read_schema
from parquetry.model.hive import decode_segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ENDINGS = (".parquet", ".csv")
_ALIKE = 0.5  # of all their column names that two files must share
_HEADER_BYTES = 1 << 16
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to load: its path, its columns, and the keys and values of the folders it stands in."""

    path: str
    columns: tuple[str, ...]
    keys: tuple[tuple[str, str | None], ...] = ()

    @property
    def is_csv(self) -> bool:
        """Whether it is text."""
        return self.path.lower().endswith(".csv")


def find_files(source_path: str, pattern: str = "*") -> list[SourceFile]:
    """Return the Parquet and CSV files of a folder, or the one that is named, sorted by path.

    **Cost:** each file's footer or first lines are read.

    Raises:
        NotFoundError: There is nothing there.
        RequestError: The files are of several kinds of tables.
        CorruptionError: A file is not what its name says.
    """
    paths = list(_paths(source_path, pattern))
    if not paths:
        raise NotFoundError(
            f"There is nothing to load at {source_path}: expected a .parquet or .csv file, or a folder "
            f"of them with names like {pattern!r}. Nothing was written.",
            path=source_path,
        )
    files = [_describe(path, source_path) for path in paths]
    _refuse_mixture(files, source_path)
    return files


def _paths(source_path: str, pattern: str) -> Iterable[str]:
    if os.path.isfile(source_path):
        if not source_path.lower().endswith(_ENDINGS):
            raise RequestError(
                f"{source_path} cannot be loaded: its name ends neither in .parquet nor in .csv. "
                "Nothing was written. Rename it, or convert it first."
            )
        yield source_path
        return
    for folder, folders, names in os.walk(source_path):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(names):
            if name.lower().endswith(_ENDINGS) and fnmatch.fnmatch(name, pattern):
                yield f"{folder}/{name}"


def _describe(path: str, source_path: str) -> SourceFile:
    relative = os.path.relpath(path, source_path) if os.path.isdir(source_path) else ""
    segments = [decode_segment(part) for part in relative.split("/")[:-1]]
    keys = tuple((one.key, one.text) for one in segments if one is not None)
    if not path.lower().endswith(".csv"):
        return SourceFile(path, tuple(read_schema(path).names), keys)
    with open(path, "rb") as file:
        head = file.read(_HEADER_BYTES)
    lines, _, _ = head.rpartition(b"\n")
    return SourceFile(path, tuple(read_header(lines or head, path)), keys)


def _refuse_mixture(files: Sequence[SourceFile], source_path: str) -> None:
    kinds: list[list[SourceFile]] = []
    for file in files:
        kind = next((kind for kind in kinds if _are_alike(kind[0], file)), None)
        if kind is None:
            kinds.append([file])
        else:
            kind.append(file)
    if len(kinds) == 1:
        return
    shown = "; ".join(f"{len(kind):,} like {_name(kind[0])}" for kind in kinds[:_SHOWN])
    largest = max(kinds, key=len)
    raise RequestError(
        f"The files of {source_path} are of {len(kinds)} different tables: {shown}. A dataset is of "
        f"one. Nothing was written. Say which: --pattern {_pattern_of(largest)!r}."
    )


def _are_alike(one: SourceFile, other: SourceFile) -> bool:
    a, b = ({name.lower() for name in file.columns} for file in (one, other))
    return len(a & b) >= _ALIKE * len(a | b)


def _pattern_of(files: Sequence[SourceFile]) -> str:
    names = [_name(file) for file in files]
    if len(names) == 1:
        return names[0]
    return f"{_shared(names)}*{_shared([name[::-1] for name in names])[::-1]}"


def _shared(names: Sequence[str]) -> str:
    """Return what all names begin with."""
    columns = zip(*names, strict=False)
    alike = takewhile(lambda letters: len(set(letters)) == 1, columns)
    return "".join(letters[0] for letters in alike)


def _name(file: SourceFile) -> str:
    return os.path.basename(file.path)
