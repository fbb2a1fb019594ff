"""Keys that only folders tell get a type that loses nothing; filters only ever err by admitting."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from parquetry.errors import LayoutError
from parquetry.model.partitions import PartitionFilter, infer_type, parse_text


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-2", None], pa.int64()),
        (["01", "10"], pa.string()),
        (["1e234567"], pa.string()),
        (["1", "x"], pa.string()),
        (["-0"], pa.string()),
        (["9223372036854775808"], pa.string()),
        (["٣"], pa.string()),
        (["2024-01-01", "2024-02-29"], pa.date32()),
        (["2024-13-01"], pa.string()),
        (["20240101"], pa.int64()),
        ([None], pa.string()),
        ([""], pa.string()),
        (["1.5"], pa.string()),
    ],
)
def test_a_key_is_a_number_or_a_date_only_if_every_value_is_written_as_one(texts, kind):
    assert infer_type(texts) == kind


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("01", pa.int64(), 1),
        ("1.0", pa.float64(), 1.0),
        ("true", pa.bool_(), True),
        ("2024-01-02", pa.date32(), dt.date(2024, 1, 2)),
        (
            "2024-01-02 03:00:00Z",
            pa.timestamp("us", "UTC"),
            dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC),
        ),
        ("x", pa.string(), "x"),
        (None, pa.int64(), None),
    ],
)
def test_a_text_is_read_as_its_type(text, kind, value):
    assert parse_text(text, kind) == value


@pytest.mark.parametrize(
    ("text", "kind"), [("x", pa.int64()), ("maybe", pa.bool_()), ("x", pa.list_(pa.int64()))]
)
def test_a_text_that_is_no_value_of_the_type_is_refused(text, kind):
    with pytest.raises(LayoutError, match="is no"):
        parse_text(text, kind)


def test_a_filter_admits_what_it_does_not_know():
    where = PartitionFilter(
        exact={"a": frozenset(["x", None])}, tests={"b": (lambda text: text != "1",)}
    )
    assert where.admits("a", "x")
    assert where.admits("a", None)
    assert not where.admits("a", "y")
    assert not where.admits("b", "1")
    assert where.admits("other", "1")
