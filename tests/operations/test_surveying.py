"""What a survey tells does not depend on whether footers were read together or one by one."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parquetry.commits.home import Home
from parquetry.files import footer_table
from parquetry.operations.surveying import take_survey
from parquetry.storage.local import LocalStorage

MOMENTS = st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2200, 1, 1))
VALUES = {
    pa.int32(): st.integers(-5, 5),
    pa.string(): st.text(max_size=3),
    pa.large_string(): st.sampled_from(["a", "b" * 70]),
    pa.bool_(): st.booleans(),
    pa.float64(): st.floats(),
    pa.date32(): MOMENTS.map(dt.datetime.date),
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("ns"): MOMENTS,
    pa.timestamp("ms", "UTC"): MOMENTS.map(
        lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000, tzinfo=dt.UTC)
    ),
    pa.binary(): st.binary(max_size=3),
}
SCHEMA = pa.schema([(f"c{number}", kind) for number, kind in enumerate(VALUES)])


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 4))
    some = draw(st.booleans())  # NULL
    columns = [
        pa.array(
            draw(st.lists(values | st.none() if some else values, min_size=rows, max_size=rows)),
            kind,
        )
        for kind, values in VALUES.items()
    ]
    return pa.table(columns, schema=SCHEMA)


def survey(root, columns, *, together: bool):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(footer_table, "WORTH_A_WALK", 2 if together else 10**9)
        return take_survey(Home.of(root), LocalStorage(), columns)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(tables(), min_size=2, max_size=5),
    st.sampled_from(range(len(VALUES))),
    st.integers(1, 3),
)
def test_a_survey_is_the_same_together_and_one_by_one(tmp_path_factory, found, by, group_rows):
    root = tmp_path_factory.mktemp("survey")
    for number, table in enumerate(found):
        folder = root / f"k={number % 2}"
        folder.mkdir(exist_ok=True)
        claim = [pq.SortingColumn(by, descending=number == 3)] if number != 2 else None
        pq.write_table(
            table, folder / f"{number}.parquet", row_group_size=group_rows, sorting_columns=claim
        )
    one, other = (survey(root, SCHEMA.names, together=flag) for flag in (True, False))
    assert one == other


def test_null_in_one_file_takes_the_bounds_of_no_other(tmp_path):
    for number, values in enumerate([[1, None], [2, 3], [4, 5]]):
        folder = tmp_path / f"k={number}"
        folder.mkdir()
        pq.write_table(
            pa.table({"x": pa.array(values, pa.int64())}),
            folder / "a.parquet",
            sorting_columns=[pq.SortingColumn(0)],
        )
    for together in (True, False):
        found = survey(tmp_path, ["x"], together=together)
        assert [file.bounds for file in found.files] == [None, (2, 3), (4, 5)]


def test_files_with_key_values_of_their_own_are_read_together(tmp_path):
    for number in range(4):
        table = pa.table({"x": [number]}).replace_schema_metadata({"hash": str(number) * 40})
        pq.write_table(table, tmp_path / f"{number}.parquet", store_schema=False)
    footers = [
        content[-8 - int.from_bytes(content[-8:-4], "little") : -8]
        for path in sorted(tmp_path.glob("*.parquet"))
        for content in [path.read_bytes()]
    ]
    tables, alone = footer_table.read_together(footers)
    assert ([len(table.members) for table in tables], alone) == ([4], [])


def test_files_whose_arrow_schema_differs_are_of_two_shapes(tmp_path):
    """To Parquet a duration is a number: only the Arrow schema knows better."""
    numbers = pl.DataFrame({"x": [1, 2]})
    for number in range(4):
        frame = numbers.cast(pl.Duration("us")) if number % 2 else numbers
        pq.write_table(frame.to_arrow(), tmp_path / f"{number}.parquet")
    footers = [
        content[-8 - int.from_bytes(content[-8:-4], "little") : -8]
        for path in sorted(tmp_path.glob("*.parquet"))
        for content in [path.read_bytes()]
    ]
    tables, _ = footer_table.read_together(footers)
    assert [table.members.tolist() for table in tables] == [[0, 2], [1, 3]]
