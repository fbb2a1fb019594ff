"""The expressions that order rows: curves that make no jumps, cuts, NULLs, and values of every type."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import replace
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import LayoutError
from parquetry.files.text_codes import CODES
from parquetry.model.layouts import Cut, Layout, PartitionKey, Quantiles
from parquetry.tuning.candidates.curves import along_curve
from parquetry.tuning.ordering.curves import STATE_BITS, curve_table
from parquetry.tuning.ordering.literals import literal
from parquetry.tuning.ordering.numbers import rows_along
from parquetry.tuning.ordering.terms import curve_key, cut_key, order_by, order_terms
from tuning.orders import orders, situation, take


@pytest.fixture(scope="module")
def duck():
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def number_on_curve(point, curve, bits):
    """Return the number of a cell, a bit of each coordinate at a time."""
    table, state, number = curve_table(curve, len(point), 1), 0, 0
    for level in reversed(range(bits)):
        cell = 0
        for coordinate in point:
            cell = cell << 1 | (coordinate >> level & 1)
        entry = table[state << len(point) | cell]
        number = number << len(point) | entry >> STATE_BITS
        state = entry & ((1 << STATE_BITS) - 1)
    return number


def test_the_hilbert_curve_goes_from_neighbour_to_neighbour_through_every_cell():
    for dimensions, bits in ((2, 5), (3, 3)):
        cells = list(itertools.product(range(1 << bits), repeat=dimensions))
        numbers = {number_on_curve(cell, "hilbert", bits): cell for cell in cells}
        assert sorted(numbers) == list(range(len(cells)))
        for number in range(len(cells) - 1):
            steps = zip(numbers[number], numbers[number + 1], strict=True)
            assert sum(abs(a - b) for a, b in steps) == 1


def test_z_order_interleaves_bits():
    assert [number_on_curve(cell, "z-order", 1) for cell in ((0, 0), (0, 1), (1, 0), (1, 1))] == [
        0,
        1,
        2,
        3,
    ]
    assert number_on_curve((0b11, 0b00), "z-order", 2) == 0b1010


@pytest.mark.parametrize("curve", ["hilbert", "z-order"])
@pytest.mark.parametrize("columns", [("x", "y"), ("x", "y", "z")])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_sql_finds_the_number_of_a_row_on_the_curve(duck, curve, columns, data):
    bits = {2: 8, 3: 6}[len(columns)]
    side = 1 << bits
    bounds = tuple(range(1, side))  # value v stands in cell v
    layout = Layout((), columns, curve, tuple(Quantiles(name, bounds) for name in columns))
    point = data.draw(st.tuples(*[st.integers(0, side - 1)] * len(columns)))
    row = ", ".join(f"{value} AS {name}" for value, name in zip(point, columns, strict=True))
    [(found,)] = duck.execute(f"SELECT {curve_key(layout)} FROM (SELECT {row})").fetchall()
    assert found == number_on_curve(point, curve, bits)


def test_few_boundaries_are_spread_and_null_stands_in_the_last_cell(duck):
    layout = Layout((), ("x", "y"), "z-order", (Quantiles("x", (5,)), Quantiles("y", (1, 2, 3))))
    rows = [(4, 0), (5, 0), (None, 0), (4, 3), (4, None)]
    table = pa.table({"x": [x for x, _ in rows], "y": [y for _, y in rows]})
    duck.register("rows", table)
    numbers = [n for (n,) in duck.execute(f"SELECT {curve_key(layout)} FROM rows").fetchall()]
    assert numbers == [
        number_on_curve(cell, "z-order", 8)
        for cell in ((0, 0), (128, 0), (128, 0), (0, 192), (0, 192))
    ]


@pytest.mark.parametrize("curve", ["hilbert", "z-order"])
@pytest.mark.parametrize("count", [2, 3])
def test_a_sample_is_ordered_along_a_curve_as_sql_orders_all_rows(curve, count):
    sample = take(orders(3_000), 3_000)
    columns = ("discount", "sku", "day")[:count]
    here = situation(sample, ["price > 1"])
    layout = replace(along_curve(here, columns), curve=curve, partition_by=(PartitionKey("mode"),))
    rows = sample.table.append_column("row", pa.array(range(3_000)))
    with duckdb.connect() as duck:
        duck.register("rows", rows)
        found = duck.execute(f"SELECT row FROM rows ORDER BY {order_by(layout)}, row").fetchnumpy()
    assert sample.order(layout).rows.tolist() == found["row"].tolist()


COLUMNS = {
    pa.int16(): st.integers(-300, 300),
    pa.float64(): st.floats(width=64),
    pa.float32(): st.floats(width=32),
    pa.string(): st.text("ab~é", max_size=3),
    pa.binary(): st.binary(max_size=2),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(dt.date(1960, 1, 1), dt.date(2050, 1, 1)),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
    pa.timestamp("us", "UTC"): st.datetimes(
        dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)
    ),
    pa.decimal128(9, 2): st.decimals(-9_999, 9_999, places=2),
    CODES: st.text("ab~é", max_size=3),
}


def is_in_order(value):
    return not (isinstance(value, float) and math.isnan(value))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_arrays_find_the_numbers_on_a_curve_that_sql_finds(duck, data):
    kinds = data.draw(st.lists(st.sampled_from(list(COLUMNS)), min_size=2, max_size=3))
    names = [f"c{number}" for number in range(len(kinds))]
    columns, quantiles = [], []
    for name, kind in zip(names, kinds, strict=True):
        one = COLUMNS[kind]
        rows = data.draw(st.lists(st.none() | one, min_size=20, max_size=20))
        bounds = data.draw(st.sets(one.filter(is_in_order), min_size=1, max_size=6))
        columns.append(pa.chunked_array([pa.array(rows[:7], kind), pa.array(rows[7:], kind)]))
        quantiles.append(Quantiles(name, tuple(sorted(bounds))))
    curve = data.draw(st.sampled_from(["hilbert", "z-order"]))
    layout = Layout((), tuple(names), curve, tuple(quantiles))
    table = pa.table(columns, names)
    duck.register("rows", table)
    found = [n for (n,) in duck.execute(f"SELECT {curve_key(layout)} FROM rows").fetchall()]
    assert rows_along(curve, quantiles, table).tolist() == found


def test_rows_end_in_the_leaf_that_the_cuts_lead_to(duck):
    layout = Layout(
        cuts=(
            Cut("x", "<", 10, 1, 2),
            Cut("s", "in", ("a", "b"), ~0, ~1),
            Cut("s", "=", "c", ~2, ~3),
        )
    )
    table = pa.table({"x": [1, 1, 10, None, 10], "s": ["b", "c", "c", "c", None]})
    duck.register("rows", table)
    leaves = [n for (n,) in duck.execute(f"SELECT {cut_key(layout)} FROM rows").fetchall()]
    assert leaves == [0, 1, 2, 2, 3]


def test_partitions_come_first_and_nulls_last(duck):
    layout = Layout((PartitionKey("at", "month"), PartitionKey("k")), ("x",))
    assert order_terms(layout) == ("date_trunc('month', \"at\")", '"k"', '"x"')
    may, june = dt.datetime(2024, 5, 31), dt.datetime(2024, 6, 1)
    table = pa.table(
        {"at": [june, may, None, may, may], "k": [1, 2, 1, 1, 1], "x": [1, 1, 1, None, 2]}
    )
    duck.register("rows", table)
    ordered = duck.execute(f"SELECT * FROM rows ORDER BY {order_by(layout)}").fetchall()
    assert ordered == [
        (may, 1, 2),
        (may, 1, None),
        (may, 2, 1),
        (june, 1, 1),
        (None, 1, 1),
    ]


def test_a_layout_without_an_order_leaves_rows_as_they_come():
    assert order_by(Layout()) == ""


def test_names_and_texts_of_any_characters_are_quoted(duck):
    layout = Layout(sort_by=('o"d d',), cuts=(Cut('o"d d', "=", "it's", ~0, ~1),))
    table = pa.table({'o"d d': ["a", "it's"]})
    duck.register("rows", table)
    assert duck.execute(f"SELECT * FROM rows ORDER BY {order_by(layout)}").fetchall() == [
        ("it's",),
        ("a",),
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -5,
        2**70,
        0.1,
        float("inf"),
        Decimal("-1.50"),
        Decimal("1E+3"),
        "it's",
        b"\x00\xff'",
        dt.date(1, 1, 1),
        dt.datetime(2024, 1, 2, 3, 4, 5, 6),
        dt.time(1, 2, 3),
    ],
)
def test_a_literal_is_the_value(duck, value):
    [(found,)] = duck.execute(f"SELECT {literal(value)}").fetchall()
    assert found == value


def test_a_moment_of_any_zone_is_the_same_moment_in_sql(duck):
    moment = dt.datetime(2024, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=5)))
    [(found,)] = duck.execute(f"SELECT epoch_us({literal(moment)})").fetchall()
    assert found == moment.timestamp() * 10**6


def test_a_value_that_sql_has_no_literal_for_is_refused():
    with pytest.raises(LayoutError, match="complex"):
        literal(1j)
