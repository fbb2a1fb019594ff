from __future__ import annotations

import json

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import (
    CorruptionError,
    FormatVersionError,
    NotFoundError,
    ParameterError,
    UnknownColumnError,
)
from parquetry.tables import Check, TableSchema, column, squiggle
from parquetry.tables.documentation import pack_markdown
from parquetry.tables.exports_arrow import polars_schema
from parquetry.tables.exports_sql import latest_sql, latest_view_sql
from parquetry.tables.types import parse_type, type_text
from tables.rows import good_row, good_rows
from tables.test_validation import EVERY_TABLE, SPOILT

NUMBERS = [0, 1, 2, 3, 10, 12, 13, 14, 20, 21, 22, 30, 31, 32, 40, 41]

types = st.recursive(
    st.sampled_from(
        [
            "string",
            "bool",
            "int8",
            "uint64",
            "float32",
            "date",
            "time",
            "binary",
            "timestamp[ns]",
            "duration[ms]",
        ]
    )
    | st.sampled_from(["timestamp[us, tz=UTC]", "decimal(18, 4)"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"list<{text}>"),
        st.tuples(inner, inner).map(lambda pair: f"struct<a: {pair[0]}, b: {pair[1]}>"),
    ),
    max_leaves=4,
)


@given(types)
def test_the_text_of_a_type_is_read_back(text):
    assert type_text(parse_type(text)) == text


def test_an_unknown_type_is_told_with_the_nearest_one():
    with pytest.raises(ParameterError, match="Did you mean 'float32'"):
        column("a", "flaot32")


def test_the_pack_has_every_table_under_its_number():
    assert sorted(table.number for table in squiggle.TABLES) == NUMBERS
    assert len(squiggle.TABLES) == len(NUMBERS)
    for table in squiggle.TABLES:
        assert getattr(squiggle, table.name.upper()) is table
    with pytest.raises(NotFoundError, match="Did you mean 'events'"):
        squiggle.TABLES["event"]


@EVERY_TABLE
def test_every_column_has_a_meaning_and_every_table_its_spine(table):
    assert all(each.meaning for each in table.columns)
    assert {"schema_version", "created_at_utc"} <= set(table.column_names)
    assert ("analysis_id" in table.primary_key) == (table.kind == "interpretation")
    assert "step" in table.forbidden_partitions or "step" not in table.column_names
    assert not set(table.forbidden_partitions) & set(table.partition_by)


@EVERY_TABLE
def test_json_gives_the_same_schema_back(table):
    assert TableSchema.from_json(table.to_json()) == table
    assert TableSchema.from_json(table.to_json().encode()) == table


def test_json_of_a_newer_format_and_of_nonsense_is_told_apart():
    document = json.loads(squiggle.RUNS.to_json())
    with pytest.raises(FormatVersionError, match="newer parquetry"):
        TableSchema.from_json(json.dumps(document | {"format": 99}))
    for text in ("", "[]", "{}", json.dumps(document | {"rules": [{"rule": "Magic"}]})):
        with pytest.raises(CorruptionError):
            TableSchema.from_json(text)


@EVERY_TABLE
def test_arrow_holds_types_nullability_and_meaning(table):
    schema = table.to_arrow()
    assert schema.metadata == {b"parquetry.table": table.identifier.encode()}
    for each in table.columns:
        field = schema.field(each.name)
        assert field.type == each.arrow_type
        assert field.nullable == each.nullable
        assert field.metadata[b"meaning"].decode() == each.meaning
    arrow = good_rows(table).to_arrow().cast(pa.schema([f.remove_metadata() for f in schema]))
    assert arrow.num_rows == 1


@EVERY_TABLE
def test_duckdb_holds_the_same_rows_as_we_do(table):
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(table.to_ddl())
        good = good_rows(table, 2)
        connection.execute(f"INSERT INTO {table.name} SELECT * FROM good")
        back = connection.sql(f"SELECT * FROM {table.name}").pl()
        assert back.equals(good)
        with pytest.raises(duckdb.ConstraintException):
            connection.execute(f"INSERT INTO {table.name} SELECT * FROM good")


# a CHECK of DuckDB has no lambda, and so no word for a NULL within a list
FOR_DUCKDB = [case[:2] for case in SPOILT if not case[2].endswith("no NULL in the list")]


@pytest.mark.parametrize(("name", "values"), FOR_DUCKDB, ids=lambda value: str(value)[:40])
def test_duckdb_refuses_what_we_refuse(name, values):
    table = squiggle.TABLES[name]
    bad = pl.DataFrame([good_row(table) | values], schema=polars_schema(table))
    with duckdb.connect() as connection:
        connection.execute(table.to_ddl("other name"))
        with pytest.raises((duckdb.ConstraintException, duckdb.InvalidInputException)):
            connection.execute('INSERT INTO "other name" SELECT * FROM bad')
    assert bad.height == 1


@EVERY_TABLE
def test_json_schema_accepts_a_good_row_and_refuses_a_bad_one(table):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    judge = jsonschema.Draft202012Validator(table.to_json_schema())
    jsonschema.Draft202012Validator.check_schema(table.to_json_schema())
    row = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in good_row(table).items()}
    assert judge.is_valid(row)
    assert not judge.is_valid(row | {"unknown": 1})
    required = next(each.name for each in table.columns if not each.nullable)
    assert not judge.is_valid(row | {required: None})


@EVERY_TABLE
def test_markdown_tells_every_column_key_and_rule(table):
    page = table.to_markdown()
    assert page.startswith(f"## {table.number:02d} — `{table.name}/`")
    for each in table.columns:
        assert f"- `{each.name}` {each.type}{' (nullable)' if each.nullable else ''}:" in page
    for name in table.primary_key:
        assert f"`{name}`" in page.partition("Primary key:")[2]
    for rule in table.rules:
        assert rule.describe() in page


def test_the_documentation_has_the_structure_of_the_pack():
    page = pack_markdown(squiggle.TABLES)
    headings = [line for line in page.splitlines() if line.startswith("# ")]
    assert headings == [
        "# Squiggle Matching",
        "# Key design conventions",
        "# Dataset index",
        "# Canonical enums",
        "# Table schemas",
    ]
    for table in squiggle.TABLES:
        assert f"### {table.number:02d} — `{table.name}/`" in page
        assert table.to_markdown() in page


def test_latest_is_the_newest_analysis_of_each_run():
    table = squiggle.GEOMETRY_STATE
    rows = [
        ("a", "old", 1, 0),
        ("a", "old", 1, 1),
        ("a", "new", 2, 0),
        ("b", "old", 3, 0),
        ("c", "x", 1, 0),
        ("c", "y", 1, 0),
    ]
    frame = good_rows(table, len(rows)).with_columns(
        run_id=pl.Series([row[0] for row in rows]),
        analysis_id=pl.Series([row[1] for row in rows]),
        created_at_utc=pl.col("created_at_utc") + pl.duration(days=pl.Series([r[2] for r in rows])),
    )
    with duckdb.connect() as connection:
        connection.execute(table.to_ddl())
        connection.execute("INSERT INTO geometry_state SELECT * FROM frame")
        connection.execute(latest_view_sql(table))
        found = connection.sql("SELECT DISTINCT run_id, analysis_id FROM geometry_state_latest")
        assert sorted(found.fetchall()) == [("a", "new"), ("b", "old"), ("c", "y")]
        assert connection.sql("SELECT * FROM geometry_state_latest").columns == list(
            table.column_names
        )
    assert frame.height == len(rows)


def test_tables_without_a_run_have_one_latest_analysis_and_facts_none():
    table = squiggle.MATCHES
    frame = good_rows(table, 2).with_columns(analysis_id=pl.Series(["p", "q"]))
    with duckdb.connect() as connection:
        connection.execute(table.to_ddl())
        assert connection.sql(latest_sql(table)).fetchall() == []
        connection.execute("INSERT INTO matches SELECT * FROM frame")
        (row,) = connection.sql(latest_sql(table)).fetchall()
        assert row[0] == "q"
    assert frame.height == 2
    with pytest.raises(ParameterError, match="facts"):
        latest_sql(squiggle.RUNS)


A = column("a", "int64")
N = column("n", "int64?")


def test_schemas_that_contradict_themselves_are_refused():
    with pytest.raises(ParameterError, match="no columns"):
        TableSchema("t", ())
    with pytest.raises(ParameterError, match="twice"):
        TableSchema("t", (A, column("A", "string")))
    with pytest.raises(ParameterError, match="may be NULL"):
        TableSchema("t", (N,), primary_key=("n",))
    with pytest.raises(UnknownColumnError):
        TableSchema("t", (A,), primary_key=("b",))
    with pytest.raises(UnknownColumnError):
        TableSchema("t", (A,), rules=(Check("b > 1"),))
    with pytest.raises(ParameterError, match="no SQL condition"):
        TableSchema("t", (A,), rules=(Check("a >"),))
    with pytest.raises(ParameterError, match="analysis_id"):
        TableSchema("t", (A,), primary_key=("a",), kind="interpretation")
    with pytest.raises(ParameterError, match="folder"):
        TableSchema("a/b", (A,))
    with pytest.raises(ParameterError, match="no version"):
        TableSchema("t", (A,), version="2")


def test_step_times_floats_and_what_has_many_values_never_name_folders():
    for each in (
        column("step", "int64"),
        column("x", "float32"),
        column("at", "timestamp[us]"),
        column("ids", "list<string>"),
        column("id", "string", high_cardinality=True),
    ):
        with pytest.raises(ParameterError, match="cannot be partitioned by"):
            TableSchema("t", (each,), partition_by=(each.name,))


def test_limits_and_lists_of_values_need_a_fitting_type():
    with pytest.raises(ParameterError, match="only numbers"):
        column("a", "string", at_least=1)
    with pytest.raises(ParameterError, match="only text"):
        column("a", "int64", one_of=("1",))
