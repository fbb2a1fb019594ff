"""The files of one series: one, or several that each hold a range of scenarios."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import SchemaMismatchError
from parquetry.series.handles import announce_ends
from parquetry.series.reader import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.series.indexing import Indices
    from parquetry.series.series_file import SeriesFile

_PART_NAME = re.compile(r"scenarios-([0-9]{6,})-([0-9]{6,})\.parquet")


def part_name(columns: range) -> str:
    """Return the name of the file that holds a range of scenarios."""
    return f"scenarios-{columns.start:06}-{columns.stop - 1:06}.parquet"


def part_paths(path: str) -> list[str]:
    """Return the files that make up a series, by name."""
    if not os.path.isdir(path):
        return [path]
    names = sorted(name for name in os.listdir(path) if name.endswith(".parquet"))
    if not names:
        raise SchemaMismatchError(
            f"The folder {path} stands for a series but holds no Parquet file. Remove it, or convert "
            "the series again.",
            path=path,
        )
    return [os.path.join(path, name) for name in names]


class Parts:
    """The files of a series, opened as they are needed where their names tell what they hold.

    Args:
        path: The series.
        paths: Its files.

    Raises:
        SchemaMismatchError: The columns are not 0, 1, … without a gap.
    """

    def __init__(self, path: str, paths: list[str]) -> None:
        self._path = path
        ranges = _ranges_in_names(paths)
        self._files: list[SeriesFile | None] = [None] * len(paths)
        if ranges is None:
            files = sorted((open_file(part) for part in paths), key=lambda file: file.first_column)
            paths = [file.path for file in files]
            ranges = [_range_of(file) for file in files]
            self._files = [*files]
        self._paths = paths
        self._ranges = ranges
        self._check_ranges()
        for file in self._files:
            if file is not None:
                self._check_rows(file)
        self.count = len(paths)
        self.columns = ranges[-1].stop
        self._starts = np.array([columns.start for columns in ranges], np.intp)

    def file(self, number: int) -> SeriesFile:
        """Return a file, which is opened now if it was not before.

        Raises:
            SchemaMismatchError: It holds other columns than its name says, or other steps.
        """
        found = self._files[number]
        if found is None:
            found = open_file(self._paths[number])
            self._check_file(found, number)
            self._files[number] = found
        return found

    def files(self) -> list[SeriesFile]:
        """Return every file, by its first column."""
        return [self.file(number) for number in range(self.count)]

    def split(self, columns: Indices) -> Iterator[tuple[SeriesFile, slice, Indices]]:
        """Yield each file that is needed, which of the columns are its, and their positions in it.

        Args:
            columns: Ascending.
        """
        cuts = [*np.searchsorted(columns, self._starts).tolist(), len(columns)]
        needed = [(n, *cut) for n, cut in enumerate(pairwise(cuts)) if cut[0] < cut[1]]
        if len(needed) > 1:
            announce_ends([self._paths[n] for n, *_ in needed if self._files[n] is None])
        for number, first, stop in needed:
            positions = columns[first:stop] - self._starts[number]
            yield self.file(number), slice(first, stop), positions

    def _check_ranges(self) -> None:
        expected = 0
        for columns in self._ranges:
            if columns.start != expected:
                raise _gap(self._path, min(expected, columns.start))
            expected = columns.stop

    def _check_file(self, file: SeriesFile, number: int) -> None:
        if _range_of(file) != self._ranges[number]:
            held = self._ranges[number]
            raise SchemaMismatchError(
                f"{file.path} must hold the columns {held.start} to {held.stop - 1}, as its name says, "
                f"but holds {_range_of(file)}. Convert the series again.",
                path=file.path,
            )
        if number:
            self._check_rows(file)

    def _check_rows(self, file: SeriesFile) -> None:
        if file.rows != self.file(0).rows:
            raise SchemaMismatchError(
                f"The files of {self._path} have different numbers of steps: {self.file(0).rows} and "
                f"{file.rows}. Convert the series again.",
                path=file.path,
            )


def _ranges_in_names(paths: list[str]) -> list[range] | None:
    """Return which columns the files hold, as far as all their names tell."""
    if len(paths) == 1:
        return None
    found = [_PART_NAME.fullmatch(os.path.basename(path)) for path in paths]
    if None in found:
        return None
    return [range(int(match[1]), int(match[2]) + 1) for match in found if match is not None]


def _range_of(file: SeriesFile) -> range:
    """Return the columns of a file, which must be consecutive."""
    columns = file.columns
    expected = np.arange(file.first_column, file.first_column + len(columns))
    if not np.array_equal(columns, expected):
        raise _gap(file.path, int(expected[columns != expected][0]))
    return range(file.first_column, file.first_column + len(columns))


def _gap(path: str, column: int) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"The columns of {path} must be 0, 1, … without a gap; column {column} is missing or occurs "
        "twice. The file was left as it is. Write it again with every scenario.",
        path=path,
    )
