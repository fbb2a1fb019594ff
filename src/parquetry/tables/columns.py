"""A column: its type, whether it may be NULL, what it means, and what its values may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pyarrow import types as pt

from parquetry.errors import ParameterError
from parquetry.tables.types import parse_type, type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

Value: TypeAlias = "str | int | float | bool | None"
Holds: TypeAlias = Literal["json object", "json"]
NOW = "now()"
"""The default of a column that is filled with the moment of writing."""
IDENTIFIER = "identifier()"
"""The default of a column that is filled with the table's name and version."""


@dataclass(frozen=True)
class Column:
    """One column of a table; `column` is the short way to write one.

    Args:
        name: Its name.
        type: Its type, as `types.parse_type` reads it.
        meaning: What a value says, in a sentence.
        nullable: Whether NULL is allowed.
        one_of: The only values that are allowed, if they are few and known.
        at_least: The smallest value that is allowed.
        at_most: The largest value that is allowed.
        holds: Whether its text must be JSON.
        unit: The unit of its values.
        default: What a column that is missing altogether is filled with; see `NOW`, `IDENTIFIER`.
        high_cardinality: Whether it has so many values that it must not name folders.
    """

    name: str
    type: str
    meaning: str = ""
    nullable: bool = False
    one_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    holds: Holds | None = None
    unit: str | None = None
    default: Value = None
    high_cardinality: bool = False

    def __post_init__(self) -> None:
        """Refuse a column that contradicts itself, and write its type in the one spelling."""
        if not self.name or self.name != self.name.strip():
            raise ParameterError(f"A column cannot be called {self.name!r}.")
        kind = parse_type(self.type)
        object.__setattr__(self, "type", type_text(kind))
        limited = self.at_least is not None or self.at_most is not None
        numeric = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind)
        if limited and not numeric:
            raise ParameterError(f"The column {self.name!r} is {kind}; only numbers have limits.")
        if (self.one_of or self.holds) and not pt.is_string(kind):
            raise ParameterError(
                f"The column {self.name!r} is {kind}; only text has listed values or holds JSON."
            )

    @property
    def arrow_type(self) -> pa.DataType:
        """Its type in Arrow."""
        return parse_type(self.type)

    @property
    def is_exact_as_text(self) -> bool:
        """Whether text keeps its values exactly, as the name of a folder must."""
        kind = self.arrow_type
        exact = pt.is_string(kind) or pt.is_integer(kind) or pt.is_boolean(kind) or pt.is_date(kind)
        return bool(exact)

    @property
    def may_partition(self) -> bool:
        """Whether its values may name folders: few, and exact as text."""
        has_few = not self.high_cardinality and self.holds is None and self.name != "step"
        return self.is_exact_as_text and has_few

    def describe_type(self) -> str:
        """Return its type and nullability as the documents write them, `int64?`."""
        return f"{self.type}?" if self.nullable else self.type


def column(
    name: str,
    type_: str,
    meaning: str = "",
    *,
    one_of: Sequence[str] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    holds: Holds | None = None,
    unit: str | None = None,
    default: Value = None,
    high_cardinality: bool = False,
) -> Column:
    """Return a column; a `?` after the type makes it nullable: `column("notes", "string?")`."""
    return Column(
        name=name,
        type=type_.removesuffix("?"),
        meaning=meaning,
        nullable=type_.endswith("?"),
        one_of=tuple(one_of),
        at_least=at_least,
        at_most=at_most,
        holds=holds,
        unit=unit,
        default=default,
        high_cardinality=high_cardinality,
    )
