"""Asking the Bloom filter of a column chunk whether values can be in it.

The format's filter: blocks of 256 bits, one bit in each of a block's eight words, chosen by the XXH64
hash of a value's plain bytes. Source: `BloomFilter.md` of apache/parquet-format, and
github.com/Cyan4973/xxHash (`xxhash_spec.md`). Hashes are computed for many values at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from parquetry.errors import ParquetryError
from parquetry.files.splicing.thrift import decode_struct

if TYPE_CHECKING:
    from collections.abc import Sequence

Hashes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
Flags: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.bool_]]"

_U64 = np.uint64
_P1, _P2, _P3, _P4, _P5 = (
    _U64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_SALT = np.array(
    [
        0x47B6137B,
        0x44974D91,
        0x8824AD5B,
        0xA2B7289D,
        0x705495C7,
        0x2DF1424B,
        0x9EFC4947,
        0x5C6BFB31,
    ],
    dtype=np.uint32,
)
_NUM_BYTES, _ALGORITHM, _HASH, _COMPRESSION = 1, 2, 3, 4
_BLOCK = 32
_STRIPE, _LANE, _HALF = 32, 8, 4


class BloomFilter:
    """One filter, as its bytes stand in a file: header and bits.

    Args:
        raw: The bytes.
    """

    def __init__(self, raw: bytes) -> None:
        self._words: np.ndarray[tuple[int, int], np.dtype[np.uint32]] | None = None
        try:
            size = decode_struct(raw).integer(_NUM_BYTES) or 0
        except ParquetryError:
            return
        if 0 < size < len(raw) and size % _BLOCK == 0:
            self._words = np.frombuffer(raw[-size:], dtype="<u4").reshape(-1, 8)

    def may_hold(self, hashes: Hashes) -> Flags:
        """Return for each hash whether a value of it can be in the chunk; a broken filter admits all."""
        if self._words is None:
            return np.ones(len(hashes), dtype=np.bool_)
        blocks = ((hashes >> _U64(32)) * _U64(len(self._words))) >> _U64(32)
        low = (hashes & _U64(0xFFFFFFFF)).astype(np.uint32)
        masks = np.uint32(1) << ((low[:, None] * _SALT) >> np.uint32(27))
        found = (self._words[blocks.astype(np.int64)] & masks) == masks
        return np.asarray(found.all(axis=1))


def hash_integers(values: np.ndarray[tuple[int], np.dtype[np.int64]], width: int) -> Hashes:
    """Return the hashes of whole numbers that Parquet stores in 4 or 8 bytes."""
    plain = values.astype(f"<i{width}").view(np.uint8).reshape(len(values), width)
    return _hash(plain)


def hash_texts(values: Sequence[bytes]) -> Hashes:
    """Return the hashes of texts or bytes."""
    lengths = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
    hashes = np.zeros(len(values), dtype=np.uint64)
    for length in np.unique(lengths):
        where = np.flatnonzero(lengths == length)
        joined = b"".join(values[int(index)] for index in where)
        plain = np.frombuffer(joined, dtype=np.uint8).reshape(len(where), int(length))
        hashes[where] = _hash(plain)
    return hashes


def _hash(plain: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> Hashes:
    """Return XXH64, seed 0, of each row of bytes; all rows have one length."""
    count, length = plain.shape
    plain = np.ascontiguousarray(plain)
    with np.errstate(over="ignore"):
        at = length // _STRIPE * _STRIPE
        found = _stripes(plain[:, :at], count) if at else np.full(count, _P5, dtype=_U64)
        found = found + _U64(length)
        while at + _LANE <= length:
            lane = _read(plain, at, _LANE)
            found = _rotate(found ^ _round(np.zeros(count, dtype=_U64), lane), 27) * _P1 + _P4
            at += _LANE
        if at + _HALF <= length:
            found = _rotate(found ^ (_read(plain, at, _HALF) * _P1), 23) * _P2 + _P3
            at += _HALF
        while at < length:
            found = _rotate(found ^ (plain[:, at].astype(_U64) * _P5), 11) * _P1
            at += 1
        found = (found ^ (found >> _U64(33))) * _P2
        found = (found ^ (found >> _U64(29))) * _P3
        return np.asarray(found ^ (found >> _U64(32)))


def _stripes(plain: np.ndarray[tuple[int, int], np.dtype[np.uint8]], count: int) -> Hashes:
    zero = np.zeros(count, dtype=_U64)
    lanes = [zero + _P1 + _P2, zero + _P2, zero.copy(), zero - _P1]
    for start in range(0, plain.shape[1], _STRIPE):
        for number in range(4):
            word = _read(plain, start + number * _LANE, _LANE)
            lanes[number] = _round(lanes[number], word)
    found = sum(
        (_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)), zero
    )
    for lane in lanes:
        found = (found ^ _round(zero, lane)) * _P1 + _P4
    return np.asarray(found)


def _round(lane: Hashes, word: Hashes) -> Hashes:
    return np.asarray(_rotate(lane + word * _P2, 31) * _P1)


def _rotate(value: Hashes, bits: int) -> Hashes:
    return np.asarray((value << _U64(bits)) | (value >> _U64(64 - bits)))


def _read(plain: np.ndarray[tuple[int, int], np.dtype[np.uint8]], at: int, width: int) -> Hashes:
    part = np.ascontiguousarray(plain[:, at : at + width])
    return np.asarray(part.view(f"<u{width}").reshape(-1).astype(_U64))
