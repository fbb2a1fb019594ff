"""Column types as the documents write them: `int16`, `list<float32>`, `timestamp[us, tz=UTC]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types as pt

from parquetry.errors import ParameterError, did_you_mean
from parquetry.model.schema import normal_type, unite_types

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN: dict[str, pa.DataType] = {
    "string": pa.string(),
    "binary": pa.binary(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}
_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, ?tz=([^\]]+))?\]")
_DURATION = re.compile(r"duration\[(s|ms|us|ns)\]")
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")


def parse_type(text: str) -> pa.DataType:
    """Return the Arrow type that a type's text stands for.

    Raises:
        ParameterError: The text is no type.
    """
    text = text.strip()
    if text in _PLAIN:
        return _PLAIN[text]
    if found := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    if found := _DURATION.fullmatch(text):
        return pa.duration(found[1])
    if found := _DECIMAL.fullmatch(text):
        return pa.decimal128(int(found[1]), int(found[2]))
    if text.startswith("list<") and text.endswith(">"):
        return pa.list_(pa.field("element", parse_type(text[5:-1])))
    if text.startswith("struct<") and text.endswith(">"):
        return pa.struct(list(_parse_fields(text[7:-1])))
    raise ParameterError(
        f"There is no column type {text!r}.{did_you_mean(text, _PLAIN)} Types are {', '.join(_PLAIN)}, "
        "timestamp[us, tz=UTC], duration[us], decimal(18, 4), list<…> and struct<name: …>."
    )


def _parse_fields(text: str) -> Iterator[pa.Field]:
    for part in _split(text):
        name, colon, kind = part.partition(":")
        if not colon:
            raise ParameterError(f"A struct's field is written `name: type`, not {part.strip()!r}.")
        yield pa.field(name.strip(), parse_type(kind))


def _split(text: str) -> Iterator[str]:
    """Yield the parts between the commas that stand in no bracket."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        if letter in "<[(":
            depth += 1
        elif letter in ">])":
            depth -= 1
        elif letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def type_text(kind: pa.DataType) -> str:
    """Return the text of an Arrow type; `parse_type` reads it back.

    Raises:
        ParameterError: No table can have a column of this type.
    """
    kind = normal_type(kind)
    for text, plain in _PLAIN.items():
        if plain == kind:
            return text
    if pt.is_timestamp(kind):
        return f"timestamp[{kind.unit}{f', tz={kind.tz}' if kind.tz else ''}]"
    if pt.is_duration(kind):
        return f"duration[{kind.unit}]"
    if pt.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pt.is_list(kind):
        return f"list<{type_text(kind.value_type)}>"
    if pt.is_struct(kind):
        return f"struct<{', '.join(f'{f.name}: {type_text(f.type)}' for f in kind)}>"
    raise ParameterError(f"A table cannot have a column of the type {kind}.")


def widens(old: pa.DataType, new: pa.DataType) -> bool:
    """Return whether every value of the old type is one of the new type, in the same family.

    Whole numbers widen to whole numbers and floats to floats; `int32` to `float64` would change
    what a reader computes with, so it is no widening.
    """
    if pt.is_list(old) and pt.is_list(new):
        return widens(old.value_type, new.value_type)
    same_family = any(
        family(old) and family(new)
        for family in (pt.is_integer, pt.is_floating, pt.is_decimal, pt.is_timestamp)
    )
    return old != new and same_family and unite_types(old, new) == new
