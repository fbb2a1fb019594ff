"""What engines do wrongly on odd folders, read rightly or refused with the path."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import unicodedata
from decimal import Decimal

import pyarrow as pa
import pytest

from access.trees import ask, by_scan, by_sql, put, source_of
from parquetry.access.polars_scan import scan
from parquetry.errors import (
    CorruptionError,
    LayoutError,
    NotFoundError,
    ParquetryError,
    RequestError,
    SchemaMismatchError,
)
from parquetry.model.hive import encode_segment

BOTH = pytest.mark.parametrize("read", [by_sql, by_scan], ids=["sql", "scan"])


@pytest.fixture
def root(tmp_path):
    return tmp_path / "t"


RAW_VALUES = {
    "slash, equals, percent": ("k=a%2Fb%3Dc%25", "a/b=c%"),
    "a stray percent": ("k=100%", "100%"),
    "a space": ("k=a b", "a b"),
    "unicode": ("k=Zürich 东京", "Zürich 东京"),
    "nothing": ("k=", ""),
    "the word NULL": ("k=NULL", "NULL"),
    "the marker of NULL": ("k=__HIVE_DEFAULT_PARTITION__", None),
    "the marker as a text": ("k=%5F_HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__"),
    "raw equals": ("k=a=b", "a=b"),
    "glob characters": ("k=[a]*?", "[a]*?"),
    "braces": ("k={b,c}", "{b,c}"),
    "quotes": ("k='q\"", "'q\""),
    "a newline": ("k=a\nb", "a\nb"),
    "a backslash": ("k=a\\b", "a\\b"),
    "NUL": ("k=a%00b", "a\0b"),
    "the name of a function": ("k=now()", "now()"),
}


@BOTH
@pytest.mark.parametrize(("folder", "value"), RAW_VALUES.values(), ids=RAW_VALUES.keys())
def test_a_value_means_what_its_folder_says(root, read, folder, value):
    put(root, f"{folder}/x.parquet", {"v": [1]})
    put(root, "k=other/x.parquet", {"v": [2]})
    assert read(source_of(root)) == sorted([(1, value), (2, "other")], key=repr)


@BOTH
def test_all_odd_values_together_stay_apart(root, read):
    for number, (folder, _) in enumerate(RAW_VALUES.values()):
        put(root, f"{folder}/x.parquet", {"v": [number]})
    expected = [(number, value) for number, (_, value) in enumerate(RAW_VALUES.values())]
    assert read(source_of(root)) == sorted(expected, key=repr)


@pytest.mark.parametrize("value", [value for _, value in RAW_VALUES.values() if value is not None])
def test_an_odd_value_is_found_by_itself(root, value):
    for number, (folder, _) in enumerate(RAW_VALUES.values()):
        put(root, f"{folder}/x.parquet", {"v": [number]})
    source = source_of(root)
    found = ask(source, "select k from t where k = ?", [value])
    assert found.fetchall() == [(value,)]
    assert found.stats.files == 1


@BOTH
def test_two_unicode_forms_of_one_text_are_two_values(root, read):
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    for number, form in enumerate(forms):
        put(root, f"k={form}/x.parquet", {"v": [number]})
    if len(os.listdir(root)) == 2:  # macOS folds them
        assert {key for _, key in read(source_of(root))} == set(forms)


@BOTH
def test_nothing_but_the_marker_of_null_is_null(root, read):
    put(root, "k=__HIVE_DEFAULT_PARTITION__/x.parquet", {"v": [1]})
    assert read(source_of(root)) == [(1, None)]


@BOTH
def test_values_that_differ_by_case_stay_apart(root, read):
    put(root, "k=a/x.parquet", {"v": [1]})
    put(root, "k=A/x.parquet", {"v": [2]})
    if len(os.listdir(root)) == 2:
        assert read(source_of(root)) == [(1, "a"), (2, "A")]


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (["01", "10"], pa.string(), {"01", "10"}),
        (["1", "10"], pa.int64(), {1, 10}),
        (["1.5", "1"], pa.string(), {"1.5", "1"}),
        (["true", "false"], pa.string(), {"true", "false"}),
        ([str(2**63)], pa.string(), {str(2**63)}),
        (["2024-01-31"], pa.date32(), {dt.date(2024, 1, 31)}),
        (["2024-01-31 00:00:00"], pa.string(), {"2024-01-31 00:00:00"}),
        (["1e234567", "12345678"], pa.string(), {"1e234567", "12345678"}),
    ],
)
def test_the_type_of_a_key_that_only_paths_tell_is_whole_number_date_or_text(
    root, texts, kind, values
):
    for text in texts:
        put(root, f"k={text}/x.parquet", {"v": [1]})
    source = source_of(root)
    assert source.keys() == {"k": kind}
    assert {key for _, key in by_sql(source)} == {key for _, key in by_scan(source)} == values


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, pa.float64()),
        (True, pa.bool_()),
        (Decimal("1.50"), pa.decimal128(10, 2)),
        (dt.datetime.fromisoformat("2024-01-31 12:00:00.000005"), pa.timestamp("us")),
        (dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC), pa.timestamp("us", "UTC")),
        (dt.date(2024, 1, 31), pa.date32()),
        (dt.time(1, 2, 3), pa.time64("us")),
        ("01", pa.string()),
        (7, pa.int8()),
        (2**64 - 1, pa.uint64()),
    ],
)
@BOTH
def test_a_key_has_the_type_that_it_has_in_the_files(root, read, value, kind):
    folder = encode_segment("k", value)
    put(root, f"{folder}/x.parquet", pa.table({"k": pa.array([value], kind), "v": [1]}))
    assert read(source_of(root)) == [(value, 1)]
    assert source_of(root).keys() == {"k": kind}


@pytest.mark.parametrize("spelling", ["NaN", "nan"])
@BOTH
def test_nan_is_a_key_in_both_spellings(root, read, spelling):
    put(root, f"k={spelling}/x.parquet", {"k": [float("nan")], "v": [1]})
    assert repr(read(source_of(root))) == "[(nan, 1)]"


@pytest.mark.parametrize("text", ["2024-01-31 12:00:00+01%3A00", "2024-01-31 11:00:00Z"])
@BOTH
def test_a_time_with_a_zone_is_one_moment_in_all_spellings(root, read, text):
    moment = dt.datetime(2024, 1, 31, 11, tzinfo=dt.UTC)
    rows = pa.table({"k": pa.array([moment], pa.timestamp("us", "UTC")), "v": [1]})
    put(root, f"k={text}/x.parquet", rows)
    assert read(source_of(root)) == [(moment, 1)]


@BOTH
def test_where_folder_and_file_disagree_the_folder_is_right(root, read):
    put(root, "k=1/x.parquet", {"k": [2], "v": [10]})
    put(root, "k=3/x.parquet", {"k": [3], "v": [30]})
    assert read(source_of(root)) == [(1, 10), (3, 30)]


@pytest.mark.parametrize(
    "files",
    [
        ["k=1/k=2/x.parquet"],
        ["k=1/x.parquet", "k=1/l=2/x.parquet"],
        ["k=1/x.parquet", "l=1/x.parquet"],
        ["k=1/x.parquet", "x.parquet"],
        ["k=1/x.parquet", "K=2/x.parquet"],
        ["k=1/l=1/x.parquet", "l=1/k=1/x.parquet"],
        ["k=1/plain/x.parquet"],
    ],
)
@BOTH
def test_ambiguous_folders_are_refused_with_a_path(root, read, files):
    for file in files:
        put(root, file, {"v": [1]})
    with pytest.raises(LayoutError, match="parquet"):
        read(source_of(root))


def test_a_key_and_a_column_that_sql_takes_for_one_are_refused_by_sql_and_scanned(root):
    put(root, "K=1/x.parquet", {"k": [5], "v": [1]})
    with pytest.raises(SchemaMismatchError, match="'k' and 'K'"):
        by_sql(source_of(root))
    assert by_scan(source_of(root)) == [(5, 1, 1)]


DRIFTS = {
    "an extra column later": ({"v": [1]}, {"v": [2], "w": ["x"]}, [(1, None), (2, "x")]),
    "a missing column later": ({"v": [1], "w": ["x"]}, {"v": [2]}, [(1, "x"), (2, None)]),
    "int32 then int64": (
        {"v": pa.array([1], pa.int32())},
        {"v": pa.array([2**40], pa.int64())},
        [(1,), (2**40,)],
    ),
    "int32 then double": (
        {"v": pa.array([1], pa.int32())},
        {"v": [2.5]},
        [(1.0,), (2.5,)],
    ),
    "uint32 then int32": (
        {"v": pa.array([2**32 - 1], pa.uint32())},
        {"v": pa.array([-1], pa.int32())},
        [(-1,), (2**32 - 1,)],
    ),
    "float then double": (
        {"v": pa.array([0.5], pa.float32())},
        {"v": [0.1]},
        [(0.1,), (0.5,)],
    ),
    "decimals of two scales": (
        {"v": pa.array([Decimal("1.25")], pa.decimal128(10, 2))},
        {"v": pa.array([Decimal("1.2345")], pa.decimal128(12, 4))},
        [(Decimal("1.2345"),), (Decimal("1.2500"),)],
    ),
    "null then int": ({"v": pa.nulls(1)}, {"v": [1]}, [(1,), (None,)]),
    "categorical then text": (
        {"v": pa.array(["a"]).dictionary_encode()},
        {"v": ["b"]},
        [("a",), ("b",)],
    ),
    "a struct that grew": (
        {"v": [{"a": 1}]},
        {"v": [{"a": 2, "b": "x"}]},
        [({"a": 1, "b": None},), ({"a": 2, "b": "x"},)],
    ),
    "a list that got wider": (
        {"v": pa.array([[1]], pa.list_(pa.int32()))},
        {"v": [[2**40]]},
        [([1099511627776],), ([1],)],
    ),
    "other order of columns": (
        {"v": [1], "w": ["x"]},
        {"w": ["y"], "v": [2]},
        [(1, "x"), (2, "y")],
    ),
}


@BOTH
@pytest.mark.parametrize(("one", "other", "rows"), DRIFTS.values(), ids=DRIFTS.keys())
@pytest.mark.parametrize("folders", [("", ""), ("k=1/", "k=2/")], ids=["flat", "partitioned"])
def test_files_that_differ_are_united_without_loss(root, read, one, other, rows, folders):
    put(root, f"{folders[0]}a.parquet", one)
    put(root, f"{folders[1]}b.parquet", other)
    found = read(source_of(root))
    if folders[0]:
        found = [row[:-1] for row in found]
    assert sorted(found, key=repr) == sorted(rows, key=repr)


def test_nanoseconds_survive_beside_microseconds(root):
    put(root, "a.parquet", {"v": pa.array([1], pa.timestamp("us"))})
    put(root, "b.parquet", {"v": pa.array([1], pa.timestamp("ns"))})
    expected = {1000, 1}
    answer = ask(source_of(root), "select epoch_ns(v) from t").fetchall()
    assert {row[0] for row in answer} == expected
    column = scan(source_of(root)).collect()["v"].dt.timestamp("ns")
    assert set(column) == expected


CLASHES = {
    "naive time then UTC": (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    "int then text": (pa.int64(), pa.string()),
    "int64 then double": (pa.int64(), pa.float64()),
    "bytes then text": (pa.binary(), pa.string()),
}


@BOTH
@pytest.mark.parametrize(("one", "other"), CLASHES.values(), ids=CLASHES.keys())
def test_files_that_no_type_unites_are_refused_by_name(root, read, one, other):
    put(root, "k=1/a.parquet", pa.table({"v": pa.nulls(1, one)}))
    put(root, "k=2/b.parquet", pa.table({"v": pa.nulls(1, other)}))
    with pytest.raises(SchemaMismatchError) as caught:
        read(source_of(root))
    assert "a.parquet" in str(caught.value)
    assert "b.parquet" in str(caught.value)


@pytest.mark.parametrize("in_one_file", [True, False])
def test_columns_that_differ_by_case_are_refused_by_sql_and_scanned(root, in_one_file):
    if in_one_file:
        put(root, "x.parquet", {"fee": [1], "Fee": [2]})
        expected = [(1, 2)]
    else:
        put(root, "a.parquet", {"fee": [1]})
        put(root, "b.parquet", {"Fee": [2]})
        expected = [(1, None), (None, 2)]
    with pytest.raises(SchemaMismatchError, match="'fee' and 'Fee'"):
        by_sql(source_of(root))
    assert by_scan(source_of(root)) == expected


@BOTH
def test_a_column_that_occurs_twice_is_refused(root, read):
    put(root, "x.parquet", pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(SchemaMismatchError, match=r"'a' twice"):
        read(source_of(root))


def test_a_column_without_a_name_is_refused_by_sql_and_scanned(root):
    put(root, "x.parquet", {"": [1], "b": [2]})
    with pytest.raises(SchemaMismatchError, match="without a name"):
        by_sql(source_of(root))
    assert by_scan(source_of(root)) == [(1, 2)]


@BOTH
def test_files_without_rows_add_none(root, read):
    put(root, "a.parquet", pa.table({"v": pa.array([], pa.int64())}))
    assert read(source_of(root)) == []
    put(root, "b.parquet", {"v": [1]})
    assert read(source_of(root)) == [(1,)]


@BOTH
def test_files_without_columns_are_refused(root, read):
    put(root, "x.parquet", pa.table({"v": [1]}).select([]))
    with pytest.raises(SchemaMismatchError, match="no columns"):
        read(source_of(root))


@BOTH
@pytest.mark.parametrize("kept", [0, 5, 300])
def test_files_that_were_cut_off_are_named(root, read, kept):
    put(root, "a.parquet", {"v": list(range(100))})
    broken = put(root, "b.parquet", {"v": list(range(100))})
    content = broken.read_bytes()
    broken.write_bytes(content[:kept])
    with pytest.raises(CorruptionError, match=r"b\.parquet") as caught:
        read(source_of(root))
    assert caught.value.path == str(broken)
    assert caught.value.outcome == "unchanged"


@BOTH
def test_pages_that_make_no_sense_are_an_error_of_ours(root, read):
    path = put(root, "x.parquet", {"v": [f"text {number}" for number in range(5000)]})
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(bytes(content))
    with pytest.raises(ParquetryError, match=r"x\.parquet"):
        read(source_of(root))


@BOTH
@pytest.mark.parametrize(
    "name",
    [
        "_SUCCESS",
        "x.parquet.crc",
        "notes.txt",
        "_temporary.parquet",
        ".hidden.parquet",
        "._x.parquet",
    ],
)
def test_what_is_no_data_is_not_read(root, read, name):
    put(root, "x.parquet", {"v": [1]})
    (root / name).write_bytes(b"no parquet")
    assert read(source_of(root)) == [(1,)]


@BOTH
@pytest.mark.parametrize("folder", ["_temporary", ".staging"])
def test_hidden_folders_are_not_read(root, read, folder):
    put(root, "k=1/x.parquet", {"v": [1]})
    put(root, f"{folder}/k=2/x.parquet", {"v": [2]})
    assert read(source_of(root)) == [(1, 1)]


@BOTH
def test_a_link_to_a_file_of_the_dataset_is_refused(root, read):
    path = put(root, "x.parquet", {"v": [1]})
    (root / "y.parquet").symlink_to(path)
    with pytest.raises(LayoutError, match="count twice"):
        read(source_of(root))


@BOTH
def test_a_link_to_a_file_elsewhere_is_read(root, read, tmp_path):
    put(root, "x.parquet", {"v": [1]})
    elsewhere = put(tmp_path / "elsewhere", "y.parquet", {"v": [2]})
    (root / "y.parquet").symlink_to(elsewhere)
    assert read(source_of(root)) == [(1,), (2,)]


@BOTH
def test_links_to_folders_are_not_followed(root, read):
    put(root, "k=1/x.parquet", {"v": [1]})
    (root / "k=2").symlink_to(root / "k=1")
    (root / "k=1" / "loop").symlink_to(root)
    assert read(source_of(root)) == [(1, 1)]


@BOTH
def test_a_link_that_leads_nowhere_is_named(root, read):
    put(root, "x.parquet", {"v": [1]})
    (root / "gone.parquet").symlink_to(root / "nowhere.parquet")
    with pytest.raises(CorruptionError, match=r"gone\.parquet.*leads nowhere"):
        read(source_of(root))


@BOTH
def test_a_name_that_is_not_utf8_is_refused(root, read):
    path = put(root, "x.parquet", {"v": [1]})
    try:
        shutil.copy(path, os.fsencode(root) + b"/y\xff.parquet")
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    with pytest.raises(LayoutError, match="not UTF-8"):
        read(source_of(root))


@BOTH
def test_a_path_of_three_thousand_bytes_is_read(root, read):
    keys = [f"k{number}" for number in range(15)]
    folder = "/".join(f"{key}={'v' * 190}" for key in keys)
    put(root, f"{folder}/x.parquet", {"v": [1]})
    source = source_of(root)
    assert read(source) == [(1, *["v" * 190] * 15)]
    assert source.schema().names == ["v", *keys]


@BOTH
def test_keys_above_the_dataset_add_nothing(tmp_path, read):
    root = tmp_path / "run=5" / "v=7" / "t"
    put(root, "k=1/x.parquet", {"v": [1]})
    assert read(source_of(root)) == [(1, 1)]
    assert source_of(root).schema().names == ["v", "k"]


def test_a_dataset_that_does_not_exist_is_not_found(root):
    for read in (by_sql, by_scan):
        with pytest.raises(NotFoundError, match="'t'"):
            read(source_of(root))


def test_a_folder_without_files_says_that_it_has_no_data(root):
    root.mkdir()
    with pytest.raises(NotFoundError, match="no data yet"):
        by_sql(source_of(root))


def test_a_time_that_no_folder_can_mean_is_refused(root):
    rows = pa.table({"k": pa.array([dt.date(2024, 1, 1)]), "v": [1]})
    put(root, "k=yesterday/x.parquet", rows)
    for read in (by_sql, by_scan):
        with pytest.raises(RequestError, match="yesterday"):
            read(source_of(root))
