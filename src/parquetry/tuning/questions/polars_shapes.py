"""The columns of a collected lazy frame by what they are used for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from parquetry.tuning.questions.operators import condition_class
from parquetry.tuning.records import ColumnName, PredicateUse, Shape

if TYPE_CHECKING:
    from parquetry.tuning.questions.asked import Asked

_COLUMN = re.compile(r'col\("((?:[^"\\]|\\.)*)"\)')


def shape_of_scan(asked: Asked) -> Shape:
    """Return which columns a scan filtered by and which it handed over.

    What Polars did with the rows afterwards is not to be seen from a scan.
    """
    [table] = asked.tables
    uses = {
        PredicateUse(ColumnName(table, demand.condition.column), condition_class(demand.condition))
        for demand in asked.demands
    }
    understood = {use.name.column for use in uses}
    others = set(_COLUMN.findall(asked.text)) - understood
    uses |= {PredicateUse(ColumnName(table, column), "other") for column in others}
    columns = ("*",) if asked.columns is None else asked.columns
    return Shape(
        cluster_id="",
        tables=(table,),
        predicates=tuple(sorted(uses)),
        projected=tuple(sorted(ColumnName(table, column) for column in columns)),
        example=asked.text,
    )
