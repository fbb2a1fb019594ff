"""Column chunks of many files stand in one file, which any reader decodes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files import footer_table
from parquetry.files.bundles.stacking import ChunkPlaces, Stack, Wanted, decode_stacked
from parquetry.files.bundles.structs import read_structs
from parquetry.files.footers import footer_bytes
from parquetry.files.lockstep import Walk
from parquetry.files.splicing.footer import SHAPE
from parquetry.files.splicing.thrift import decode_struct


def stack_of(folder, tables, leaves, **options):
    """Return files of some leaves, stacked, and how large a dictionary each of these may have."""
    paths = [folder / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path, **options)
    raw = [footer_bytes(str(path)) for path in paths]
    (table,), alone = footer_table.read_together(raw)
    assert alone == []
    chosen = {}
    for leaf in leaves:
        said = table.chunks[0, leaf].said
        walk = Walk.within(table.whole, said.starts, said.starts + said.lengths)
        chosen[leaf] = ChunkPlaces.of(read_structs(walk, {}))
    pieces = [
        path.read_bytes()[one.starts[number] : one.starts[number] + one.sizes[number]]
        for number, path in enumerate(paths)
        for one in chosen.values()
    ]
    content = Stack(decode_struct(table.raw, SHAPE)).file(table.rows[:, 0], chosen, pieces)
    return content, chosen


def tables(rows=lambda number: number + 3):
    return [
        pa.table(
            {
                "a": list(range(number, number + rows(number))),
                "b": [f"text {number}"] * rows(number),
                "c": [[number]] * rows(number),
                "d": [number / 2] * rows(number),
            }
        )
        for number in range(6)
    ]


def test_each_reader_finds_the_rows_of_all_files(tmp_path, monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    found = tables()
    content, _ = stack_of(tmp_path, found, [0, 1, 3])
    wanted = pa.concat_tables(found).select(["a", "b", "d"])
    assert decode_stacked(content, ["a", "b", "d"]).equals(wanted)
    assert pl.read_parquet(content, columns=["a", "d"]).to_arrow() == wanted.select(["a", "d"])
    footer = pq.read_metadata(pa.BufferReader(content))
    assert [footer.row_group(n).num_rows for n in range(6)] == [table.num_rows for table in found]


def test_texts_come_as_codes_where_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    found = tables()
    content, chosen = stack_of(tmp_path, found, [1])
    coded = decode_stacked(content, ["b"], ["b"])["b"]
    assert pa.types.is_dictionary(coded.type)
    assert coded.to_pylist() == pa.concat_tables(found)["b"].to_pylist()
    assert chosen[1].has_small_dictionary(1000)
    assert not chosen[1].has_small_dictionary(1)
    _, plain = stack_of(tmp_path, found, [1], use_dictionary=False)
    assert not plain[1].has_small_dictionary(1000)


def test_some_rows_are_kept_of_row_groups_decoded_together(tmp_path, monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    found = tables()
    content, _ = stack_of(tmp_path, found, [0, 1])
    some = [Wanted([0, 1], pa.array([0, 6])), Wanted([2], pa.array([], pa.int64()))]
    kept = decode_stacked(content, ["a", "b"], ["b"], some)
    assert kept["a"].to_pylist() == [0, 4]
    assert kept["b"].to_pylist() == ["text 0", "text 1"]
    assert decode_stacked(content, ["a"], wanted=[Wanted([0], pa.array([99]))]) is None


def test_what_was_not_chosen_or_is_damaged_cannot_be_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    content, _ = stack_of(tmp_path, tables(), [0], write_page_checksum=True)
    assert decode_stacked(content, ["d"]) is None
    damaged = bytearray(content)
    damaged[60] ^= 1
    assert decode_stacked(bytes(damaged), ["a"]) is None


def test_chunks_that_stand_nowhere_are_not_placed(tmp_path, monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    _, chosen = stack_of(tmp_path, tables(), [0])
    metadata = chosen[0].metadata
    for field, value in (
        (9, 0),
        (7, 0),
        (9, 2**40),
    ):  # where its pages begin, and how long they are
        broken = metadata.copy()
        broken.put_integer(field, np.full(6, value))
        assert ChunkPlaces.of(broken) is None
    without = metadata.copy()
    without.drop(9)
    assert ChunkPlaces.of(without) is None
