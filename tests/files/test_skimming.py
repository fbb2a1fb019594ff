"""Schemas told from a few bytes of a footer are those that PyArrow reads."""

from __future__ import annotations

import os

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import CorruptionError, NotFoundError, ParquetryError
from parquetry.files import skimming
from parquetry.files.footers import read_schema
from parquetry.files.skimming import Skimmer
from parquetry.model.schema import normal_schema


def write(path, table, **options):
    pq.write_table(table, path, **options)
    return str(path)


def complaint(path):
    """What is said about a file, None if it can be skimmed."""
    try:
        Skimmer().skim([path])
    except ParquetryError as error:
        return str(error)
    return None


def test_files_of_one_schema_are_parsed_once(tmp_path, monkeypatch):
    parsed = []
    monkeypatch.setattr(
        skimming, "read_schema", lambda path: parsed.append(path) or read_schema(path)
    )
    paths = [
        write(tmp_path / f"{n}.parquet", pa.table({"a": list(range(n)), "b": ["x" * n] * n}))
        for n in range(1, 20)
    ]
    skimmer = Skimmer()
    assert len(set(skimmer.skim(paths))) == 1
    assert len(parsed) == 1
    paths.append(write(tmp_path / "other.parquet", pa.table({"a": [1.5], "b": ["x"]})))
    assert len(set(skimmer.skim(paths))) == 2
    assert len(parsed) == 2


TYPES = [
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.timestamp("us"),
    pa.timestamp("us", "UTC"),
    pa.timestamp("us", "Europe/Zurich"),
    pa.duration("us"),
    pa.decimal128(10, 2),
    pa.decimal128(10, 3),
    pa.list_(pa.int64()),
    pa.struct([("a", pa.int64())]),
]
schemas = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(TYPES)),
    min_size=1,
    max_size=3,
    unique_by=lambda f: f[0],
).map(pa.schema)


@settings(deadline=None, max_examples=60)
@given(st.lists(schemas, min_size=2, max_size=5), st.sampled_from([True, False]))
def test_a_skimmed_schema_is_the_one_that_pyarrow_reads(tmp_path_factory, found, store):
    folder = tmp_path_factory.mktemp("skim")
    paths = [
        write(folder / f"{number}.parquet", schema.empty_table(), store_schema=store)
        for number, schema in enumerate(found)
    ]
    skimmed = Skimmer().skim(paths)
    for path, schema in zip(paths, skimmed, strict=True):
        assert schema.columns.equals(normal_schema(read_schema(path)))
    for number, one in enumerate(found):
        # without the Arrow schema some types are written alike, such as whole numbers and durations
        same = one if store else read_schema(paths[number])
        first = found[0] if store else read_schema(paths[0])
        assert (skimmed[number] is skimmed[0]) == same.equals(first)


def test_footers_of_any_length_are_read(tmp_path):
    wide = pa.table({f"column number {n}": [n] for n in range(2000)})
    path = write(tmp_path / "wide.parquet", wide, row_group_size=1)
    assert Skimmer().skim([path])[0].columns.names == wide.column_names


def test_other_writers_are_skimmed_too(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": [1], "c": pl.Series(["x"], dtype=pl.Categorical)}).write_parquet(path)
    assert Skimmer().skim([str(path)])[0].columns == pa.schema(
        [("a", pa.int64()), ("c", pa.string())]
    )


def test_a_file_that_is_unchanged_is_not_opened_again(tmp_path, monkeypatch):
    path = write(tmp_path / "x.parquet", pa.table({"a": [1]}))
    os.utime(path, (1, 1))
    skimmer = Skimmer()
    first = skimmer.skim([path])
    monkeypatch.setattr(skimming, "read_stamped", lambda _: pytest.fail("opened"))
    assert skimmer.skim([path]) == first


def test_a_file_that_changed_a_moment_ago_is_opened_again(tmp_path):
    path = write(tmp_path / "x.parquet", pa.table({"a": [1]}))
    skimmer = Skimmer()
    facts = os.stat(path)
    skimmer.skim([path])
    write(path, pa.table({"b": [1]}))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert skimmer.skim([path])[0].columns.names == ["b"]


def test_files_that_are_gone_are_forgotten(tmp_path):
    paths = [write(tmp_path / f"{n}.parquet", pa.table({"a": [1]})) for n in range(3)]
    skimmer = Skimmer()
    skimmer.skim(paths)
    skimmer.forget_all_but(paths[:1])
    assert list(skimmer._files) == paths[:1]


@pytest.mark.parametrize("cut", [0, 1, 4, 8, 11, 12, 100, -1, -4, -8])
def test_a_file_that_is_cut_off_is_named(tmp_path, cut):
    path = write(tmp_path / "x.parquet", pa.table({"a": list(range(100))}))
    content = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(content[:cut])
    with pytest.raises(CorruptionError, match=r"x\.parquet"):
        Skimmer().skim([path])


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_footer_of_any_bytes_is_read_or_refused_in_our_words(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    good = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), good)
    content = bytearray(good.getvalue().to_pybytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(1, min(600, len(content) - 12)))
        content[-place] = data.draw(st.integers(0, 255))
    path = folder / "x.parquet"
    path.write_bytes(bytes(content))
    said = complaint(str(path))
    assert said is None or "x.parquet" in said


def test_a_file_that_does_not_exist_is_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        Skimmer().skim([str(tmp_path / "x.parquet")])


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "x.parquet").mkdir()
    with pytest.raises(ParquetryError, match=r"x\.parquet"):
        Skimmer().skim([str(tmp_path / "x.parquet")])


def test_encrypted_footers_are_refused_by_name(real_data):
    folder = real_data / "parquet-testing" / "data"
    found = [path for path in folder.glob("*encrypt*") if path.read_bytes()[-4:] == b"PARE"]
    for path in found:
        with pytest.raises(CorruptionError, match="encrypted"):
            Skimmer().skim([str(path)])


@pytest.mark.data
def test_the_conformance_files_of_the_format_are_skimmed_or_refused_by_name(real_data):
    paths = sorted((real_data / "parquet-testing").glob("**/*.parquet"))
    assert paths
    for path in map(str, paths):
        said = complaint(path)
        assert said is None or path in said
        if said is None:
            [schema] = Skimmer().skim([path])
            assert schema.columns.equals(normal_schema(read_schema(path)))
