"""Rows of many small row groups that are decoded by one call are those of each of them."""

from __future__ import annotations

import datetime as dt
import os
import random
from decimal import Decimal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from operations.folders import Folder
from parquetry.errors import ConflictError, CorruptionError
from parquetry.files.encoding import encode_rows, writer_options
from parquetry.operations import reading_together, row_frames
from parquetry.operations.footers import Footers
from parquetry.operations.row_frames import Part, frame_of
from parquetry.operations.scope import find_scope
from parquetry.operations.updating import update

FILES, ROWS = 5, 40
KINDS = {
    "whole": pa.int64(),
    "small": pa.uint8(),
    "real": pa.float64(),
    "short": pa.float32(),
    "truth": pa.bool_(),
    "text": pa.string(),
    "few": pa.string(),
    "bytes": pa.binary(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
    "money": pa.decimal128(9, 2),
}
NAMES = list(KINDS)
FORMS = {
    "ours": {},
    "no dictionaries": {"use_dictionary": False},
    "snappy": {"compression": "snappy"},
    "new pages": {"data_page_version": "2.0"},
    "small pages": {"data_page_size": 40, "write_batch_size": 3, "dictionary_pagesize_limit": 30},
    "two row groups": {"row_group_size": 30},
}


def rows_of(number: int) -> pa.Table:
    chance = random.Random(number)

    def some(make):
        return [make() if chance.random() < 0.8 else None for _ in range(ROWS + number)]

    found = {
        "whole": some(lambda: chance.getrandbits(60)),
        "small": some(lambda: chance.randrange(256)),
        "real": some(lambda: chance.choice([chance.random(), float("nan"), -0.0])),
        "short": some(lambda: chance.randrange(9) / 4),
        "truth": some(lambda: chance.random() < 0.5),
        "text": some(lambda: "ä" * chance.randrange(30) + str(number)),
        "few": some(lambda: chance.choice(["buy", "sell", f"only {number}"])),
        "bytes": some(lambda: chance.randbytes(chance.randrange(9))),
        "day": some(lambda: dt.date(2025, 1, 1 + chance.randrange(28))),
        "moment": some(lambda: dt.datetime(2025, 1, 1 + chance.randrange(28), tzinfo=dt.UTC)),
        "money": some(lambda: Decimal(chance.randrange(10**6)).scaleb(-2)),
    }
    return pa.table([pa.array(found[name], kind) for name, kind in KINDS.items()], NAMES)


def made(path, **options) -> Folder:
    folder = Folder(path)
    for number in range(FILES):
        folder.put(f"p={number}/part.parquet", rows_of(number), **options)
    return folder


def opened(folder: Folder):
    scope = find_scope(folder.home, folder.disk, folder.source)
    (footers,) = Footers.of_files(scope.files, scope.footers)
    return scope, [footers.opened(number) for number in range(len(scope.files))]


@pytest.fixture
def asked(monkeypatch):
    """Note whether rows were read together."""
    found: list[bool] = []
    before = reading_together.read_together

    def read_together(*arguments):
        table = before(*arguments)
        found.append(table is not None)
        return table

    monkeypatch.setattr(row_frames, "read_together", read_together)
    return found


def frames(monkeypatch, folder: Folder, names, at=None, group: int = 0):
    """Return rows as they are read together, and one row group by one."""
    found = []
    for fewest in (2, 10**9):
        monkeypatch.setattr(reading_together, "FEWEST", fewest)
        scope, files = opened(folder)
        parts = [
            Part(file, group, None if at is None else np.array(at, np.int64)) for file in files
        ]
        found.append(frame_of(parts, names, scope.types))
    return found


@pytest.mark.parametrize("at", [None, [0, 3, 4], []])
@pytest.mark.parametrize("form", FORMS)
def test_rows_are_those_of_each_row_group(tmp_path, monkeypatch, asked, form, at):
    folder = made(tmp_path, **FORMS[form])
    for group in range(2 if "row_group_size" in FORMS[form] else 1):
        for names in (["p", *NAMES], ["few"], ["money", "whole"]):
            one, other = frames(monkeypatch, folder, names, at, group)
            assert one.equals(other)
            assert one.schema == other.schema
            if form != "small pages":  # of which some chunks have dictionaries, and some have not
                assert asked[-2:] == [True, False]


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_some_rows_are_the_same_however_many_are_decoded_at_once(
    tmp_path, monkeypatch, asked, at_once
):
    monkeypatch.setattr(reading_together, "_AT_ONCE_ROWS", at_once)
    one, other = frames(monkeypatch, made(tmp_path), ["p", *NAMES], [0, 3, ROWS - 1])
    assert one.equals(other)
    assert asked == [True, False]


def test_files_of_ours_are_read_together_row_by_row(tmp_path, monkeypatch, asked):
    folder = Folder(tmp_path)
    for number in range(FILES):
        table = rows_of(number)
        options = writer_options(table.schema, bloom_columns=["whole"])
        target = folder.root / f"p={number}" / "part.parquet"
        target.parent.mkdir(parents=True)
        target.write_bytes(encode_rows([table], table.schema, options))
    one, other = frames(monkeypatch, folder, [*NAMES, "p"])
    assert one.equals(other)
    assert asked == [True, False]


def nested(folder: Folder) -> list[str]:
    for number in range(FILES):
        table = pa.table({"x": [[number]], "y": [number]})
        folder.put(f"p={number}/part.parquet", table)
    return ["x", "y"]


def old_times(folder: Folder) -> list[str]:
    for number in range(FILES):
        table = pa.table({"x": pa.array([number], pa.timestamp("ns"))})
        folder.put(f"p={number}/part.parquet", table, use_deprecated_int96_timestamps=True)
    return ["x"]


def other_columns(folder: Folder) -> list[str]:
    for number in range(FILES):
        table = pa.table({"x": [number]} | ({"y": [1]} if number == 3 else {}))
        folder.put(f"p={number}/part.parquet", table)
    return ["x"]


@pytest.mark.parametrize("put", [nested, old_times, other_columns])
def test_what_has_not_one_shape_is_read_one_by_one(tmp_path, monkeypatch, asked, put):
    folder = Folder(tmp_path)
    names = put(folder)
    one, other = frames(monkeypatch, folder, names)
    assert one.equals(other)
    assert True not in asked


def test_parts_in_no_order_or_of_several_row_groups_are_read_one_by_one(tmp_path, asked):
    folder = made(tmp_path, row_group_size=30)
    scope, files = opened(folder)
    for parts in (
        [Part(file, 0) for file in reversed(files)],
        [Part(file, group) for file in files for group in (0, 1)],
    ):
        found = frame_of(parts, ["whole"], scope.types)
        wanted = [part.file.read(part.group, ["whole"])["whole"].to_pylist() for part in parts]
        assert found["whole"].to_list() == [value for some in wanted for value in some]
        assert not asked.pop()


def test_links_are_read_together_with_files(tmp_path, monkeypatch, asked):
    folder = made(tmp_path / "a")
    other = made(tmp_path / "b")
    for number in range(FILES):
        target = folder.root / f"p={number}" / "part.parquet"
        target.unlink()
        os.symlink(other.root / f"p={number}" / "part.parquet", target)
    one, two = frames(monkeypatch, folder, NAMES)
    assert one.equals(two)
    assert asked == [True, False]


def test_another_file_in_its_place_is_a_conflict(tmp_path):
    folder = made(tmp_path)
    scope, files = opened(folder)
    folder.put("p=3/part.parquet", rows_of(4))
    with pytest.raises(ConflictError, match=r"p=3/part\.parquet is not what it was"):
        frame_of([Part(file, 0) for file in files], ["whole"], scope.types)
    (folder.root / "p=3" / "part.parquet").unlink()
    with pytest.raises(ConflictError, match=r"p=3/part\.parquet is gone"):
        frame_of([Part(file, 0) for file in files], ["whole"], scope.types)


def test_a_damaged_page_is_told_by_its_file(tmp_path):
    folder = made(tmp_path, compression="none", write_page_checksum=True, use_dictionary=False)
    path = folder.root / "p=2" / "part.parquet"
    content = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(0)
    content[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
    path.write_bytes(content)
    before = {file: file.read_bytes() for file in folder.root.glob("*/*.parquet")}
    with pytest.raises(CorruptionError, match=r"p=2/part\.parquet"):
        update(*folder.parts, pl.col("whole") >= 0, {"small": 1})
    assert before == {file: file.read_bytes() for file in folder.root.glob("*/*.parquet")}
