"""A flipped bit in a page is never written on as good: decoding refuses it, and copying keeps it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry import CorruptionError, Dataset

VERBS = {
    "delete": lambda dataset: dataset.delete(pl.col("id") == 3),
    "update": lambda dataset: dataset.update(pl.col("id") % 7 == 3, {"price": 5}),
    "upsert": lambda dataset: dataset.upsert(
        pl.DataFrame({"day": [0], "id": [3], "price": [5], "name": ["x"]}), ["id"]
    ),
    "compact": lambda dataset: dataset.compact(),
    "repartition": lambda dataset: dataset.repartition(["day"]),
}
COPIED = {"delete", "update", "upsert", "compact"}
"""Verbs that copy a row group of the large file as it is, if it does not concern them."""


def save(path: Path, first: int, rows: int, a_group: int) -> None:
    ids = pa.array(range(first, first + rows))
    columns = {
        "day": pa.array([row // 7 % 3 for row in range(rows)]),
        "id": ids,
        "price": pa.array([3 * row for row in range(rows)]),
        "name": pa.array([f"name {row}" for row in range(rows)]),
    }
    pq.write_table(
        pa.table(columns),
        path,
        row_group_size=a_group,
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
    )


def spoil(path: Path, column: int) -> None:
    """Flip a bit at the end of the last page of a column."""
    chunk = pq.read_metadata(path).row_group(-1 % pq.read_metadata(path).num_row_groups)
    place = chunk.column(column).data_page_offset + chunk.column(column).total_compressed_size - 3
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def is_damaged(dataset: Dataset) -> bool:
    return any(one.kind == "damaged" for one in dataset.check(deep=True).findings)


@pytest.mark.parametrize("column", [2, 3], ids=["number", "text"])
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_decoded_is_refused(tmp_path, verb, column):
    root = tmp_path / "trades"
    root.mkdir()
    for number in range(3):
        save(root / f"{number}.parquet", 50 * number, 50, 50)
    spoil(root / "0.parquet", column)
    before = {path: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(CorruptionError, match=r"0\.parquet.* decoded: .*[Cc]hecksum|CRC") as caught:
        VERBS[verb](Dataset(root))
    assert caught.value.outcome == "unchanged"
    assert {path: path.read_bytes() for path in root.iterdir()} == before


@pytest.mark.parametrize("verb", VERBS)
def test_of_a_large_file_what_is_copied_can_still_be_seen_to_be_damaged(tmp_path, verb):
    root = tmp_path / "trades"
    root.mkdir()
    for number in range(2):
        save(root / f"{number}.parquet", 80_000 * number, 80_000, 40_000)
    spoil(root / "0.parquet", 2)
    dataset = Dataset(root)
    try:
        VERBS[verb](dataset)
    except CorruptionError:
        assert verb not in COPIED or verb == "update"  # which sets rows of each row group
    assert is_damaged(dataset)


@pytest.mark.parametrize("verb", ["compact", "repartition"])
def test_pages_without_checksums_are_decoded_as_they_are(tmp_path, verb):
    root = tmp_path / "trades"
    root.mkdir()
    for number in range(3):
        pq.write_table(pa.table({"day": [0, 1], "id": [number, 9]}), root / f"{number}.parquet")
    dataset = Dataset(root)
    VERBS[verb](dataset)
    assert sorted(dataset.scan().collect()["id"]) == [0, 1, 2, 9, 9, 9]
