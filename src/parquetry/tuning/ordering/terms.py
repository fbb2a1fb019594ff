"""From a layout to the expressions that order its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.access.quoting import quote_identifier
from parquetry.tuning.ordering.curves import STATE_BITS, curve_table
from parquetry.tuning.ordering.literals import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.model.layouts import Curve, Cut, Layout, PartitionKey, Quantiles

CELL_BITS = {2: 8, 3: 6}
"""Bits of each coordinate: 65,536 cells of two columns, far more than there are row groups."""
STEP_BITS = {2: 4, 3: 2}
"""Bits of each coordinate that one look-up takes, so that a table has at most 1,024 entries."""


def order_by(layout: Layout, number: str | None = None) -> str:
    """Return what follows ORDER BY, or nothing if the layout leaves rows as they come.

    The session's time zone must be UTC.

    Args:
        layout: The layout.
        number: The expression for a row's number on the layout's curve, where that is known already.
    """
    return ", ".join(f"{term} ASC NULLS LAST" for term in order_terms(layout, number))


def order_terms(layout: Layout, number: str | None = None) -> tuple[str, ...]:
    """Return the expressions by which rows are sorted: partitions, curve or cuts, sort columns."""
    key = number or curve_key(layout) or cut_key(layout)
    columns = map(quote_identifier, layout.sort_by)
    return (*partition_terms(layout), *([key] if key else ()), *columns)


def partition_terms(layout: Layout) -> tuple[str, ...]:
    """Return the expressions of which all rows of a file have the same values."""
    return tuple(map(partition_term, layout.partition_by))


def partition_term(key: PartitionKey) -> str:
    """Return the expression of one partition key."""
    column = quote_identifier(key.column)
    return f"date_trunc('{key.truncate}', {column})" if key.truncate else column


def cut_key(layout: Layout) -> str | None:
    """Return the expression for the leaf that a row ends in, or None without cuts."""
    return _branch(layout.cuts, 0) if layout.cuts else None


def curve_key(layout: Layout) -> str | None:
    """Return the expression for a row's number on the curve, or None without a curve."""
    return None if layout.curve is None else curve_number(layout.curve, curve_cells(layout))


def curve_cells(layout: Layout) -> tuple[str, ...]:
    """Return the expressions for the cells of a row, one for each column of the curve."""
    bits = CELL_BITS[len(layout.quantiles)] if layout.quantiles else 0
    return tuple(_cell(one, bits) for one in layout.quantiles)


def curve_number(curve: Curve, cells: Sequence[str]) -> str:
    """Return the expression for a number on a curve, of those for the cells.

    Each of these stands in it several times: who plans a query with it is faster when they are columns.
    """
    dimensions = len(cells)
    bits = STEP_BITS[dimensions]
    table = f"([{', '.join(map(str, curve_table(curve, dimensions, bits)))}])"
    entry, number = "0", "0"
    for shift in range(CELL_BITS[dimensions] - bits, -1, -bits):
        state = f"({entry} & {(1 << STATE_BITS) - 1}) * {1 << (bits * dimensions)}"
        entry = f"{table}[{state} + {_coordinates(cells, shift, bits)} + 1]"
        number = f"({number}) * {1 << (bits * dimensions)} + ({entry} >> {STATE_BITS})"
    return number


def _coordinates(cells: Sequence[str], shift: int, bits: int) -> str:
    """Return the expression for the bits of all coordinates that one step takes."""
    places = [1 << (bits * place) for place in reversed(range(len(cells)))]
    return " + ".join(
        f"(({cell} >> {shift}) & {(1 << bits) - 1}) * {place}"
        for cell, place in zip(cells, places, strict=True)
    )


def _cell(quantiles: Quantiles, bits: int) -> str:
    """Return the expression for the cell of a value, a search among the boundaries.

    Few boundaries are spread over all cells, so that each column weighs the same on the curve.
    """
    numbers = cell_numbers(len(quantiles.values) + 1, bits)
    return _search(quote_identifier(quantiles.column), quantiles.values, numbers)


def cell_numbers(parts: int, bits: int) -> list[int]:
    """Return the cells in which the parts between boundaries begin."""
    return [(part << bits) // parts for part in range(parts)]


def _search(column: str, bounds: Sequence[Any], numbers: Sequence[int]) -> str:
    if not bounds:
        return str(numbers[0])
    middle = len(bounds) // 2
    below = _search(column, bounds[:middle], numbers[: middle + 1])
    above = _search(column, bounds[middle + 1 :], numbers[middle + 1 :])
    return f"CASE WHEN {column} < {literal(bounds[middle])} THEN {below} ELSE {above} END"


def _branch(cuts: Sequence[Cut], at: int) -> str:
    if at < 0:
        return str(~at)
    cut = cuts[at]
    met, unmet = _branch(cuts, cut.met), _branch(cuts, cut.unmet)
    return f"CASE WHEN {_question(cut)} THEN {met} ELSE {unmet} END"


def _question(cut: Cut) -> str:
    column = quote_identifier(cut.column)
    if cut.operator == "in":
        return f"{column} IN ({', '.join(map(literal, cut.value))})"
    return f"{column} {cut.operator} {literal(cut.value)}"
