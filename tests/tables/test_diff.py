from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from parquetry.tables import Check, TableSchema, column
from parquetry.tables.diff import diff

BASE = TableSchema(
    "t",
    (
        column("id", "string"),
        column("n", "int16", at_least=0, unit="steps"),
        column("x", "float32?"),
        column("kind", "string", one_of=("a", "b")),
        column("meta", "string?", holds="json object"),
        column("values", "list<float32>?"),
    ),
    primary_key=("id",),
    version="1.3",
    rules=(Check("n < 100"),),
)


def with_column(name, **values):
    columns = tuple(replace(c, **values) if c.name == name else c for c in BASE.columns)
    return replace(BASE, columns=columns)


CASES = [
    ("minor", replace(BASE, columns=(*BASE.columns, column("new", "int64?")))),
    ("major", replace(BASE, columns=(*BASE.columns, column("new", "int64")))),
    ("major", replace(BASE, columns=BASE.columns[:-1])),
    ("minor", with_column("n", type="int32")),
    ("minor", with_column("n", type="int64")),
    ("major", with_column("n", type="int8")),
    ("major", with_column("n", type="float64")),
    ("minor", with_column("x", type="float64")),
    ("minor", with_column("values", type="list<float64>")),
    ("major", with_column("values", type="list<string>")),
    ("minor", with_column("n", nullable=True)),
    ("major", with_column("x", nullable=False)),
    ("minor", with_column("kind", one_of=("a", "b", "c"))),
    ("minor", with_column("kind", one_of=())),
    ("major", with_column("kind", one_of=("a", "c"))),
    ("major", with_column("id", one_of=("a",))),
    ("none", with_column("kind", one_of=("b", "a"))),
    ("minor", with_column("n", at_least=-1)),
    ("minor", with_column("n", at_least=None)),
    ("major", with_column("n", at_least=1)),
    ("major", with_column("n", at_most=5)),
    ("minor", with_column("meta", holds="json")),
    ("major", with_column("id", holds="json")),
    ("major", with_column("n", unit="seconds")),
    ("none", with_column("n", meaning="other words")),
    ("minor", replace(BASE, rules=())),
    ("major", replace(BASE, rules=(*BASE.rules, Check("n > 1")))),
    ("major", replace(BASE, primary_key=("id", "n"))),
    ("major", replace(BASE, name="u")),
    ("none", replace(BASE, columns=BASE.columns[::-1])),
    ("none", replace(BASE, sort_by=("n",))),
    ("none", BASE),
]


@pytest.mark.parametrize(("level", "new"), CASES)
def test_every_change_asks_for_its_step_of_the_version(level, new):
    found = diff(BASE, new)
    assert found.level == level, found.describe()
    assert found.required_version == {"none": "1.3", "minor": "1.4", "major": "2.0"}[level]
    assert found.is_declared == (level == "none")
    declared = diff(BASE, new.with_version(found.required_version))
    assert declared.is_declared
    assert "must be at least" not in declared.describe()


def test_the_greatest_change_counts_and_is_told_first():
    new = replace(with_column("n", type="int32"), primary_key=("id", "n"))
    lines = diff(BASE, new).describe().splitlines()
    assert lines == [
        "t@1.3 -> t@1.3: major",
        "- major: the key (id) becomes (id, n)",
        "- minor: 'n' widens from int16 to int32",
        "The new version must be at least 2.0.",
    ]


def test_rows_of_the_old_version_are_good_rows_after_every_minor_change():
    rows = pl.DataFrame(
        [{"id": "i", "n": 3, "x": 0.5, "kind": "a", "meta": "{}", "values": [1.5]}],
        schema_overrides={"n": pl.Int16, "x": pl.Float32, "values": pl.List(pl.Float32)},
    )
    for level, new in CASES:
        if level != "major":
            good, failures = new.filter(rows)
            assert not failures
            assert good.height == 1
