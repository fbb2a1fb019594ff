"""An answer in every usual form, as often as it is asked."""

from __future__ import annotations

import datetime as dt
import sys

import polars as pl
import pytest

from access.trees import DUCK
from parquetry.errors import MissingDependencyError, RequestError


def answer(sql):
    return DUCK.run(sql, {})


def test_an_answer_gives_itself_in_every_form_again_and_again():
    found = answer("select i::bigint as i, 't' || i as t from range(3) r(i)")
    for _ in range(2):
        assert found.columns == ["i", "t"]
        assert found.fetchall() == [(0, "t0"), (1, "t1"), (2, "t2")]
        assert list(found) == found.fetchall()
        assert found.pl().rows() == found.fetchall()
        assert found.arrow().to_pydict() == {"i": [0, 1, 2], "t": ["t0", "t1", "t2"]}
        assert found.df().to_dict("list") == {"i": [0, 1, 2], "t": ["t0", "t1", "t2"]}
        assert len(found) == 3


def test_fetchone_goes_on_row_by_row():
    found = answer("select * from range(2)")
    assert [found.fetchone() for _ in range(3)] == [(0,), (1,), None]


def test_sums_of_whole_numbers_are_whole_numbers():
    found = answer("select sum(i) as s, count(*) as n from range(10) r(i)")
    assert found.fetchall() == [(45, 10)]
    assert found.pl().schema == {"s": pl.Int64, "n": pl.Int64}
    huge = answer("select 170141183460469231731687303715884105727::hugeint as h")
    assert huge.fetchone() == (2**127 - 1,)


def test_python_gets_python_values():
    found = answer(
        "select map {'k': 1} as m, {'a': [1, NULL]} as s, "
        "TIMESTAMP_NS '2024-01-01 00:00:00.123456789' as n, "
        "TIMESTAMPTZ '2024-01-01 00:00:00+00' as z, "
        "DATE '2024-01-01' as d, 'x'::BLOB as b, NULL as nothing"
    )
    assert found.fetchone() == (
        {"k": 1},
        {"a": [1, None]},
        dt.datetime.fromisoformat("2024-01-01 00:00:00.123456"),
        dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
        dt.date(2024, 1, 1),
        b"x",
        None,
    )


def test_a_name_that_occurs_twice_is_told_apart_in_frames():
    found = answer("select 1 as a, 2 as a, 3 as a_1")
    assert found.columns == ["a", "a", "a_1"]
    assert found.fetchall() == [(1, 2, 3)]
    assert found.pl().columns == ["a", "a_1", "a_1_1"]


def test_an_answer_prints_as_a_table_of_its_first_rows():
    text = repr(answer("select i, 'text ' || i as label from range(1000) r(i)"))
    assert "text 19" in text
    assert "text 20" not in text
    assert "1000 rows, 20 shown; 0 files" in text
    assert "1 row;" in repr(answer("select 1 as a"))
    page = answer("select '<b>' as a")._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<table" in page


def test_what_a_frame_cannot_hold_still_prints_and_is_an_error_of_ours_as_a_frame():
    found = answer("select '12345678901234567890'::bignum as big")
    assert "big" in repr(found)
    assert found.arrow().num_rows == 1


def test_pandas_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.delitem(sys.modules, "pyarrow.pandas_compat", raising=False)
    with pytest.raises((MissingDependencyError, RequestError), match="pandas"):
        answer("select 1 as a").df()
