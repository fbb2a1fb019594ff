"""The schema of a Parquet file by its meaning, so that two spellings of one type are equal.

Writers spell the same column differently: with the old *converted* type, the new *logical* one, or
both; with `INT_64` on a plain 64-bit integer or without. `Element.kind` says what is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from parquetry.errors import CorruptionError
from parquetry.files.splicing.fields import SchemaElement
from parquetry.files.splicing.structs import I8, Struct
from parquetry.files.splicing.thrift import decode_struct

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind: TypeAlias = tuple[object, ...]

MAX_DEPTH = 100
"""How deep columns may nest."""

_PHYSICAL = (
    "BOOLEAN",
    "INT32",
    "INT64",
    "INT96",
    "FLOAT",
    "DOUBLE",
    "BYTE_ARRAY",
    "FIXED_LEN_BYTE_ARRAY",
)
_REPETITIONS = ("required", "optional", "repeated")
_UNITS = {1: "MILLIS", 2: "MICROS", 3: "NANOS"}
_BARE = {1: "STRING", 2: "MAP", 3: "LIST", 4: "ENUM", 6: "DATE", 11: "NULL"} | {
    12: "JSON",
    13: "BSON",
    14: "UUID",
    15: "FLOAT16",
}
_DECIMAL, _TIME, _TIMESTAMP, _INTEGER = 5, 7, 8, 10
_CONVERTED: tuple[Kind, ...] = (
    ("STRING",),
    ("MAP",),
    ("MAP_KEY_VALUE",),
    ("LIST",),
    ("ENUM",),
    ("DECIMAL",),
    ("DATE",),
    ("TIME", True, "MILLIS"),
    ("TIME", True, "MICROS"),
    ("TIMESTAMP", True, "MILLIS"),
    ("TIMESTAMP", True, "MICROS"),
    ("INTEGER", 8, False),
    ("INTEGER", 16, False),
    ("INTEGER", 32, False),
    ("INTEGER", 64, False),
    ("INTEGER", 8, True),
    ("INTEGER", 16, True),
    ("INTEGER", 32, True),
    ("INTEGER", 64, True),
    ("JSON",),
    ("BSON",),
    ("INTERVAL",),
)
_SAYS_NOTHING = {("INT32", ("INTEGER", 32, True)), ("INT64", ("INTEGER", 64, True))}


@dataclass(frozen=True, slots=True)
class Element:
    """One node of the schema tree.

    Args:
        path: The names from the top-level column down to this node.
        repetition: `required`, `optional` or `repeated`.
        physical: The physical type of a leaf, with its length if it has one; None for a group.
        kind: What the values mean, whichever way it is spelt; empty if nothing is said.
        field_id: The number that table formats know the node by.
    """

    path: tuple[str, ...]
    repetition: str
    physical: tuple[str, int | None] | None
    kind: Kind
    field_id: int | None

    @property
    def is_float(self) -> bool:
        """Whether the values can be NaN."""
        named = self.physical is not None and self.physical[0] in {"FLOAT", "DOUBLE"}
        return named or self.kind == ("FLOAT16",)

    def __str__(self) -> str:
        """Return the node as people write it down."""
        parts = [self.repetition, self.physical[0] if self.physical else "group"]
        if self.physical and self.physical[1] is not None:
            parts[-1] += f"({self.physical[1]})"
        parts += ["/".join(map(str, self.kind))] if self.kind else []
        parts += [f"field_id={self.field_id}"] if self.field_id is not None else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A top-level column: its nodes depth first, and which chunks of a row group are its own."""

    name: str
    elements: tuple[Element, ...]
    first_leaf: int

    @property
    def leaves(self) -> list[Element]:
        """The nodes that have a chunk, in the order of the chunks."""
        return [element for element in self.elements if element.physical is not None]


def parse_schema(elements: Sequence[Struct]) -> tuple[Column, ...]:
    """Return the top-level columns of a file's list of schema elements.

    Raises:
        CorruptionError: If the elements do not form a tree.
    """
    if not elements or _children(elements[0]) is None:
        raise CorruptionError("The schema has no root.")
    columns: list[Column] = []
    at, leaf = 1, 0
    for _ in range(_children(elements[0]) or 0):
        nodes: list[Element] = []
        at = _subtree(elements, at, (), nodes)
        column = Column(nodes[0].path[0], tuple(nodes), leaf)
        columns.append(column)
        leaf += len(column.leaves)
    if at != len(elements):
        raise CorruptionError(f"The schema lists {len(elements)} elements, but its tree has {at}.")
    return tuple(columns)


def _subtree(
    elements: Sequence[Struct], at: int, above: tuple[str, ...], nodes: list[Element]
) -> int:
    """Add a node and all below it to `nodes`; return the position behind them."""
    if at >= len(elements):
        raise CorruptionError("The schema promises more elements than it lists.")
    if len(above) >= MAX_DEPTH:
        raise CorruptionError(f"The schema nests deeper than {MAX_DEPTH} levels.")
    struct = elements[at]
    path = (*above, struct.text(SchemaElement.NAME) or "")
    nodes.append(_element(struct, path))
    at += 1
    for _ in range(_children(struct) or 0):
        at = _subtree(elements, at, path, nodes)
    return at


def _children(struct: Struct) -> int | None:
    children = struct.integer(SchemaElement.NUM_CHILDREN)
    if children is not None and children < 0:
        raise CorruptionError(f"An element of the schema claims {children} children.")
    return children


def _element(struct: Struct, path: tuple[str, ...]) -> Element:
    physical = _physical(struct)
    kind = _kind(struct)
    if physical and (physical[0], kind) in _SAYS_NOTHING:
        kind = ()
    if kind == ("MAP_KEY_VALUE",) and len(path) > 1:
        kind = ()  # on the inner group of a map it is decoration, and newer writers leave it out
    return Element(
        path=path,
        repetition=_name(_REPETITIONS, struct.integer(SchemaElement.REPETITION_TYPE) or 0),
        physical=physical,
        kind=kind,
        field_id=struct.integer(SchemaElement.FIELD_ID),
    )


def _physical(struct: Struct) -> tuple[str, int | None] | None:
    number = struct.integer(SchemaElement.TYPE)
    if number is None or struct.integer(SchemaElement.NUM_CHILDREN):
        return None
    name = _name(_PHYSICAL, number)
    fixed = name == "FIXED_LEN_BYTE_ARRAY"
    return name, struct.integer(SchemaElement.TYPE_LENGTH) if fixed else None


def _name(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else f"unknown({number})"


def _kind(struct: Struct) -> Kind:
    """Return what the values mean. The logical type has the last word where both are given."""
    raw = struct.raw(SchemaElement.LOGICAL_TYPE)
    if raw is not None:
        return _logical(raw)
    number = struct.integer(SchemaElement.CONVERTED_TYPE)
    if number is None:
        return ()
    kind = _CONVERTED[number] if 0 <= number < len(_CONVERTED) else ("CONVERTED", number)
    if kind == ("DECIMAL",):
        scale = struct.integer(SchemaElement.SCALE) or 0
        return ("DECIMAL", scale, struct.integer(SchemaElement.PRECISION))
    return kind


def _logical(raw: bytes) -> Kind:
    union = decode_struct(raw, {_DECIMAL: {}, _TIME: {2: {}}, _TIMESTAMP: {2: {}}, _INTEGER: {}})
    if len(union) != 1:
        return ("LOGICAL", raw)
    number, value = next((number, union.struct(number)) for number in union)
    if number in _BARE:
        return (_BARE[number],)
    if number == _DECIMAL and value is not None:
        return ("DECIMAL", value.integer(1) or 0, value.integer(2))
    if number in {_TIME, _TIMESTAMP} and value is not None:
        unit = next(iter(value.struct(2) or ()), 0)
        return ("TIME" if number == _TIME else "TIMESTAMP", value.flag(1), _UNITS.get(unit, unit))
    if number == _INTEGER and value is not None:
        return ("INTEGER", _byte(value), value.flag(2))
    return ("LOGICAL", raw)


def _byte(struct: Struct) -> int | None:
    """Return a width of one byte, which compact Thrift writes plainly and not as a number."""
    kind, value = struct.get(1, (0, b""))
    if kind != I8 or not isinstance(value, bytes):
        return struct.integer(1)
    return value[0]
