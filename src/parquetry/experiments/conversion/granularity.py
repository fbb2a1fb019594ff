"""What becomes of a CSV's rows: events as they are, or one summary row a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from parquetry.errors import CorruptionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Granularity = Literal["event", "seed"]
SEED = "seed"
EVENT_ID = "event_id"
GRID_ID = "grid_id"
_KEYS = frozenset({SEED, EVENT_ID, GRID_ID})
_REGRETS = ("regret", "cum_regret", "regret_increment")


def with_seed(frame: pl.DataFrame, seed: int, path: str) -> pl.DataFrame:
    """Return the frame with a whole `seed` in each row: its own column, or the given one.

    Args:
        frame: The rows of a CSV.
        seed: The seed of the run, for when the rows name none.
        path: What the file is called in an error.

    Raises:
        CorruptionError: The frame has a column `seed`, and a value in it is no whole number.
    """
    if SEED not in frame.columns:
        return frame.with_columns(pl.lit(seed, pl.Int64).alias(SEED))
    own = frame[SEED]
    whole = own.cast(pl.Int64, strict=False)
    wrong = whole.is_null()
    if own.dtype.is_float():
        wrong |= own != whole
    if wrong.any():
        at = wrong.to_list().index(True)
        raise CorruptionError(
            f"{path}: the column 'seed' holds {own[at]!r} in its row {at}, expected a whole number. "
            "Nothing of this file was converted. Mend the value, or rename the column if it is no "
            "seed.",
            path=path,
        )
    return frame.with_columns(whole.alias(SEED))


def event_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows as events: as they are, with an `event_id` that counts them by seed from 0."""
    if EVENT_ID in frame.columns:
        is_whole = frame[EVENT_ID].dtype.is_integer()
        return frame.with_columns(pl.col(EVENT_ID).cast(pl.Int64)) if is_whole else frame
    number = pl.int_range(pl.len(), dtype=pl.Int64).over(SEED)
    return frame.with_columns(number.alias(EVENT_ID))


def seed_rows(frame: pl.DataFrame, params: Collection[str] = ()) -> pl.DataFrame:
    """Return one row a seed that says what its rows amount to.

    Events are taken in the order of `event_id`, where there is one. The columns are:

    - `total_events`: how many rows.
    - `avg_regret_empirical`: the mean of `regret`, which is filled from `cum_regret`, then from
      `regret_increment`; what is there stays.
    - `N_star_emp` and `m_emp`: how many rows have `insert`, and `delete`, in `op`.
    - `mean_x`, `min_x`, `max_x` and `final_x` of each column of numbers, `mean_x` and `final_x` of
      truth values, `final_x` of dates and texts. A text that is a parameter is left out.

    Args:
        frame: Rows with a column `seed`.
        params: The names of the parameters.
    """
    ordered = frame.sort(EVENT_ID, maintain_order=True) if EVENT_ID in frame.columns else frame
    summary = ordered.group_by(SEED, maintain_order=True).agg(list(_summaries(ordered, params)))
    return summary.sort(SEED)


def is_summary(frame: pl.DataFrame) -> bool:
    """Return whether rows that name their seed are one a seed, so that they sum up runs already."""
    return SEED in frame.columns and EVENT_ID not in frame.columns and not has_repeats(frame[SEED])


def has_repeats(column: pl.Series) -> bool:
    """Return whether a value stands in a column more than once."""
    return column.n_unique() < column.len()


def _summaries(frame: pl.DataFrame, params: Collection[str]) -> Iterator[pl.Expr]:
    yield pl.len().cast(pl.Int64).alias("total_events")
    regrets = [
        pl.col(name)
        for name in _REGRETS
        if name in frame.columns and frame[name].dtype.is_numeric()
    ]
    if regrets:
        yield pl.coalesce(regrets).mean().alias("avg_regret_empirical")
    if frame.schema.get("op") == pl.String:
        yield (pl.col("op") == "insert").sum().cast(pl.Int64).alias("N_star_emp")
        yield (pl.col("op") == "delete").sum().cast(pl.Int64).alias("m_emp")
    for name, kind in frame.schema.items():
        if name not in _KEYS and not (kind == pl.String and name in params):
            yield from _summaries_of(name, kind)


def _summaries_of(name: str, kind: pl.DataType) -> Iterator[pl.Expr]:
    one = pl.col(name)
    if kind.is_numeric() or kind == pl.Boolean:
        yield one.mean().alias(f"mean_{name}")
    if kind.is_numeric():
        yield one.min().alias(f"min_{name}")
        yield one.max().alias(f"max_{name}")
    if kind != pl.Null:
        yield one.last().alias(f"final_{name}")
