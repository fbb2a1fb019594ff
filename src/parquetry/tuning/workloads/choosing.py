"""Which templates fit a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from parquetry.tuning.workloads.domain import read_domain, table_schema
from parquetry.tuning.workloads.events import COLUMNS, event_templates
from parquetry.tuning.workloads.generic import generic_templates
from parquetry.tuning.workloads.taxi import taxi_columns, taxi_templates
from parquetry.tuning.workloads.templates import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parquetry.store import Store
    from parquetry.tuning.workloads.templates import DrawnQuery

Kind: TypeAlias = Literal["any", "taxi"]


def draw_workload(
    store: Store, table: str, num_queries: int, *, seed: int, kind: Kind = "any"
) -> Iterator[DrawnQuery]:
    """Return questions to a table, made up from templates that fit its columns.

    Args:
        store: The store.
        table: The dataset.
        num_queries: How many questions.
        seed: What the questions depend on, beside the table.
        kind: `taxi` for trips; otherwise made-up events are known by their columns, and any other
            table gets questions by the kinds of its columns.

    Raises:
        NotFoundError: There is no such dataset, or it has no rows.
        RequestError: The table has no trips.
    """
    names = table_schema(store, table).names
    if kind == "taxi":
        parts = taxi_columns(names, table)
        domain = read_domain(store, table, [parts["pickup"], parts["zone"]])
        return draw(taxi_templates(parts), domain, num_queries, seed)
    if set(COLUMNS) <= set(names):
        domain = read_domain(store, table, COLUMNS)
        return draw(event_templates(domain), domain, num_queries, seed)
    domain = read_domain(store, table)
    return draw(generic_templates(domain), domain, num_queries, seed)
