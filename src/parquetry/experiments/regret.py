"""Regret columns: runs name the same quantity in three ways, and readers should not have to care."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_SOURCES = ("regret", "cum_regret", "regret_increment")


def fill_regret(table: pa.Table) -> pa.Table:
    """Return the table with `regret` and `cum_regret` filled from each other.

    `regret` is taken from `cum_regret`, then from `regret_increment`; `cum_regret` from `regret`.
    Values that are there stay. A table with none of these columns is returned as it is.
    """
    names = table.column_names
    present = [name for name in _SOURCES if name in names]
    if {"regret", "cum_regret"} <= {*present} and not any(table[n].null_count for n in present[:2]):
        return table
    if not present or not all(_is_number(table[name].type) for name in present):
        return table
    regret = _first_of([table[name] for name in present])
    cumulated = [table["cum_regret"]] if "cum_regret" in present else []
    filled = {"regret": regret, "cum_regret": _first_of([*cumulated, regret])}
    for name, column in filled.items():
        position = table.schema.get_field_index(name)
        if position < 0:
            table = table.append_column(name, column)
        elif table[name].null_count:
            table = table.set_column(position, name, column)
    return table


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_null(kind))


def _first_of(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    typed = [column for column in columns if not pa.types.is_null(column.type)]
    if not typed:
        return columns[0]
    if len({column.type for column in typed}) > 1:
        typed = [column.cast(pa.float64()) for column in typed]
    return pc.coalesce(*typed)
