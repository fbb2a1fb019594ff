"""Files joined of many small ones at once are those that each would be by itself, to the byte."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operations.folders import Folder
from parquetry.dataset import Dataset
from parquetry.errors import ParquetryError
from parquetry.files.bundles import splicing
from parquetry.files.bundles.glimpsed_file import GlimpsedFile
from parquetry.files.encoding import encode_rows, writer_options
from parquetry.operations import bundled_joining, repartitioning
from parquetry.operations.repartition_plan import plan_repartition
from parquetry.operations.repartitioning import repartition
from parquetry.operations.working import WORKERS, watched

ROWS = 20


@pytest.fixture(autouse=True)
def copy_whatever_is_there(monkeypatch):
    monkeypatch.setattr(repartitioning, "SMALL_ROWS", 1)
    monkeypatch.setattr(bundled_joining, "WORTH_A_BUNDLE", 3)


def rows_of(product: int, day: int, *, with_nan: bool = False) -> pa.Table:
    chance = random.Random(100 * product + day)
    return pa.table(
        {
            "product": [f"p{product}"] * ROWS,
            "day": pa.array([day] * ROWS, pa.int64()),
            "k": pa.array([chance.getrandbits(50) for _ in range(ROWS)], pa.int64()),
            "v": [float("nan") if with_nan and n == 3 else chance.random() for n in range(ROWS)],
            "t": [chance.choice(["a", None, "b" * chance.randint(1, 90)]) for _ in range(ROWS)],
        }
    )


def put(folder: Folder, product: int, day: int, table: pa.Table, **options) -> None:
    options = {"row_group_rows": 100, **options}
    content = encode_rows([table], table.schema, writer_options(table.schema, **options))
    target = folder.root / f"product=p{product}" / f"day={day}" / "part.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def made(path, products: int = 4, days: int = 3, **options) -> Folder:
    folder = Folder(path)
    for product in range(products):
        for day in range(days):
            put(folder, product, day, rows_of(product, day), **options)
    return folder


def contents(folder: Folder) -> dict[str, bytes]:
    found = folder.root.glob("product=*/*.parquet")
    return {path.parent.name: path.read_bytes() for path in found}


def change_nothing(folder: Folder) -> None:
    return None


def compress_one(folder: Folder) -> None:
    put(folder, 1, 1, rows_of(1, 1), compression="snappy")


def bring_nan(folder: Folder) -> None:
    put(folder, 2, 0, rows_of(2, 0, with_nan=True))


def cut_one(folder: Folder) -> None:
    put(folder, 0, 2, rows_of(0, 2), row_group_rows=7)


def leave_a_key_out(folder: Folder) -> None:
    put(folder, 3, 1, rows_of(3, 1).drop_columns(["day"]))


def widen(folder: Folder) -> None:
    put(folder, 3, 1, rows_of(3, 1).append_column("more", pa.array([1] * ROWS)))


CASES = {
    change_nothing: set(),
    compress_one: set(),
    bring_nan: {"p2"},
    cut_one: {"p0"},
    leave_a_key_out: {"p3"},
    widen: {"p3"},
}


@pytest.mark.parametrize("compression", [None, "zstd"])
@pytest.mark.parametrize("case", CASES)
def test_files_are_those_that_each_would_be_alone(monkeypatch, tmp_path, case, alone, compression):
    folders = [made(tmp_path / name) for name in ("together", "alone")]
    for folder, worth in zip(folders, (3, 10**6), strict=True):
        case(folder)
        alone.clear()
        monkeypatch.setattr(bundled_joining, "WORTH_A_BUNDLE", worth)
        rows = folder.frame().sort("k").select("product", "k", "v", "t")
        plan = plan_repartition(folder.home, folder.disk, ["product"], compression=compression)
        repartition(folder.home, folder.disk, plan)
        assert folder.frame().select(rows.columns).sort("k").equals(rows)
        if worth == 3 and compression is None:
            assert {name.removeprefix("product=") for name in alone} == CASES[case]
    assert contents(folders[0]) == contents(folders[1])
    assert len(contents(folders[0])) == 4


def test_rows_are_what_they_were(tmp_path):
    folder = made(tmp_path)
    before = folder.frame().sort("k")
    Dataset(folder.root).repartition(["product"])
    assert folder.frame().select(before.columns).sort("k").equals(before)
    groups = [pq.read_metadata(path).num_row_groups for path in folder.root.glob("product=*/*")]
    assert groups == [3] * 4


def test_more_row_groups_than_are_looked_at_together_are_joined_one_by_one(
    tmp_path, monkeypatch, alone
):
    monkeypatch.setattr(bundled_joining, "MOST_GROUPS", 5)
    folder = made(tmp_path)
    Dataset(folder.root).repartition(["product"])
    assert len(alone) == 4


def test_what_is_looked_at_together_is_shared_out(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(repartitioning, "MOST_GROUPS", 6)
    folder, other = made(tmp_path / "a"), made(tmp_path / "b")
    told: list[tuple[int, int | None]] = []
    with watched(lambda done, count: told.append((done, count))):
        Dataset(folder.root).repartition(["product"])
    assert alone == []
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    monkeypatch.setattr(bundled_joining, "WORTH_A_BUNDLE", 10**6)
    Dataset(other.root).repartition(["product"])
    assert contents(folder) == contents(other)


def test_files_of_which_only_the_end_is_at_hand_are_opened_again(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(GlimpsedFile, "TAIL_BYTES", 300)
    folder, other = made(tmp_path / "a"), made(tmp_path / "b")
    Dataset(folder.root).repartition(["product"])
    assert alone == []
    monkeypatch.setattr(bundled_joining, "WORTH_A_BUNDLE", 10**6)
    Dataset(other.root).repartition(["product"])
    assert contents(folder) == contents(other)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells open files in another way")
def test_two_old_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(GlimpsedFile, "TAIL_BYTES", 300)
    opened: list[set[str]] = []
    before = splicing.copy_bytes

    def copy_bytes(source, *others):
        before(source, *others)
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        names = {os.path.realpath(link) for link in links}
        opened.append({name for name in names if "/day=" in name})

    monkeypatch.setattr(splicing, "copy_bytes", copy_bytes)
    Dataset(made(tmp_path).root).repartition(["product"])
    assert len(opened) >= 12
    assert max(map(len, opened)) <= WORKERS


@pytest.mark.parametrize("harm", ["gone", "cut off", "fewer rows"])
def test_a_file_that_is_harmed_before_it_is_read_stops_it_all(tmp_path, harm):
    folder = made(tmp_path)
    plan = plan_repartition(folder.home, folder.disk, ["product"])
    victim = folder.root / "product=p2" / "day=1" / "part.parquet"
    match harm:
        case "gone":
            victim.unlink()
        case "cut off":
            victim.write_bytes(victim.read_bytes()[:-1])
        case _:
            put(folder, 2, 1, rows_of(2, 1).slice(1))
    with pytest.raises(ParquetryError):
        repartition(folder.home, folder.disk, plan)
    assert len(list(folder.root.glob("product=*/day=*/*.parquet"))) == 12 - (harm == "gone")
