from __future__ import annotations

from dataclasses import replace

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import AlreadyExistsError, FormatVersionError, SchemaMismatchError
from parquetry.tables import IDENTIFIER, TableSchema, column
from parquetry.tables.exports_arrow import polars_schema
from parquetry.tables.file_versions import find_file_version
from parquetry.tables.reading import read_compatible
from parquetry.tables.table_files import TableFile
from parquetry.tables.upgrades import Upgrades
from parquetry.tables.versions import Version

VERSION = column("schema_version", "string", default=IDENTIFIER)
V1_0 = TableSchema("t", (column("id", "string"), VERSION, column("power", "int16")))
V1_1 = replace(
    V1_0,
    columns=(column("id", "string"), VERSION, column("power", "int32"), column("note", "string?")),
    version="1.1",
)
V2_0 = TableSchema(
    "t",
    (column("id", "string"), VERSION, column("watts", "float64"), column("note", "string?")),
    version="2.0",
)


@pytest.fixture
def upgrades():
    steps = Upgrades()

    @steps.register("t", from_major=1)
    def to_watts(rows):
        return rows.with_columns(watts=pl.col("power") * 1000.0)

    return steps


def write(folder, schema, rows, name=None, **options):
    path = folder / f"{name or schema.version}.parquet"
    frame = schema.validate(rows)
    pq.write_table(frame.to_arrow(), path, **options)
    return str(path)


def test_minors_are_read_together_in_either_direction(tmp_path):
    files = [
        write(tmp_path, V1_0, [{"id": "a", "power": 1}]),
        write(tmp_path, V1_1, [{"id": "b", "power": 70_000, "note": "big"}]),
    ]
    rows = read_compatible(V1_1, files).collect().sort("id")
    assert rows.schema == polars_schema(V1_1)
    assert rows.drop("schema_version").rows() == [("a", 1, None), ("b", 70_000, "big")]
    older = read_compatible(V1_0, files).collect().sort("id")
    assert older.columns == ["id", "schema_version", "power"]
    assert older["power"].to_list() == [1, 70_000]


def test_older_majors_go_through_their_upgrade(tmp_path, upgrades):
    files = [
        write(tmp_path, V1_0, [{"id": "a", "power": 1}]),
        write(tmp_path, V1_1, [{"id": "b", "power": 2, "note": "n"}]),
        write(tmp_path, V2_0, [{"id": "c", "watts": 0.5}]),
    ]
    rows = read_compatible(V2_0, files, upgrades).collect().sort("id")
    assert rows.rows() == [
        ("a", "t@2.0", 1000.0, None),
        ("b", "t@2.0", 2000.0, "n"),
        ("c", "t@2.0", 0.5, None),
    ]
    assert V2_0.validate(rows).height == 3


def test_rows_can_be_filtered_before_they_are_read(tmp_path, upgrades):
    files = [write(tmp_path, V1_0, [{"id": "a", "power": 1}, {"id": "b", "power": 2}])]
    query = read_compatible(V2_0, files, upgrades).filter(pl.col("id") == "b").select("watts")
    assert query.collect().rows() == [(2000.0,)]
    assert "note" not in query.explain().partition("SCAN")[2]


def test_a_missing_upgrade_is_named(tmp_path):
    files = [write(tmp_path, V1_0, [{"id": "a", "power": 1}])]
    with pytest.raises(SchemaMismatchError, match="no function upgrades from version 1"):
        read_compatible(V2_0, files, Upgrades())


def test_a_file_of_a_newer_major_is_refused(tmp_path, upgrades):
    files = [write(tmp_path, V2_0, [{"id": "c", "watts": 0.5}])]
    with pytest.raises(FormatVersionError, match="newer schema"):
        read_compatible(V1_1, files, upgrades)


def test_an_upgrade_that_fails_is_told_in_our_words(tmp_path):
    steps = Upgrades()
    steps.register("t", from_major=1)(lambda rows: rows.select("absent"))
    files = [write(tmp_path, V1_0, [{"id": "a", "power": 1}])]
    with pytest.raises(SchemaMismatchError, match="Mend the upgrade"):
        read_compatible(V2_0, files, steps)


def test_a_step_has_one_upgrade(upgrades):
    with pytest.raises(AlreadyExistsError):
        upgrades.register("t", from_major=1)


def test_no_files_are_an_empty_table():
    assert read_compatible(V2_0, []).collect().schema == polars_schema(V2_0)


def test_columns_that_stand_in_folders_alone_are_read(tmp_path):
    (tmp_path / "id=a%2Fb").mkdir()
    frame = V1_0.validate([{"id": "x", "power": 1}]).drop("id")
    frame.write_parquet(tmp_path / "id=a%2Fb" / "f.parquet")
    file = TableFile.under(str(tmp_path), "id=a%2Fb/f.parquet")
    assert read_compatible(V1_0, [file]).collect().rows() == [("a/b", "t@1.0", 1)]


def test_types_that_do_not_unite_are_refused(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"id": ["a"], "power": ["strong"]}), path)
    with pytest.raises(SchemaMismatchError, match=r"'power' of t@1\.0"):
        read_compatible(V1_0, [path])


def test_the_version_is_found_in_metadata_statistics_or_rows(tmp_path):
    rows = [{"id": "a", "power": 1}, {"id": "b", "power": 2, "schema_version": "t@1.1"}]
    frame = V1_1.validate([rows[0] | {"schema_version": "t@1.0"}, rows[1]]).to_arrow()
    mixed, said = tmp_path / "mixed.parquet", tmp_path / "said.parquet"
    pq.write_table(frame, mixed)
    assert find_file_version(str(mixed), "t") == Version(1, 1)
    pq.write_table(frame.replace_schema_metadata({"parquetry.table": "t@1.7"}), said)
    assert find_file_version(str(said), "t") == Version(1, 7)
    pq.write_table(frame, said, write_statistics=False)
    assert find_file_version(str(said), "t") == Version(1, 1)
    pq.write_table(frame.drop_columns("schema_version"), said)
    assert find_file_version(str(said), "t") is None


def test_another_table_and_mixed_majors_are_refused(tmp_path):
    path = write(tmp_path, V1_0, [{"id": "a", "power": 1}])
    with pytest.raises(SchemaMismatchError, match="not of the table u"):
        find_file_version(path, "u")
    rows = [{"id": "a", "power": 1, "schema_version": f"t@{major}.0"} for major in (1, 2)]
    with pytest.raises(SchemaMismatchError, match="several MAJOR"):
        find_file_version(write(tmp_path, V1_0, rows, "two"), "t")
