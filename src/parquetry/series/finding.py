"""Where a named series is: Parquet first, text if there is none."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError, did_you_mean
from parquetry.series.findings import raise_findings, wrong_count
from parquetry.series.handles import reading_error
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.structures import (
    ScenarioSeriesData,
    TimeScenarioSeriesData,
    TimeSeriesData,
)
from parquetry.series.texts import DELIMITERS, read_text

if TYPE_CHECKING:
    from parquetry.series.structures import AbstractDataStructure

PARQUET = ".parquet"


class StaleSeriesWarning(UserWarning):
    """A text file is newer than the Parquet file that is used in its place."""


def find_series(folder: str | os.PathLike[str], name: str) -> str | None:
    """Return the path of a series, or None: `<name>.parquet`, else `.txt`, `.tsv` or `.csv`.

    The suffix is appended and never replaces anything, so `wind.v2` is a name. Where the text is newer
    than its Parquet twin a `StaleSeriesWarning` is given.
    """
    base = os.path.join(os.fspath(folder), name)
    texts = [base + suffix for suffix in DELIMITERS if os.path.isfile(base + suffix)]
    if os.path.exists(base + PARQUET):
        for text in texts:
            if is_stale(text, base + PARQUET):
                warnings.warn(
                    f"{text} is newer than {base + PARQUET}, which is used. Run `parquetry series "
                    "convert`, or remove one of the two.",
                    StaleSeriesWarning,
                    stacklevel=2,
                )
        return base + PARQUET
    return texts[0] if texts else None


def open_series(
    folder: str | os.PathLike[str], name: str, *, time: bool = True, scenario: bool = True
) -> AbstractDataStructure:
    """Return the data of a named series: lazy over Parquet, in memory from text.

    Args:
        folder: Where the files are.
        name: The name without a suffix.
        time: Whether the series varies over time.
        scenario: Whether it varies over scenarios.

    Raises:
        NotFoundError: There is no file of this name; the nearest name is told. Or there is no folder.
        SchemaMismatchError: The shape does not fit: a time series has exactly one column, a
            scenario series exactly one row.
    """
    path = find_series(folder, name)
    if path is None:
        known = sorted({os.path.splitext(entry)[0] for entry in names_in(folder)})
        raise NotFoundError(
            f"There is no series {name!r} in {os.fspath(folder)}: neither {name}{PARQUET} nor text "
            f"({', '.join(DELIMITERS)}).{did_you_mean(name, known)} Nothing was read.",
            path=os.path.join(os.fspath(folder), name),
        )
    if path.endswith(PARQUET):
        return _lazy(path, time=time, scenario=scenario)
    return _eager(path, time=time, scenario=scenario)


def names_in(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names in a folder of series, sorted.

    Raises:
        NotFoundError: There is no such folder.
        StorageError: It cannot be looked at.
    """
    path = os.fspath(folder)
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"There is no folder of series at {path}. Nothing was read or written. Check the path; a "
            f"folder of series holds files that end in {PARQUET}, {', '.join(DELIMITERS)}.",
            path=path,
        ) from error
    except OSError as error:
        raise reading_error(path, error) from error


def is_stale(text: str, parquet: str) -> bool:
    """Return whether a text file is newer than the Parquet file or folder made from it."""
    return os.stat(text).st_mtime_ns > os.stat(parquet).st_mtime_ns


def _lazy(path: str, *, time: bool, scenario: bool) -> AbstractDataStructure:
    if time and scenario:
        return LazyTimeScenarioSeriesData(path)
    series = LazyTimeSeriesData(path) if time else LazyScenarioSeriesData(path)
    raise_findings(series.shape_problems(series.source), f"Opened the series {path}.")
    return series


def _eager(path: str, *, time: bool, scenario: bool) -> AbstractDataStructure:
    values = read_text(path)
    if time and scenario:
        return TimeScenarioSeriesData(values)
    rows, columns = values.shape
    if time:
        raise_findings(wrong_count(path, "time series", "column", columns), "Read a series.")
        return TimeSeriesData(values[:, 0])
    raise_findings(wrong_count(path, "scenario series", "row", rows), "Read a series.")
    return ScenarioSeriesData(values[0])
