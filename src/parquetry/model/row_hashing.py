"""A 64-bit hash of every value and a 128-bit hash of every row, the same on any machine, for ever.

Not Polars' `hash_rows` nor DuckDB's `hash`, which may change with every release. The rules, version 1:

- A value is brought to bits that do not depend on its width: whole numbers, booleans, dates and times
  as 64-bit two's complement (times in nanoseconds), floats as IEEE 754 binary64 with one NaN, text and
  bytes as BLAKE2b of 8 bytes, decimals as their unscaled 128 bits and scale. The bits are mixed with the
  finaliser of SplitMix64.
- NULL is 0. A list is the sum over its elements, each mixed with its place, mixed with the length. A
  struct is a row of its own.
- A row is, for each of two seeds, the sum modulo 2^64 over the columns of the value mixed with the
  column's name, mixed once more. So the order of columns does not count, and a column of NULLs is
  as good as none.

Not for adversaries: it tells accidents, not attacks.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as pt

from parquetry.errors import SchemaMismatchError
from parquetry.model.schema import normal_type

if TYPE_CHECKING:
    from collections.abc import Iterable

Hashes: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"

_LOW = b"parquetry rows 1 low"
_HIGH = b"parquetry rows 1 high"
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_NAN = np.uint64(0x7FF8000000000000)
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def hash_rows(table: pa.Table) -> tuple[Hashes, Hashes]:
    """Return the low and the high half of the hash of each row."""
    low = np.zeros(table.num_rows, np.uint64)
    high = np.zeros(table.num_rows, np.uint64)
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = hash_values(column.combine_chunks() if column.num_chunks != 1 else column.chunk(0))
        low += _mix_known(values, _text_hash(_LOW + name.encode()))
        high += _mix_known(values, _text_hash(_HIGH + name.encode()))
    return _mix(low), _mix(high)  # else columns could trade values between rows unseen


def hash_values(array: pa.Array) -> Hashes:
    """Return the hash of each value of an array; 0 for NULL.

    Raises:
        SchemaMismatchError: The array's type has no hash.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    hashes = _of_kind(array)
    if array.null_count:
        hashes[np.asarray(array.is_null())] = 0
    return hashes


def _of_kind(array: pa.Array) -> Hashes:
    kind = array.type
    if pt.is_null(kind):
        return np.zeros(len(array), np.uint64)
    if pt.is_dictionary(kind):
        return _taken(hash_values(array.dictionary), array.indices)
    if pt.is_floating(kind):
        return _mix(_float_bits(array))
    if pt.is_decimal(kind):
        return _of_decimals(array)
    if pt.is_map(kind) or _is_list(kind):
        return _of_lists(array)
    if pt.is_struct(kind):
        return _of_structs(array)
    kind = normal_type(kind)
    if pt.is_string(kind) or pt.is_binary(kind) or pt.is_fixed_size_binary(kind):
        return _of_texts(array)
    return _mix(_whole_bits(array))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _mix(bits: Hashes) -> Hashes:
    """Mix in place: a bijection of 64 bits, so that different values never collide here."""
    bits += _STEP
    bits ^= bits >> np.uint64(30)
    bits *= _FACTOR_1
    bits ^= bits >> np.uint64(27)
    bits *= _FACTOR_2
    bits ^= bits >> np.uint64(31)
    return bits


def _mix_known(values: Hashes, seed: np.uint64) -> Hashes:
    """Mix with a seed, and leave 0 where there is no value."""
    mixed = _mix(values ^ seed)
    mixed[values == 0] = 0
    return mixed


def _whole_bits(array: pa.Array) -> Hashes:
    kind = array.type
    factor = 1
    if pt.is_timestamp(kind) or pt.is_time(kind) or pt.is_duration(kind):
        factor = _NANOSECONDS[kind.unit]
        array = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())  # noqa: PLR2004
    elif pt.is_date(kind):
        array = array.cast(pa.date32()).view(pa.int32())
    elif not (pt.is_integer(kind) or pt.is_boolean(kind)):
        raise SchemaMismatchError(f"Values of the type {kind} have no hash. Nothing was changed.")
    numbers = pc.fill_null(array, False if pt.is_boolean(kind) else 0)
    if pt.is_uint64(array.type):
        return np.array(numbers, np.uint64)
    return np.array(numbers).astype(np.int64).view(np.uint64) * np.uint64(factor)


def _float_bits(array: pa.Array) -> Hashes:
    numbers = np.array(pc.fill_null(array.cast(pa.float64()), 0), np.float64)
    bits = numbers.view(np.uint64)
    bits[np.isnan(numbers)] = _NAN
    return bits


def _of_decimals(array: pa.Array) -> Hashes:
    scale = np.uint64(array.type.scale)
    full = pc.fill_null(array.cast(pa.decimal256(76, array.type.scale)), 0)
    words = np.frombuffer(full.buffers()[1], "<u8")[full.offset * 4 : (full.offset + len(full)) * 4]
    hashes = np.full(len(full), scale, np.uint64)
    for place in range(4):
        hashes = _mix(hashes ^ words[place::4])
    return hashes


def _of_texts(array: pa.Array) -> Hashes:
    """Hash each distinct text once: keys and names repeat."""
    coded = array.cast(pa.large_binary()).dictionary_encode()
    values = coded.dictionary.to_pylist()
    distinct = np.fromiter((_text_hash(text) for text in values), np.uint64, len(values))
    return _taken(distinct, coded.indices)


def _taken(distinct: Hashes, indices: pa.Array) -> Hashes:
    if not len(distinct):
        return np.zeros(len(indices), np.uint64)
    taken: Hashes = distinct[np.asarray(pc.fill_null(indices, 0))]
    return taken


def _text_hash(text: bytes) -> np.uint64:
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little") | 1)  # never the 0 of NULL


def _of_lists(array: pa.Array) -> Hashes:
    if pt.is_map(array.type):
        array = _as_list(array)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
    elements = hash_values(array.flatten())
    starts = np.cumsum(lengths) - lengths
    places = np.arange(len(elements)) - np.repeat(starts, lengths)
    mixed = _mix(elements ^ _mix(places.astype(np.uint64)))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    totals = sums[starts + lengths] - sums[starts]
    return _mix(totals + _mix(lengths.astype(np.uint64)))


def _as_list(array: pa.Array) -> pa.Array:
    pairs = pa.struct({"key": array.type.key_type, "value": array.type.item_type})
    return array.cast(pa.list_(pairs))


def _of_structs(array: pa.Array) -> Hashes:
    fields = [field.name for field in array.type]
    low = np.ones(len(array), np.uint64)
    for name, values in zip(fields, array.flatten(), strict=True):
        low += _mix_known(hash_values(values), _text_hash(name.encode()))
    return _mix(low)


def total(hashes: Iterable[Hashes]) -> list[int]:
    """Return the sums modulo 2^64: they do not depend on the order of rows."""
    return [int(half.sum(dtype=np.uint64)) for half in hashes]
