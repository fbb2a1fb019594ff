"""Events are the rows as they are; a summary says what the rows of a seed amount to."""

from __future__ import annotations

import polars as pl
import pytest

from parquetry.errors import CorruptionError
from parquetry.experiments.conversion.granularity import (
    event_rows,
    is_summary,
    seed_rows,
    with_seed,
)


def test_rows_without_a_seed_get_the_run_s():
    assert with_seed(pl.DataFrame({"x": [1, 2]}), 7, "a.csv")["seed"].to_list() == [7, 7]


def test_rows_with_a_seed_keep_theirs():
    assert with_seed(pl.DataFrame({"seed": [1.0, 2.0]}), 7, "a.csv")["seed"].to_list() == [1, 2]


@pytest.mark.parametrize("seeds", [[1, None], [1.0, 1.5], ["a", "b"]])
def test_a_seed_that_is_no_whole_number_is_refused_with_its_row(seeds):
    with pytest.raises(CorruptionError, match="column 'seed' holds"):
        with_seed(pl.DataFrame({"seed": seeds}), 7, "a.csv")


def test_events_are_counted_by_seed_unless_they_are_numbered():
    rows = pl.DataFrame({"seed": [1, 1, 2], "op": ["insert", "delete", "insert"]})
    assert event_rows(rows)["event_id"].to_list() == [0, 1, 0]
    assert event_rows(rows)["op"].to_list() == ["insert", "delete", "insert"]
    numbered = rows.with_columns(event_id=pl.Series([5, 3, 9]))
    assert event_rows(numbered)["event_id"].to_list() == [5, 3, 9]


def test_a_summary_has_mean_extremes_and_end_of_each_number():
    rows = pl.DataFrame(
        {"seed": [2, 2, 1], "r": [1.0, 4.0, 9.0], "n": [1, 2, 3], "ok": [True, False, True]}
    )
    assert seed_rows(rows).to_dicts() == [
        {
            "seed": 1, "total_events": 1,
            "mean_r": 9.0, "min_r": 9.0, "max_r": 9.0, "final_r": 9.0,
            "mean_n": 3.0, "min_n": 3, "max_n": 3, "final_n": 3, "mean_ok": 1.0, "final_ok": True,
        },
        {
            "seed": 2, "total_events": 2,
            "mean_r": 2.5, "min_r": 1.0, "max_r": 4.0, "final_r": 4.0,
            "mean_n": 1.5, "min_n": 1, "max_n": 2, "final_n": 2, "mean_ok": 0.5, "final_ok": False,
        },
    ]  # fmt: skip


def test_the_end_is_that_of_the_last_event_not_of_the_last_line():
    rows = pl.DataFrame({"seed": [1, 1], "event_id": [1, 0], "r": [7.0, 3.0]})
    assert seed_rows(rows)["final_r"].to_list() == [7.0]


@pytest.mark.parametrize(
    ("columns", "average"),
    [
        ({"regret": [1.0, 3.0]}, 2.0),
        ({"cum_regret": [1.0, 3.0]}, 2.0),
        ({"regret_increment": [1.0, 3.0]}, 2.0),
        ({"regret": [None, 4.0], "cum_regret": [2.0, 9.0], "regret_increment": [7.0, 7.0]}, 3.0),
        ({"cum_regret": [None, 4.0], "regret_increment": [2.0, 9.0]}, 3.0),
    ],
)
def test_the_average_regret_is_filled_from_what_there_is(columns, average):
    rows = pl.DataFrame({"seed": [1, 1], **columns})
    assert seed_rows(rows)["avg_regret_empirical"].to_list() == [average]


def test_inserts_and_deletes_are_counted():
    rows = pl.DataFrame({"seed": [1, 1, 1], "op": ["insert", "delete", "insert"]})
    row = seed_rows(rows).to_dicts()[0]
    assert (row["N_star_emp"], row["m_emp"], row["final_op"]) == (2, 1, "insert")


def test_a_text_that_is_a_parameter_is_left_out_and_so_is_a_column_without_values():
    rows = pl.DataFrame({"seed": [1], "algo": ["dqn"], "lr": [0.1], "gone": [None]})
    columns = seed_rows(rows, {"algo", "lr"}).columns
    assert columns == ["seed", "total_events", "mean_lr", "min_lr", "max_lr", "final_lr"]


def test_one_row_a_seed_is_a_summary_and_more_are_not():
    assert is_summary(pl.DataFrame({"seed": [1, 2]}))
    assert not is_summary(pl.DataFrame({"seed": [1, 1]}))
    assert not is_summary(pl.DataFrame({"seed": [1, 2], "event_id": [0, 0]}))
