"""A Thrift struct as a value: field id → (type, value), in the order of the bytes.

A value stays the bytes it was, whatever they mean, unless somebody opened it. So what nobody
touches comes back byte for byte: unknown fields, integer widths, even unusual ways to write a
number. Reading and writing whole structs is the business of `thrift`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypeVar, Union

from parquetry.errors import CorruptionError

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
"""The protocol's type codes. A boolean field has no bytes of its own: its type is its value."""

Shape: TypeAlias = Mapping[int, "Shape"]
"""Which fields of a struct are opened, by the shapes of what they hold."""

Kept = TypeVar("Kept")
Value: TypeAlias = Union[bytes, "Struct", "list[Struct]"]

FIXED_BYTES = {TRUE: 0, FALSE: 0, I8: 1, DOUBLE: 8}
"""How many bytes the value of a field takes if its type says so."""

WIDEST_VARINT = 10
"""Bytes that a number of 64 bits can take."""

LAST = 0x7F
"""The greatest byte that ends a number: the bit above it says that more follows."""

_LAST_OF_TWO = (1 << 14) - 1
_BYTES = tuple(bytes([code]) for code in range(256))


class FieldMap(dict[int, tuple[int, Kept]]):
    """What has fields: field id → (type code, value), in the order of the bytes."""

    def put(self, field: int, kind: int, value: Kept) -> None:
        """Set a field. A new one takes the place that its number gives it."""
        if field in self:
            self[field] = (kind, value)
            return
        later = [other for other in self if other > field]
        self[field] = (kind, value)
        for other in later:
            self[other] = self.pop(other)

    def drop(self, *fields: int) -> None:
        """Unset fields."""
        for field in fields:
            self.pop(field, None)


class Struct(FieldMap[Value]):
    """One struct: field id → (type code, value), in the order of its bytes."""

    def integer(self, field: int) -> int | None:
        """Return an integer field, or nothing if it is not set."""
        found = self.get(field)
        if found is None or not I16 <= found[0] <= I64 or not isinstance(found[1], bytes):
            return None
        return unzigzag(found[1])

    def flag(self, field: int) -> bool | None:
        """Return a boolean field, or nothing if it is not set."""
        kind, _ = self.get(field, (0, b""))
        return kind == TRUE if kind in {TRUE, FALSE} else None

    def binary(self, field: int) -> bytes | None:
        """Return a binary field without its length, or nothing if it is not set."""
        kind, value = self.get(field, (0, b""))
        if kind != BINARY or not isinstance(value, bytes):
            return None
        _, start = read_varint(value, 0)
        return value[start:]

    def text(self, field: int) -> str | None:
        """Return a text field, or nothing if it is not set. Odd bytes survive as surrogates."""
        value = self.binary(field)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def raw(self, field: int) -> bytes | None:
        """Return the bytes of a field that was not opened, or nothing if it is not set."""
        _, value = self.get(field, (0, None))
        return value if isinstance(value, bytes) else None

    def struct(self, field: int) -> Struct | None:
        """Return a struct field that was opened, or nothing if it is not set."""
        _, value = self.get(field, (0, b""))
        return value if isinstance(value, Struct) else None

    def structs(self, field: int) -> list[Struct]:
        """Return a list of structs that was opened; one that is not set is empty."""
        _, value = self.get(field, (0, b""))
        return value if isinstance(value, list) else []

    def put_integer(self, field: int, value: int, kind: int = I64) -> None:
        """Set an integer field. One that is there keeps its width."""
        known, _ = self.get(field, (kind, b""))
        self.put(field, known if I16 <= known <= I64 else kind, zigzag(value))

    def put_text(self, field: int, value: str) -> None:
        """Set a text field."""
        self.put(field, BINARY, sized(value.encode("utf-8", "surrogateescape")))


def sized(value: bytes) -> bytes:
    """Return bytes behind their length, as a binary value is written."""
    return varint(len(value)) + value


def varint(value: int) -> bytes:
    """Return the bytes of an unsigned integer, seven bits a byte, the low ones first."""
    if value <= LAST:
        return _BYTES[value]
    if value <= _LAST_OF_TWO:
        return bytes((value & LAST | 0x80, value >> 7))
    out = bytearray()
    while value > LAST:
        out.append(value & LAST | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """Return the bytes of a signed integer: small magnitudes are short whatever their sign."""
    return varint((value << 1) ^ (value >> 63))


def unzigzag(raw: bytes) -> int:
    """Return the signed integer that `zigzag` made these bytes of."""
    if len(raw) == 1 and raw[0] <= LAST:
        value = raw[0]
    else:
        value, _ = read_varint(raw, 0)
    return (value >> 1) ^ -(value & 1)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned integer and the position behind it.

    Raises:
        CorruptionError: If it is longer than 64 bits can be.
        IndexError: If the bytes end before it does.
    """
    value = shift = 0
    while (byte := data[at]) > LAST:
        at += 1
        value |= (byte & LAST) << shift
        shift += 7
        if shift >= 7 * WIDEST_VARINT:
            raise CorruptionError("A number in the Thrift data is longer than ten bytes.")
    return value | byte << shift, at + 1
