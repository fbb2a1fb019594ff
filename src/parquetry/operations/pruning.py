"""Which row groups a predicate can concern, and which it covers, told without decoding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from pyarrow import types as pt

from parquetry.access.conditions import Comparison, Condition, Demand, OneOf
from parquetry.errors import ParquetryError
from parquetry.files.bloom_filters import BloomFilter, hash_integers, hash_texts
from parquetry.operations.parsing import Junction, Leaf, Negation, Node, conjuncts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from parquetry.operations.bounds import Bounds, Flags, GroupPlace
    from parquetry.operations.footers import Footers
    from parquetry.operations.scope import Constants

_SHORT, _LONG = 4, 8  # bytes of whole numbers as they are stored
_MOST_ASKED = 1000  # values; beyond, asking Bloom filters costs more than it spares


class Outcomes(NamedTuple):
    """What a predicate can come to in each of several row groups."""

    true: Flags
    false: Flags
    unknown: Flags

    @property
    def covers(self) -> Flags:
        """Where it is true of every row."""
        return self.true & ~self.false & ~self.unknown


class Units:
    """Row groups, or files before their footers are read, that a predicate is asked of.

    Args:
        constants: What columns have one value in all rows of a unit, and which.
        footers: What tells of the row groups; without it only constants tell anything.
        columns: The types of the dataset's columns.
    """

    def __init__(
        self,
        constants: Constants,
        columns: Mapping[str, pa.DataType],
        footers: Footers | None = None,
    ) -> None:
        self.count = len(constants.files)
        self.constants = constants
        self.footers = footers
        self._columns = columns
        self._bounds: dict[str, Bounds] = {}

    def bounds(self, name: str) -> Bounds | None:
        """Return the bounds of a column, None if no footers were read."""
        if self.footers is None or name not in self._columns:
            return None
        if name not in self._bounds:
            self._bounds[name] = self.footers.bounds(name, self._columns[name])
        return self._bounds[name]


def outcomes(node: Node, units: Units) -> Outcomes:
    """Return what a predicate can come to in each unit; it errs only by admitting too much."""
    match node:
        case Negation():
            found = outcomes(node.term, units)
            return Outcomes(found.false, found.true, found.unknown)
        case Junction():
            one, other = (outcomes(term, units) for term in node.terms)
            return _both(one, other) if node.is_and else _either(one, other)
        case Leaf():
            return _of_leaf(node, units)


def _both(one: Outcomes, other: Outcomes) -> Outcomes:
    unknown = (one.unknown & (other.true | other.unknown)) | (other.unknown & one.true)
    return Outcomes(one.true & other.true, one.false | other.false, unknown)


def _either(one: Outcomes, other: Outcomes) -> Outcomes:
    unknown = (one.unknown & (other.false | other.unknown)) | (other.unknown & one.false)
    return Outcomes(one.true | other.true, one.false & other.false, unknown)


def _anything(count: int) -> Outcomes:
    return Outcomes(*(np.ones(count, bool) for _ in range(3)))


def _of_leaf(leaf: Leaf, units: Units) -> Outcomes:
    if leaf.columns is not None and set(leaf.columns) <= set(units.constants.types):
        return _settled(leaf, units.constants)
    bounds = units.bounds(leaf.columns[0]) if leaf.columns and leaf.kind != "opaque" else None
    if bounds is None:
        return _anything(units.count)
    name = leaf.columns[0] if leaf.columns else ""
    match leaf.kind:
        case "is null":
            return Outcomes(bounds.nulls, ~bounds.only_nulls, np.zeros(units.count, bool))
        case "ordered":
            return _ordered(leaf, name, bounds)
    return _without_absent(leaf, name, _equal(leaf, name, bounds), units)


def _settled(leaf: Leaf, constants: Constants) -> Outcomes:
    if leaf.is_sure(constants.schema):
        return _settled_by_python(leaf, constants)
    found = _evaluate(leaf.expr, constants.frame)
    if found is None:
        return _anything(len(constants.files))
    if not found.null_count():
        true = found.to_numpy()
        return Outcomes(true, ~true, np.zeros(len(true), bool))
    unknown = found.is_null().to_numpy()
    true = found.fill_null(value=False).to_numpy()
    return Outcomes(true, ~true & ~unknown, unknown)


def _settled_by_python(leaf: Leaf, constants: Constants) -> Outcomes:
    values = constants.values(leaf.columns[0] if leaf.columns else "")
    null = np.array([value is None for value in values], bool)
    if leaf.compare is None:
        return Outcomes(null, ~null, np.zeros(len(null), bool))
    compare, wanted = leaf.compare, leaf.value
    true = np.array([value is not None and compare(value, wanted) for value in values], bool)
    return Outcomes(true, ~true & ~null, null)


def _evaluate(expr: pl.Expr, frame: pl.DataFrame) -> pl.Series | None:
    """Return the truth values of an expression, None where the engine refuses."""
    try:
        with_outcome = frame.with_columns(expr.cast(pl.Boolean).alias("::outcome"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return with_outcome.get_column("::outcome")


def _at(leaf: Leaf, name: str, values: pl.Series) -> Flags | None:
    found = _evaluate(leaf.expr, pl.DataFrame([values.alias(name)]))
    if found is None:
        return None
    if not found.null_count():
        return found.to_numpy()
    if (found.is_null() & values.is_not_null()).any():
        return None  # unknown of a known value: the other side is NULL
    return found.fill_null(value=False).to_numpy()


def _ordered(leaf: Leaf, name: str, bounds: Bounds) -> Outcomes:
    """What is true on one side of a value is, between two bounds, what it is at one of them."""
    low, high = _at(leaf, name, bounds.low), _at(leaf, name, bounds.high)
    if low is None or high is None:
        return _anything(len(bounds.known))
    return _joined(leaf, name, bounds, low | high, ~(low & high))


def _equal(leaf: Leaf, name: str, bounds: Bounds) -> Outcomes:
    values = _wanted(leaf)
    if values is None or not len(values) or values.null_count():
        return _anything(len(bounds.known))
    true = _reached(values, bounds)
    low = _at(leaf, name, bounds.low)
    if true is None or low is None:
        return _anything(len(bounds.known))
    same = (bounds.low == bounds.high).fill_null(value=False).to_numpy()
    return _joined(leaf, name, bounds, true, ~(same & low))


def _reached(values: pl.Series, bounds: Bounds) -> Flags | None:
    """Return where one of the values lies within the bounds, None if they cannot be compared."""
    try:
        suited = values.cast(bounds.low.dtype, strict=False)
        if suited.null_count() or not (suited == values).all():
            return None
        ordered = suited.sort()
        place = ordered.search_sorted(bounds.low, side="left").fill_null(0)
        nearest = ordered.gather(place.clip(0, len(ordered) - 1))
        reached = (place < len(ordered)) & (nearest <= bounds.high)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return reached.fill_null(value=False).to_numpy()


def _wanted(leaf: Leaf) -> pl.Series | None:
    if leaf.kind == "one of":
        return leaf.value if isinstance(leaf.value, pl.Series) else None
    return pl.Series([leaf.value])


def _joined(leaf: Leaf, name: str, bounds: Bounds, true: Flags, false: Flags) -> Outcomes:
    """Add to what the bounds say what stands outside of them: NULL, NaN, and what is not known."""
    true = ~bounds.known | true
    false = ~bounds.certain | false
    if bounds.nans.any():
        at_nan = _at(leaf, name, pl.Series([float("nan")], dtype=bounds.low.dtype))
        true = true | (bounds.nans & (at_nan is None or at_nan[0]))
        false = false | (bounds.nans & (at_nan is None or not at_nan[0]))
    return Outcomes(true & ~bounds.only_nulls, false & ~bounds.only_nulls, bounds.nulls)


def _without_absent(leaf: Leaf, name: str, found: Outcomes, units: Units) -> Outcomes:
    """Ask the Bloom filters of the row groups whose bounds admit the values."""
    values = _wanted(leaf)
    if units.footers is None or values is None or len(values) > _MOST_ASKED or values.null_count():
        return found
    true = found.true.copy()
    for number in np.flatnonzero(true):
        group = units.footers.place(int(number))
        hashed = ask_bloom_filter(group, name, values)
        if hashed is not None and not hashed.any():
            true[number] = False
    return Outcomes(true, found.false, found.unknown)


def ask_bloom_filter(group: GroupPlace, name: str, values: pl.Series) -> Flags | None:
    """Return which values a row group may hold in a column, None if it has no filter that can tell."""
    chunk = group.chunk(name)
    if chunk is None or not chunk.bloom_filter_offset or not chunk.bloom_filter_length:
        return None
    hashes = _hashes(values, chunk.physical_type, group.columns.field(name).type)
    if hashes is None:
        return None
    try:
        with open(group.path, "rb") as file:
            file.seek(chunk.bloom_filter_offset)
            return BloomFilter(file.read(chunk.bloom_filter_length)).may_hold(hashes)
    except (OSError, ParquetryError):
        return None  # whoever reads the file says what is wrong with it


def _hashes(values: pl.Series, physical: str, kind: pa.DataType) -> Any:
    if pt.is_signed_integer(kind) and physical in {"INT32", "INT64"} and values.dtype.is_integer():
        is_short = physical == "INT32"
        fits = values.cast(pl.Int32 if is_short else pl.Int64, strict=False)
        return (
            None
            if fits.null_count()
            else hash_integers(fits.cast(pl.Int64).to_numpy(), _SHORT if is_short else _LONG)
        )
    if pt.is_date(kind) and values.dtype == pl.Date:
        return hash_integers(values.to_physical().cast(pl.Int64).to_numpy(), _SHORT)
    if pt.is_string(kind) and values.dtype == pl.String:
        return hash_texts([text.encode() for text in values])
    return None


def demands(node: Node) -> list[Demand]:
    """Return what a predicate demands of single columns, for leaving folders unlisted."""
    leaves = [term for term in conjuncts(node) if isinstance(term, Leaf) and term.columns]
    return [Demand(one) for leaf in leaves if (one := _condition(leaf)) is not None]


def _condition(leaf: Leaf) -> Condition | None:
    name = leaf.columns[0] if leaf.columns else ""
    if leaf.kind == "equal" and leaf.value is not None:
        return Comparison(name, "=", leaf.value)
    if leaf.kind == "one of" and isinstance(leaf.value, pl.Series):
        values = leaf.value.to_list()
        return OneOf(name, tuple(values)) if values and None not in values else None
    return None
