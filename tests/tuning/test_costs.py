"""What a layout would cost is told from a sample, and agrees with files that were really written."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import astuple, replace

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.access.duck import Duck
from parquetry.access.source import Source
from parquetry.commits.home import Home
from parquetry.model.layouts import Cut, Layout, PartitionKey
from parquetry.storage.local import LocalStorage
from parquetry.tuning.candidates.curves import along_curve
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.costs.fitting import Measured, fit, non_negative_least_squares
from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.costs.work import predict_work, predict_works
from tuning.orders import ask, orders, questions, situation, take

ROWS, GROUP_ROWS = 100_000, 1_000
COLUMNS = ("customer", "day", "mode", "price", "sku", "discount")


@pytest.fixture(scope="module")
def frame():
    return orders(ROWS)


@pytest.fixture(scope="module")
def sample(frame):
    return take(frame, ROWS * 20 // GROUP_ROWS)


def layouts(sample):
    """Return layouts of every kind."""
    hot = situation(sample, ["customer = 1", "price < 10", "day = DATE '2023-05-05'"])
    curves = [along_curve(hot, pair) for pair in (("customer", "day"), ("price", "customer"))]
    three = along_curve(hot, ("customer", "day", "price"))
    found = [
        Layout(sort_by=("order_id",)),
        Layout(sort_by=("customer",)),
        Layout(sort_by=("day",)),
        Layout(sort_by=("mode", "day")),
        Layout(sort_by=("price", "customer")),
        Layout(sort_by=("discount", "sku")),
        *curves,
        three,
        Layout((PartitionKey("day", "year"),), ("customer",)),
        Layout(cuts=(Cut("price", "<", 100.0, 1, ~2), Cut("mode", "=", "AIR", ~0, ~1))),
    ]
    return [
        Layout(
            one.partition_by,
            one.sort_by,
            one.curve,
            one.quantiles,
            one.cuts,
            row_group_rows=GROUP_ROWS,
        )
        for one in found
    ]


def write(frame, layout, path):
    """Write all rows in a layout: each partition begins a row group of its own."""
    whole = take(frame, len(frame))
    ordering = whole.order(layout)
    table = whole.table.take(ordering.rows)
    with pq.ParquetWriter(path, table.schema) as writer:
        for start, end in itertools.pairwise([*ordering.starts, len(frame)]):
            writer.write_table(table.slice(start, end - start), row_group_size=GROUP_ROWS)


def read(path, conditions):
    """Return how many row groups DuckDB reads for each condition."""
    source = Source(Home.of(path), LocalStorage())
    duck = Duck(profile=True)
    return [
        duck.run(
            f"SELECT sum(order_id) FROM orders WHERE {one}", {"orders": source}
        ).stats.row_groups_read
        for one in conditions
    ]


@pytest.mark.slow
def test_predictions_rank_layouts_as_duckdb_does_and_are_near(frame, sample, tmp_path):
    kinds = questions(4)
    asked = {kind: [ask(one, sample) for one in some] for kind, some in kinds.items()}
    predicted, measured = {}, {}
    for number, layout in enumerate(layouts(sample)):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(frame, layout, folder / "data.parquet")
        groups = predict_groups(sample, layout, COLUMNS)
        for kind, conditions in kinds.items():
            place = number, kind
            predicted[place] = sum(
                predict_work(one, groups, sample).row_groups for one in asked[kind]
            )
            measured[place] = sum(read(folder, conditions))
    errors = [abs(predicted[at] - measured[at]) / max(measured[at], 1) for at in measured]
    assert np.median(errors) <= 0.1
    pairs = [
        (one, other)
        for one, other in itertools.combinations(measured, 2)
        if one[1] == other[1]
        and abs(measured[one] - measured[other]) > 0.1 * max(measured[one], measured[other])
    ]
    agreeing = [
        (predicted[one] < predicted[other]) == (measured[one] < measured[other])
        for one, other in pairs
    ]
    assert len(pairs) > 200
    assert np.mean(agreeing) >= 0.95


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_row_group_that_holds_a_wanted_row_is_never_left_out_of_what_files_have(frame, data):
    """With all rows in the sample, the prediction reads every row group with a row that fulfils."""
    some = frame.head(600)
    whole = take(some, len(some))
    layout = Layout(
        sort_by=data.draw(st.sampled_from([("customer",), ("mode", "price"), ()])),
        row_group_rows=50,
    )
    kind = data.draw(st.sampled_from(sorted(questions(1))))
    condition = data.draw(st.sampled_from(questions(20)[kind]))
    groups = predict_groups(whole, layout, COLUMNS)
    ordered = some[whole.order(layout).rows].with_row_index("at")
    wanted = ordered.filter(pl.sql_expr(condition))["at"] // 50
    assert len(groups) == 12
    assert predict_work(ask(condition, whole), groups, whole).row_groups >= wanted.n_unique()


def test_the_present_row_groups_are_those_of_the_footers(frame, sample, tmp_path):
    for number, part in enumerate((frame.head(10_000), frame.slice(10_000, 5_000))):
        folder = tmp_path / f"part={number}"
        folder.mkdir()
        part.write_parquet(folder / "data.parquet", row_group_size=1_000)
    listing = Source(Home.of(tmp_path), LocalStorage()).listing()
    groups = present_groups(listing, sample, (*COLUMNS, "part"))
    assert groups.rows.tolist() == [1_000.0] * 15
    assert groups.files.tolist() == [0] * 10 + [1] * 5
    last = frame.slice(14_000, 1_000)
    first_day = ask(f"day >= DATE '{last['day'].max()}'", sample)
    assert predict_work(first_day, groups, sample).row_groups >= 1
    after = ask(f"day > DATE '{frame.head(15_000)['day'].max()}'", sample)
    nothing = predict_work(after, groups, sample)
    assert (nothing.row_groups, nothing.files) == (0, 2)  # opened, both of them, to know that
    assert predict_work(ask("discount IS NULL", sample), groups, sample).row_groups == 15


@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_every_unit_and_zone_spare_reading(unit, zone, tmp_path):
    start = dt.datetime(2024, 1, 1)
    times = pl.datetime_range(start, start + dt.timedelta(hours=999), "1h", eager=True)
    typed = (
        times.cast(pl.Datetime(unit, zone))
        if zone is None
        else (times.dt.replace_time_zone(zone).cast(pl.Datetime(unit, zone)))
    )
    frame = pl.DataFrame({"at": typed, "n": range(1_000)})
    whole = take(frame, 1_000)
    asked = ask("at >= '2024-02-01' AND at < '2024-02-02 00:00:00'", whole)
    groups = predict_groups(whole, Layout(sort_by=("at",), row_group_rows=10), ("at",))
    assert 3 <= predict_work(asked, groups, whole).row_groups <= 4
    frame.write_parquet(tmp_path / "data.parquet", row_group_size=10)
    listing = Source(Home.of(tmp_path), LocalStorage()).listing()
    present = present_groups(listing, whole, ("at",))
    assert 3 <= predict_work(asked, present, whole).row_groups <= 4


def test_every_place_that_reads_counts(sample):
    groups = predict_groups(sample, Layout(row_group_rows=GROUP_ROWS), COLUMNS)
    one = predict_work(ask("price > 0", sample), groups, sample)
    assert one.row_groups == len(groups) == ROWS // GROUP_ROWS
    assert one.rows == pytest.approx(ROWS)


def test_bloom_filters_spare_row_groups_for_rare_values_and_not_for_common_ones(sample):
    layout = Layout(row_group_rows=GROUP_ROWS, bloom_columns=("customer", "mode"))
    groups = predict_groups(sample, layout, COLUMNS)
    assert predict_work(ask("customer = 77", sample), groups, sample).row_groups < 15
    assert predict_work(ask("customer > 77", sample), groups, sample).row_groups > 90
    assert predict_work(ask("mode = 'AIR'", sample), groups, sample).row_groups > 90


def test_files_are_cut_at_their_size_and_at_partitions(sample):
    bytes_a_group = 30 * GROUP_ROWS
    layout = Layout(
        (PartitionKey("mode"),), row_group_rows=GROUP_ROWS, target_file_bytes=10 * bytes_a_group
    )
    groups = predict_groups(sample, layout, ("mode",))
    assert len(np.unique(groups.files)) in {10, 11, 12, 13, 14, 15}  # two or three for each mode
    assert predict_work(ask("mode = 'AIR'", sample), groups, sample).files in {2, 3}


def test_footers_are_paid_for_whether_their_row_groups_are_read_or_not(sample):
    asked = ask("mode = 'AIR'", sample)
    large = Layout(sort_by=("mode",), row_group_rows=GROUP_ROWS)
    small = replace(large, row_group_rows=GROUP_ROWS // 4)
    works = [
        predict_work(asked, predict_groups(sample, one, ("mode",)), sample)
        for one in (large, small)
    ]
    assert works[1].rows <= works[0].rows  # smaller row groups spare rows
    assert works[1].chunks == pytest.approx(4 * works[0].chunks, rel=0.1)
    assert works[0].chunks % sample.table.num_columns == 0


@pytest.fixture(scope="module")
def million(frame):
    """Return a sample of a million orders of a hundred thousand products, of which one is rare."""
    products = np.random.default_rng(3).integers(0, 100_000, len(frame))
    some = take(frame.with_columns(product=pl.Series(products)), 20_000)
    return replace(some, rows=1_000_000)


def scattered(sample, layout, keys, condition="price >= 0"):
    asked = replace(ask(condition, sample), group_keys=keys)
    groups = predict_groups(sample, layout, (*COLUMNS, "product"))
    return predict_work(asked, groups, sample).scattered_rows / sample.rows


def test_rows_of_many_groups_are_scattered_unless_the_layout_keeps_groups_together(million):
    sorted_by_it = Layout(sort_by=("product",), row_group_rows=20_000)
    assert scattered(million, Layout(row_group_rows=20_000), ("product",)) == 1
    assert scattered(million, sorted_by_it, ("product",)) < 0.15
    assert scattered(million, sorted_by_it, ("customer",)) == 1
    both = scattered(million, sorted_by_it, ("mode", "product"))
    assert scattered(million, sorted_by_it, ("product",)) < both < 0.6


def test_few_groups_are_at_hand_in_any_order(million):
    assert scattered(million, Layout(), ("mode",)) < 0.001
    assert scattered(million, Layout(), ()) == 0


def test_only_rows_that_are_wanted_are_gathered(million):
    half = scattered(million, Layout(), ("product",), "price < 500")
    assert half == pytest.approx(0.5, abs=0.02)
    none = scattered(million, Layout(), ("product",), "price < 0")
    assert none == 0


def test_questions_that_group_by_the_same_are_priced_together_as_alone(million):
    groups = predict_groups(million, Layout(sort_by=("price",)), (*COLUMNS, "product"))
    asked = [
        replace(ask(f"price < {limit}", million), group_keys=keys)
        for limit in (200, 700)
        for keys in ((), ("product",), ("customer",))
    ]
    together = predict_works(asked, groups, million)
    alone = [astuple(predict_work(one, groups, million)) for one in asked]
    assert together.tolist() == [pytest.approx(one) for one in alone]


TRUE = Constants(3e-3, 1e-4, 4e-5, 1e-9, 2e-9, 2e-6, 3e-8, 5e-8)


def explained(question: Measured, by: Constants) -> float:
    facts = np.array([1.0, *astuple(question)[:-1]])
    return float(facts @ astuple(by))


def test_constants_are_found_again_from_what_questions_took():
    random = np.random.default_rng(5)
    log = []
    for _ in range(300):
        files, row_groups, rows, chunks, kept = random.uniform(0, [20, 100, 6e6, 2e3, 1e5])
        size, scattered = rows * random.uniform(4, 40), kept * random.uniform()
        facts = Measured(files, row_groups, size, rows, chunks, kept, scattered, seconds=0.0)
        log.append(replace(facts, seconds=explained(facts, TRUE)))
    found = fit(log)
    off = np.abs([explained(one, found) / one.seconds - 1 for one in log])
    assert np.median(off) < 0.05
    assert found.byte == pytest.approx(TRUE.byte, rel=0.3)


def test_what_the_log_does_not_tell_stays_in_proportion():
    log = [Measured(1, 100, 6e7, 6e6, 1_000, 10, 0, 0.1)] * 50
    found, before = fit(log), Constants()
    assert found.byte / found.row == pytest.approx(before.byte / before.row, rel=0.6)
    assert fit([]) == before


THOUSANDTHS = st.integers(-5_000, 5_000).map(lambda number: number / 1_000)
"""Numbers like those of a log: not so near zero that a solution overflows."""


@given(
    st.lists(st.lists(THOUSANDTHS, min_size=3, max_size=3), min_size=3, max_size=8),
    st.lists(THOUSANDTHS, min_size=8, max_size=8),
)
def test_no_other_non_negative_solution_is_nearer(rows, wanted):
    matrix = np.array(rows)
    target = np.array(wanted)[: len(rows)]
    found = non_negative_least_squares(matrix, target)
    assert (found >= 0).all()
    gradient = matrix.T @ (matrix @ found - target)
    scale = 1e-6 * (1 + np.abs(matrix).max() ** 2 * (1 + np.abs(found).max()))
    assert (gradient >= -scale).all()  # nothing is gained by more of any column
    assert np.abs(gradient[found > 0]).max(initial=0.0) <= scale
