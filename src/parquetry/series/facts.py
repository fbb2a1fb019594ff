"""What a series on disk is, as a value that a face can show."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.errors import ParameterError, ParquetryError
from parquetry.series.database import DataBase
from parquetry.series.finding import PARQUET, is_stale, names_in
from parquetry.series.findings import Finding, array_problems
from parquetry.series.lazy import LazyTimeScenarioSeriesData
from parquetry.series.source import open_source
from parquetry.series.texts import DELIMITERS, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What a series on disk is.

    Args:
        path: The file or folder.
        rows: Steps.
        columns: Scenarios.
        files: Parquet files that it consists of.
        row_group_rows: Steps of the largest row group.
        chunks: Row groups times columns of the largest file; a footer grows with it.
        footer_bytes: The size of all footers.
        bytes: The size of all files.
        nan_values: How many values are NaN, where the footers tell.
        compression: How the values are compressed.
    """

    path: str
    rows: int
    columns: int
    files: int
    row_group_rows: int
    chunks: int
    footer_bytes: int
    bytes: int
    nan_values: int | None
    compression: str


def series_info(path: str | os.PathLike[str]) -> SeriesInfo:
    """Return what a Parquet series is, from its footers alone.

    Raises:
        NotFoundError: There is nothing at this path.
        CorruptionError: It is no Parquet file.
        SchemaMismatchError: It is Parquet, but no series.
    """
    source = open_source(os.fspath(path))
    files = source.files
    counts = [file.nan_values for file in files]
    sizes = [
        stop - start for file in files for start, stop in zip(file.starts, file.stops, strict=True)
    ]
    return SeriesInfo(
        path=source.path,
        rows=source.rows,
        columns=source.columns,
        files=len(files),
        row_group_rows=max(sizes, default=0),
        chunks=max(len(file.starts) * len(file.columns) for file in files),
        footer_bytes=sum(file.footer_bytes for file in files),
        bytes=sum(file.stamp.size for file in files),
        nan_values=None if None in counts else sum(count or 0 for count in counts),
        compression=files[0].compression,
    )


def check_series(
    target: str | os.PathLike[str] | DataBase,
    *,
    last_step: int | None = None,
    mc_scenario_ids: Sequence[int] | None = None,
    refuse_nan: bool = False,
) -> list[Finding]:
    """Return everything that would stop a simulation, and nothing if all is well.

    Args:
        target: A database, or a folder of series.
        last_step: The last step that will be asked for; without it the last of each series of a folder.
        mc_scenario_ids: The scenarios that will be asked for; without them all of each series of a
            folder.
        refuse_nan: Whether NaN is wrong.

    **Cost:** footers, and the values where those do not tell of nulls or NaN.

    Raises:
        ParameterError: A database is to be checked, but not told for which steps and scenarios.
        NotFoundError: There is no such folder.
    """
    if isinstance(target, DataBase):
        if last_step is None or mc_scenario_ids is None:
            raise ParameterError(
                "A database is checked for a last_step and mc_scenario_ids: give both."
            )
        return target.find_problems(last_step, mc_scenario_ids, refuse_nan=refuse_nan)
    wanted = None if mc_scenario_ids is None else np.asarray(mc_scenario_ids, np.intp)
    return list(_check_folder(os.fspath(target), last_step, wanted, refuse_nan=refuse_nan))


def _check_folder(
    folder: str, last_step: int | None, wanted: np.ndarray | None, *, refuse_nan: bool
) -> Iterator[Finding]:
    names = names_in(folder)
    if not any(os.path.splitext(name)[1] in {PARQUET, *DELIMITERS} for name in names):
        yield Finding(
            folder, "it holds no series.", f"Series end in {PARQUET} or {', '.join(DELIMITERS)}."
        )
    for name in names:
        path = os.path.join(folder, name)
        base, suffix = os.path.splitext(path)
        if suffix == PARQUET:
            yield from _check_file(path, last_step, wanted, refuse_nan=refuse_nan)
        elif suffix in DELIMITERS:
            yield from _check_text(path, base + PARQUET, last_step, wanted, refuse_nan=refuse_nan)


def _check_file(
    path: str, last_step: int | None, wanted: np.ndarray | None, *, refuse_nan: bool
) -> list[Finding]:
    try:
        source = open_source(path)
    except ParquetryError as error:
        return [Finding(path, str(error), "")]
    last, columns = _asked(source.rows, source.columns, last_step, wanted)
    series = LazyTimeScenarioSeriesData(path)
    return series.find_problems(last, columns, refuse_nan=refuse_nan)


def _check_text(
    path: str, parquet: str, last_step: int | None, wanted: np.ndarray | None, *, refuse_nan: bool
) -> list[Finding]:
    if os.path.exists(parquet):
        if not is_stale(path, parquet):
            return []
        return [Finding(path, f"it is newer than {parquet}.", "Convert the series again.")]
    try:
        values = read_text(path)
    except ParquetryError as error:
        return [Finding(path, str(error), "")]
    rows, count = values.shape
    last, columns = _asked(rows, count, last_step, wanted)
    found = array_problems(values, rows, count, last, columns, refuse_nan=refuse_nan)
    return [problem.at(path) for problem in found]


def _asked(
    rows: int, count: int, last_step: int | None, wanted: np.ndarray | None
) -> tuple[int, np.ndarray]:
    """Return what is asked of a series: one row serves all steps, and one column all scenarios."""
    last = rows - 1 if last_step is None or rows == 1 else last_step
    return last, np.arange(count) if wanted is None or count == 1 else wanted
