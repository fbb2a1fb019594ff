from __future__ import annotations

import datetime as dt

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import CorruptionError, KeyViolationError, SchemaMismatchError
from parquetry.files.footers import read_footer
from parquetry.model.hive import partition_folder
from parquetry.tables.key_facts import FileFacts, GroupFacts
from parquetry.tables.key_planning import plan_key_search
from parquetry.tables.key_search import (
    KeyFinder,
    check_new_keys,
    find_existing_keys,
    prepare_key_search,
    read_existing_keys,
)
from parquetry.tables.table_files import TableFile

KEY = ["run", "step", "name"]


def rows(runs, steps, names=("a", "b")):
    return pl.DataFrame(
        [(r, s, n, 0.5) for r in runs for s in steps for n in names],
        schema={"run": pl.String, "step": pl.Int64, "name": pl.String, "value": pl.Float64},
        orient="row",
    )


def write(root, frame, by=(), *, keep=True, **options):
    files = []
    parts = frame.partition_by(by, as_dict=True) if by else {(): frame}
    for number, (values, part) in enumerate(parts.items()):
        folder = partition_folder(dict(zip(by, values, strict=True)))
        relative = f"{folder}/{number}.parquet".lstrip("/")
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        arrow = (part if keep else part.drop(by)).to_arrow()
        pq.write_table(arrow, root / relative, **options)
        files.append(TableFile.under(str(root), relative))
    return files


@pytest.mark.parametrize("keep", [True, False])
def test_folders_rule_out_files_unopened(tmp_path, keep):
    files = write(tmp_path, rows("pqr", range(10)), ["run"], keep=keep)
    (tmp_path / "run=p" / "0.parquet").write_bytes(b"never opened")
    new = rows("q", [3, 30])
    search = prepare_key_search(new.select(KEY), files)
    assert (search.files, search.files_opened) == (3, 1)
    assert find_existing_keys(new, KEY, files).rows() == [("q", 3, "a"), ("q", 3, "b")]


def test_statistics_rule_out_row_groups(tmp_path):
    (file,) = write(tmp_path, rows("p", range(100)), row_group_size=20)
    search = prepare_key_search(rows("p", [55]).select(KEY), [file])
    assert [group.number for group in search.groups] == [5]
    assert search.rows == 20
    assert prepare_key_search(rows("p", [101]).select(KEY), [file]).groups == ()
    assert prepare_key_search(rows("z", [55]).select(KEY), [file]).groups == ()
    assert prepare_key_search(rows("p", [-1, 101]).select(KEY), [file]).groups == ()


def test_bloom_filters_rule_out_row_groups_for_few_keys(tmp_path):
    ids = [f"{n * 7919 % 1000:03d}" for n in range(1000)]
    frame = pl.DataFrame({"id": ids, "n": range(1000)})
    options = {"bloom_filter_options": {"id": {"ndv": 100, "fpp": 0.001}}, "row_group_size": 100}
    (file,) = write(tmp_path, frame, **options)
    keys = pl.DataFrame({"id": [ids[250]]})
    search = prepare_key_search(keys, [file])
    assert [group.number for group in search.groups] == [2]
    assert read_existing_keys(search, keys).rows() == [(ids[250],)]
    absent = prepare_key_search(pl.DataFrame({"id": ["500x"]}), [file])
    assert absent.groups == ()


def test_files_named_like_patterns_are_asked_for_their_own_blooms(tmp_path):
    frame = pl.DataFrame({"id": [str(n) for n in range(100)]})
    options = {"bloom_filter_options": {"id": {"ndv": 100, "fpp": 0.001}}}
    for name in ("[ab].parquet", "a.parquet"):
        table = frame if name != "a.parquet" else frame.select(id=pl.col("id") + "0x")
        pq.write_table(table.to_arrow(), tmp_path / name, **options)
    odd = tmp_path / "[ab].parquet"
    assert find_existing_keys(pl.DataFrame({"id": ["7"]}), ["id"], [odd]).height == 1


def test_only_key_columns_of_candidates_are_counted(tmp_path):
    (file,) = write(tmp_path, rows("p", range(100)), row_group_size=20)
    search = prepare_key_search(rows("p", [55]).select(KEY), [file])
    group = pq.read_metadata(file.path).row_group(5)
    assert search.bytes == sum(group.column(place).total_compressed_size for place in range(3))
    assert "20 rows of 1 files" in search.describe()


def test_each_footer_is_read_once_and_shown_once(tmp_path, monkeypatch):
    files = write(tmp_path, rows("pqr", range(10)), ["run"])
    opened, shown = [], []

    def read(path):
        opened.append(path)
        return read_footer(path)

    monkeypatch.setattr("parquetry.tables.key_search.read_footer", read)
    finder = KeyFinder(KEY, files, lambda path, footer: shown.append((path, footer.num_rows)))
    for steps in ([3, 30], [4], [5]):
        assert finder.find(rows("pq", steps)).height == 4
    expected = [file.path for file in files if "run=r" not in file.path]
    assert opened == expected
    assert shown == [(path, 20) for path in expected]


def test_the_plan_is_pure():
    file = TableFile("/nowhere", (("run", "p"),))
    groups = tuple(
        GroupFacts(n, 10, {"step": (n * 10, n * 10 + 9)}, {"step": 80, "name": 40}, frozenset())
        for n in range(3)
    )
    search = plan_key_search(rows("p", [15]).select(KEY), [FileFacts(file, groups)])
    assert [(group.number, group.candidates) for group in search.groups] == [(1, 2)]
    assert search.bytes == 120


steps = st.lists(st.integers(-5, 5), max_size=8)


@settings(max_examples=40, deadline=None)
@given(old=steps, new=steps, group=st.integers(1, 4), by=st.sampled_from([(), ("run",), ("step",)]))
def test_the_search_finds_what_a_join_finds(tmp_path_factory, old, new, group, by):
    root = tmp_path_factory.mktemp("keys")
    there, wanted = rows("p", old), rows("pq", new)
    files = write(root, there, by, row_group_size=group, keep=len(old) % 2 == 0)
    found = find_existing_keys(wanted, KEY, files)
    expected = wanted.join(there, on=KEY, how="semi").select(KEY).unique()
    assert sorted(found.rows()) == sorted(expected.rows())


def test_types_of_files_may_be_narrower_or_wider(tmp_path):
    frame = rows("p", range(5)).with_columns(pl.col("step").cast(pl.Int16))
    files = write(tmp_path, frame)
    new = rows("p", [3, 2**40]).with_columns(pl.col("name").cast(pl.Categorical))
    assert find_existing_keys(new, KEY, files)["step"].to_list() == [3, 3]
    narrow = rows("p", [3]).with_columns(pl.col("step").cast(pl.Int8))
    assert find_existing_keys(narrow, KEY, write(tmp_path, rows("p", [3, 2**40]))).height == 2


def test_null_folders_odd_texts_and_dates_are_found(tmp_path):
    day = dt.date(2026, 1, 2)
    frame = pl.DataFrame({"text": ["a/b", "=", "%41"], "day": [day] * 3, "n": [1, 2, 3]})
    files = write(tmp_path, frame, ["text", "day"], keep=False)
    found = find_existing_keys(frame[1:], ["text", "day", "n"], files)
    assert found.equals(frame[1:])


def test_files_without_statistics_are_read(tmp_path):
    files = write(tmp_path, rows("p", range(5)), write_statistics=False)
    assert find_existing_keys(rows("p", [4, 9]), KEY, files)["step"].to_list() == [4, 4]


def test_statistics_of_another_type_do_not_mislead(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"n": ["1", "x"]}), path)
    found = find_existing_keys(pl.DataFrame({"n": [1, 2]}), ["n"], [path])
    assert found.rows() == [(1,)]


def test_existing_keys_are_refused_with_table_count_and_first_rows(tmp_path):
    files = write(tmp_path, rows("p", range(10)), ["run"])
    check_new_keys(rows("p", [10]), KEY, files, "t@1.0")
    with pytest.raises(KeyViolationError) as caught:
        check_new_keys(rows("p", [10, 3]), KEY, files, "t@1.0")
    told = str(caught.value)
    for part in ("2 of these rows", "t@1.0", "row 2 (run='p', step=3, name='a')", "Nothing was"):
        assert part in told


def test_files_without_the_key_and_damaged_files_are_told(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"run": ["p"]}), path)
    with pytest.raises(SchemaMismatchError, match="no column 'step'"):
        find_existing_keys(rows("p", [1]), KEY, [path])
    path.write_bytes(b"x")
    with pytest.raises(CorruptionError):
        find_existing_keys(rows("p", [1]), KEY, [path])


def test_a_key_of_folders_alone_is_found_without_reading_rows(tmp_path):
    files = write(tmp_path, rows("pq", [1]), ["run"])
    search = prepare_key_search(pl.DataFrame({"run": ["p", "z"]}), files)
    assert (search.bytes, len(search.groups)) == (0, 1)
    assert find_existing_keys(pl.DataFrame({"run": ["z", "p"]}), ["run"], files).rows() == [("p",)]
    empty = rows("p", [])
    (tmp_path / "empty").mkdir()
    relative = "run=p/f.parquet"
    (tmp_path / "empty" / "run=p").mkdir()
    empty.write_parquet(tmp_path / "empty" / relative)
    none = TableFile.under(str(tmp_path / "empty"), relative)
    assert find_existing_keys(pl.DataFrame({"run": ["p"]}), ["run"], [none]).is_empty()


@pytest.mark.parametrize(
    "foreign",
    [
        pa.table({"run": [7, 8], "step": ["1", "2"]}),
        pa.table({"run": pa.array(["a", "7"]).dictionary_encode(), "step": pa.array([1, 2], "u1")}),
        pa.table({"step": pa.array([2.0, 1.5]), "run": pa.array([b"7", b"a"])}),
        pa.table({"run": pa.array(["7", None], pa.large_string()), "step": pa.array([2, None])}),
    ],
    ids=["numbers and texts swapped", "dictionary and unsigned", "binary and floats", "NULLs"],
)
def test_a_foreign_file_with_keys_of_other_types_is_read_as_far_as_they_fit(tmp_path, foreign):
    path = tmp_path / "foreign.parquet"
    pq.write_table(foreign, path)
    keys = pl.DataFrame({"run": ["7", "a"], "step": [2, 3]})
    fits = pl.DataFrame(pl.from_arrow(foreign)).select(
        pl.col("run").cast(pl.String, strict=False), pl.col("step").cast(pl.Int64, strict=False)
    )
    expected = keys.join(fits, on=["run", "step"], how="semi")
    assert find_existing_keys(keys, ["run", "step"], [path]).equals(expected)
