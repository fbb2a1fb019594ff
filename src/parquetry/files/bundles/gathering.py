"""Bytes of many files put together at once: of each file one piece behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.bundles.structs import Bytes, Cut
from parquetry.files.splicing.structs import LAST, WIDEST_VARINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.bundles.structs import Part
    from parquetry.files.lockstep import Numbers


class Gathered(NamedTuple):
    """Bytes of all files, one file behind the other."""

    data: bytes
    ends: Numbers

    def of(self, first: int, end: int) -> bytes:
        """Return the bytes of neighbouring files."""
        return self.data[self.ends[first - 1] if first else 0 : self.ends[end - 1] if end else 0]

    @property
    def cut(self) -> Cut:
        """Where the bytes of each file stand."""
        lengths = np.diff(self.ends, prepend=0)
        return Cut(np.frombuffer(self.data, np.uint8), self.ends - lengths, lengths)


def gather(parts: Sequence[Part], files: int) -> Gathered:
    """Return the bytes of each file, put together from parts.

    **Cost:** some nanoseconds a byte, and as many a part and file; Python's lock is held.

    Args:
        parts: What comes behind each other.
        files: How many files there are.
    """
    if not parts:
        return Gathered(b"", np.zeros(files, np.int64))
    pool = _Pool()
    merged = _merged(parts)
    starts, lengths = (np.empty((files, len(merged)), np.int64) for _ in range(2))
    numbers = [number for number, part in enumerate(merged) if isinstance(part, np.ndarray)]
    for number, part in enumerate(merged):
        if not isinstance(part, np.ndarray):
            starts[:, number], lengths[:, number] = pool.place(part)
    if numbers:  # a call for each takes as long as for all of them
        values = np.stack([merged[number] for number in numbers], axis=1)
        starts[:, numbers], lengths[:, numbers] = pool.place_integers(values)
    ends = np.cumsum(lengths)
    first = ends - lengths.ravel()
    places = np.repeat(starts.ravel() - first, lengths.ravel())
    places += np.arange(len(places))
    return Gathered(pool.data()[places].tobytes(), ends[len(merged) - 1 :: len(merged)])


def encode_integers(values: Numbers) -> tuple[Bytes, Numbers]:
    """Return the bytes of integers as `zigzag` encodes them, a row each, and how many bytes count."""
    left = (values << 1 ^ values >> 63).astype(np.uint64)
    shifts = np.arange(0, 7 * WIDEST_VARINT, 7, dtype=np.uint64)
    sevens = left[:, None] >> shifts
    lengths = np.maximum((sevens != 0).sum(axis=1), 1)
    found = (sevens & np.uint64(LAST)).astype(np.uint8)
    found |= np.where(sevens > np.uint64(LAST), np.uint8(LAST + 1), np.uint8(0))
    return found, lengths


class _Pool:
    """All bytes that are put together, in one place each."""

    def __init__(self) -> None:
        self._pieces: list[Bytes] = []
        self._bases: dict[tuple[int, int], int] = {}
        self._size = 0
        self._shared: dict[bytes, int] = {}

    def place(self, part: bytes | Cut) -> tuple[Numbers | int, Numbers | int]:
        """Return where a part stands in the pool, for each file or for all, and how long it is."""
        if isinstance(part, bytes):
            at = self._shared.get(part)
            if at is None:
                at = self._shared[part] = self._add(np.frombuffer(part, np.uint8))
            return at, len(part)
        where = part.data.ctypes.data, len(part.data)  # for bytes are looked at by many arrays
        base = self._bases.get(where)
        if base is None:
            base = self._bases[where] = self._add(part.data)
        return part.starts + base, part.lengths

    def place_integers(self, values: Numbers) -> tuple[Numbers, Numbers]:
        """Return where the bytes of integers stand in the pool, and how long they are."""
        encoded, lengths = encode_integers(values.ravel())
        starts = self._add(encoded.ravel()) + WIDEST_VARINT * np.arange(values.size)
        return starts.reshape(values.shape), lengths.reshape(values.shape)

    def data(self) -> Bytes:
        """Return the pool."""
        return np.concatenate(self._pieces)

    def _add(self, data: Bytes) -> int:
        at = self._size
        self._pieces.append(data)
        self._size += len(data)
        return at


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with neighbours that all files share as one."""
    merged: list[Part] = []
    for part in parts:
        if merged and isinstance(part, bytes) and isinstance(merged[-1], bytes):
            merged[-1] += part
        else:
            merged.append(part)
    return merged
