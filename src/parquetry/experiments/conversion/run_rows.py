"""The rows of one run as a dataset takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from parquetry.errors import CorruptionError
from parquetry.experiments.conversion.granularity import (
    GRID_ID,
    SEED,
    event_rows,
    is_summary,
    seed_rows,
    with_seed,
)
from parquetry.experiments.conversion.reading_csv import read_csv, read_header

if TYPE_CHECKING:
    from parquetry.experiments.conversion.planning import GridPlan, PlannedRun, Target
    from parquetry.experiments.conversion.reading_csv import CsvTable


def seeds_of(content: bytes, run: PlannedRun) -> tuple[int, ...]:
    """Return the seeds of a CSV; its rows are read only if they name their own.

    Raises:
        CorruptionError: The CSV is broken.
    """
    if SEED not in read_header(content, run.csv):
        return (run.seed,)
    frame = _own_rows(read_csv(content, run.csv), run)
    return tuple(frame[SEED].unique().sort().to_list())


def rows_of(
    content: bytes, run: PlannedRun, grid: GridPlan, target: Target
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the rows of a CSV as events or summaries, by seed, and notes on how it was read.

    Raises:
        CorruptionError: The CSV is broken.
    """
    table = read_csv(content, run.csv)
    # Rows of one seed stand together, so that each unit is written in one piece.
    frame = _own_rows(table, run).sort(SEED, maintain_order=True)
    if target.granularity == "event":
        return event_rows(frame), table.notes
    if SEED in table.frame.columns and is_summary(frame):
        return frame, table.notes
    return seed_rows(frame, grid.params), table.notes


def _own_rows(table: CsvTable, run: PlannedRun) -> pl.DataFrame:
    frame = table.frame
    if run.own_grid is not None:
        frame = frame.filter(pl.col(GRID_ID) == run.own_grid)
    if frame.is_empty():
        raise CorruptionError(
            f"{run.csv} has a header and no rows. Nothing was converted. If its run is still to "
            "come, convert again later; else delete it.",
            path=run.csv,
        )
    return with_seed(frame, run.seed, run.csv)
