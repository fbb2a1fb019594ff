"""The table `query_shape`: which kinds of question there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.tuning.metadata.inserting import insert_new
from parquetry.tuning.metadata.tables import query_shape
from parquetry.tuning.records import ColumnName, PredicateUse, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def insert_shapes(connection: sa.Connection, shapes: Iterable[Shape]) -> None:
    """Add the kinds that are not known yet."""
    insert_new(connection, query_shape, list(map(_row, shapes)))


def select_shapes(connection: sa.Connection, table: str | None) -> list[Shape]:
    """Return the kinds of question that read a dataset, by cluster_id."""
    chosen = sa.select(query_shape).order_by(query_shape.c.cluster_id)
    shapes = map(_shape, connection.execute(chosen))
    return [shape for shape in shapes if table is None or table in shape.tables]


def _row(shape: Shape) -> dict[str, Any]:
    uses = {
        "predicates": [[*_pair(use.name), use.operator] for use in shape.predicates],
        "projected": list(map(_pair, shape.projected)),
        "grouped": list(map(_pair, shape.grouped)),
        "group_keys": list(map(_pair, shape.group_keys)),
        "ordered": list(map(_pair, shape.ordered)),
        "joined": list(map(_pair, shape.joined)),
        "template": shape.template,
    }
    return {
        "cluster_id": shape.cluster_id,
        "tables": list(shape.tables),
        "uses": uses,
        "example": shape.example,
    }


def _shape(row: sa.Row[Any]) -> Shape:
    uses = row.uses
    return Shape(
        cluster_id=row.cluster_id,
        tables=tuple(row.tables),
        predicates=tuple(
            PredicateUse(ColumnName(table, column), operator)
            for table, column, operator in uses["predicates"]
        ),
        projected=_names(uses["projected"]),
        grouped=_names(uses["grouped"]),
        ordered=_names(uses["ordered"]),
        joined=_names(uses["joined"]),
        template=uses["template"],
        example=row.example,
        group_keys=_names(uses.get("group_keys", ())),  # which kinds of long ago lack
    )


def _pair(name: ColumnName) -> list[str]:
    return [name.table, name.column]


def _names(pairs: Sequence[Sequence[str]]) -> tuple[ColumnName, ...]:
    return tuple(ColumnName(table, column) for table, column in pairs)
