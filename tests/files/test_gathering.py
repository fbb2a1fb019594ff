"""Bytes of many files are put together, each piece where it belongs."""

from __future__ import annotations

import numpy as np

from parquetry.files.bundles.gathering import _Pool, gather
from parquetry.files.bundles.structs import Cut

WHOLE = bytes(range(200))


def cut(starts, lengths):
    return Cut(np.frombuffer(WHOLE, np.uint8), np.array(starts), np.array(lengths))


def test_pieces_stand_behind_each_other_file_by_file():
    found = gather([cut([10, 20], [2, 1]), b"-", np.array([1, -1]), cut([0, 5], [1, 0])], 2)
    assert found.of(0, 1) == bytes([10, 11]) + b"-" + bytes([2, 0])
    assert found.of(1, 2) == bytes([20]) + b"-" + bytes([1])


def test_bytes_that_several_arrays_look_at_are_held_once():
    pool = _Pool()
    first, _ = pool.place(cut([10, 20], [2, 1]))
    other, _ = pool.place(cut([0, 5], [1, 0]))
    data = pool.data()
    assert len(data) == len(WHOLE)
    assert data[first].tolist() == [10, 20]
    assert data[other].tolist() == [0, 5]
