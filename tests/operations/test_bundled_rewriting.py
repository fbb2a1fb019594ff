"""Many small files are rewritten together as they would be one by one, to the byte."""

from __future__ import annotations

import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operations.folders import Folder
from parquetry.errors import ConflictError, CorruptionError
from parquetry.files.encoding import encode_rows, writer_options
from parquetry.operations import bundled_rewriting, rewriting
from parquetry.operations.updating import plan_update, run_update, update
from parquetry.operations.upserting import upsert

c = pl.col
ROWS = 40


@pytest.fixture(autouse=True)
def copy_whatever_is_there(monkeypatch):
    monkeypatch.setattr(rewriting, "SMALL_GROUP_ROWS", 1)


def rows_of(number: int) -> pa.Table:
    chance = random.Random(number)
    return pa.table(
        {
            "k": pa.array(range(number * 1000, number * 1000 + ROWS), pa.int64()),
            "v": pa.array([chance.choice([None, 1.5, chance.random()]) for _ in range(ROWS)]),
            "f": pa.array([chance.choice([1.0, float("nan")]) for _ in range(ROWS)], pa.float32())
            if number % 2
            else pa.array([0.5] * ROWS, pa.float32()),
            "t": pa.array([chance.choice(["a", "b" * chance.randint(1, 90)]) for _ in range(ROWS)]),
            "m": pa.array([[chance.random()] for _ in range(ROWS)]),
        }
    )


def made(path, numbers=range(7), rows: int = ROWS, **options) -> Folder:
    folder = Folder(path)
    for number in numbers:
        table = rows_of(number)
        content = encode_rows(
            [table], table.schema, writer_options(table.schema, row_group_rows=rows, **options)
        )
        target = folder.root / f"day={number}" / "part.parquet"
        target.parent.mkdir(parents=True)
        target.write_bytes(content)
    return folder


def contents(folder: Folder) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.root.glob("day=*/*.parquet")}


@pytest.fixture
def alone(monkeypatch):
    """Note which files were not rewritten together with others."""
    found: list[str] = []
    before = bundled_rewriting.rewrite

    def rewrite(storage, path, edit, *others):
        found.append(edit.file.state.folder)
        return before(storage, path, edit, *others)

    monkeypatch.setattr(bundled_rewriting, "rewrite", rewrite)
    return found


def one_by_one_too(monkeypatch, tmp_path, change, **options) -> dict[str, bytes]:
    """Make a change in two folders, once file by file; return the files, which must be the same."""
    together, single = made(tmp_path / "a", **options), made(tmp_path / "b", **options)
    change(together)
    with monkeypatch.context() as patch:
        patch.setattr(bundled_rewriting, "WORTH_A_BUNDLE", 10**6)
        change(single)
    assert contents(together) == contents(single)
    return contents(together)


UPDATES = {
    "a number": (c("k") % 3 == 0, {"v": c("v") * 2}),
    "NaN comes": (c("k") % 3 == 0, {"v": float("nan")}),
    "NaN goes": (True, {"f": 1.0}),
    "text": (c("k") % 5 == 1, {"t": c("t") + "!"}),
    "several": (c("k") % 2 == 1, {"t": "x", "v": None, "k": c("k") + 10**6}),
    "lists": (c("k") % 4 == 1, {"m": pl.lit([1.0, 2.0])}),
    "by others": (c("v") > 0.2, {"f": c("v").cast(pl.Float32)}),
}
FORMS = {
    "one row group": {},
    "three row groups": {"rows": 15},
    "Bloom filters": {"bloom_columns": ["k", "t"]},
    "sorted": {"sorting": ["k", "v"]},
    "another codec": {"compression": "snappy"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", UPDATES)
def test_files_are_those_that_each_would_be_alone(monkeypatch, tmp_path, name, form, alone):
    predicate, setting = UPDATES[name]
    one_by_one_too(
        monkeypatch,
        tmp_path,
        lambda folder: update(*folder.parts, predicate, setting),
        **FORMS[form],
    )
    assert len(alone) <= 3 + 7, "of the first folder some have too few like them in their bundle"


def test_an_upsert_that_brings_no_rows_is_as_one_by_one(monkeypatch, tmp_path, alone):
    rows = pl.DataFrame(
        {"day": range(7), "k": [n * 1000 + 5 for n in range(7)], "t": ["new"] * 7},
        {"day": pl.Int64, "k": pl.Int64, "t": pl.String},
    )

    def change(folder: Folder) -> None:
        assert upsert(*folder.parts, rows, ["k"], update_columns=["t"]).rows_updated == 7

    one_by_one_too(monkeypatch, tmp_path, change)
    assert len(alone) <= 3 + 7


@pytest.mark.parametrize("columns", [["t"], ["f", "t"], ["k", "v", "f", "t", "m"]])
@pytest.mark.parametrize("form", FORMS)
def test_an_upsert_that_brings_rows_is_as_one_by_one(monkeypatch, tmp_path, alone, form, columns):
    rows = pl.concat(
        pl.DataFrame(rows_of(n).slice(n, 3)).with_columns(
            day=pl.lit(n, pl.Int64),
            k=c("k") + pl.when(c("k") % 1000 == n + 1).then(500).otherwise(0),
            t=pl.lit("new"),
        )
        for n in range(7)
    ).select("day", *{"k": None, **dict.fromkeys(columns)})

    def upserted(folder: Folder) -> None:
        result = upsert(*folder.parts, rows, ["k"])
        assert (result.rows_inserted, result.rows_updated) == (7, 14)

    one_by_one_too(monkeypatch, tmp_path, upserted, **FORMS[form])


def test_files_of_other_kinds_are_written_among_them(tmp_path, alone):
    folder = made(tmp_path)
    other = rows_of(3).append_column("more", pa.array([1] * ROWS))
    pq.write_table(other, folder.root / "day=3" / "part.parquet")
    pq.write_table(rows_of(5).slice(0, 0), folder.root / "day=5" / "part.parquet")
    assert update(*folder.parts, c("k") % 2 == 0, {"v": -1.0}).rows_updated == 6 * ROWS // 2
    assert "day=3" in alone
    assert len(alone) <= 4
    found = folder.frame()
    assert sorted(found.filter(c("v") == -1.0)["k"]) == sorted(
        key for n in range(7) if n != 5 for key in range(n * 1000, n * 1000 + ROWS, 2)
    )


def test_bundles_hold_some_bytes_and_leave_large_files_out(tmp_path, monkeypatch, alone):
    folder = made(tmp_path, range(0, 20, 2))
    sizes = [len(content) for content in contents(folder).values()]
    larger = rows_of(0).take(list(range(ROWS)) * 3)
    pq.write_table(larger, folder.root / "day=6" / "part.parquet", compression="none")
    monkeypatch.setattr(bundled_rewriting, "_BUNDLE_BYTES", 3 * max(sizes))
    monkeypatch.setattr(bundled_rewriting, "SMALL_BYTES", max(sizes))
    seen = []
    before = bundled_rewriting.rewrite_bundle

    def rewrite_bundle(storage, bundle, *others):
        seen.append(sum(one.edit.file.state.bytes for one in bundle))
        return before(storage, bundle, *others)

    monkeypatch.setattr("parquetry.operations.running.rewrite_bundle", rewrite_bundle)
    update(*folder.parts, c("k") % 2 == 0, {"v": -1.0})
    small = [size for size in seen if size <= 4 * max(sizes)]
    assert len(small) >= 4
    assert "day=6" in alone
    assert len(alone) <= 3


@pytest.mark.parametrize("harm", ["gone", "cut off"])
def test_a_file_that_is_harmed_before_it_is_read_stops_it_all(tmp_path, harm):
    folder = made(tmp_path)
    plan = plan_update(*folder.parts, c("k") % 2 == 0, {"v": -1.0})
    victim = folder.root / "day=4" / "part.parquet"
    if harm == "gone":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-1])
    before = contents(folder)
    with pytest.raises((ConflictError, CorruptionError), match="day=4"):
        run_update(folder.home, folder.disk, plan)
    assert contents(folder) == before


def test_a_page_that_is_damaged_is_told(tmp_path):
    folder = made(tmp_path, compression="none")
    victim = folder.root / "day=4" / "part.parquet"
    chunk = pq.read_metadata(victim).row_group(0).column(1)
    data = bytearray(victim.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
    victim.write_bytes(data)
    with pytest.raises(CorruptionError, match="day=4"):
        update(*folder.parts, c("k") % 2 == 0, {"v": -1.0})
