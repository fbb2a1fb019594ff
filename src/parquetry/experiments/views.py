"""The views of a store of experiments, as SQL over its datasets.

`events` and `seeds` are the datasets joined with the parameters of their grids; `events_summary`,
`seeds_summary`, `seeds_from_events` and `status` are computed from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyarrow import types as pt

from parquetry.access.quoting import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

KEYS = frozenset({"grid_id", "seed", "event_id"})
_NOT_JOINED = {*KEYS, "code_version", "created"}  # of a grid as such; `grids` has them


def summary_views(schemas: Mapping[str, pa.Schema]) -> dict[str, str]:
    """Return the SQL of every summary view that the present datasets allow, by name.

    Args:
        schemas: The columns of the datasets `events` and `seeds`, as far as they exist.
    """
    views = {}
    if "events" in schemas and "grid_id" in schemas["events"].names:
        views["events_summary"] = _events_summary(schemas["events"])
        if "seed" in schemas["events"].names:
            views["seeds_from_events"] = _seeds_from_events(schemas["events"])
    if "seeds" in schemas and "grid_id" in schemas["seeds"].names:
        views["seeds_summary"] = _seeds_summary(schemas["seeds"])
    status = _status(schemas)
    if status:
        views["status"] = status
    return views


def joined(rows: str, schema: pa.Schema, grids: pa.Schema) -> str:
    """Return the SQL of a dataset's rows with the parameters of their grids as columns.

    A column that the rows have themselves stays theirs, and is filled from the grid where a row has
    none and the types agree.

    Args:
        rows: A name or a query in parentheses that gives the rows.
        schema: The columns of the rows.
        grids: The columns of the table `grids`.
    """
    own = [_own_column(field, grids) for field in schema]
    extra = [name for name in grids.names if name not in {*schema.names, *_NOT_JOINED}]
    more = [f"g.{quote_identifier(name)}" for name in extra]
    chosen = ", ".join([*own, *more])
    return f"select {chosen} from {rows} as d left join grids as g on d.grid_id = g.grid_id"


def _own_column(field: pa.Field, grids: pa.Schema) -> str:
    name = quote_identifier(field.name)
    is_shared = field.name not in _NOT_JOINED and field.name in grids.names
    if is_shared and grids.field(field.name).type == field.type:
        return f"coalesce(d.{name}, g.{name}) as {name}"
    return f"d.{name}"


def parameter_columns(grids: pa.Schema) -> set[str]:
    """Return the columns for which rows must be joined with their grids, in lower case."""
    return {name.lower() for name in grids.names if name not in _NOT_JOINED}


def _aggregates(schema: pa.Schema, *pairs: tuple[str, str]) -> str:
    """Return `, sql` for each (column, sql) whose column is there."""
    return "".join(f", {sql}" for column, sql in pairs if column in schema.names)


def _events_summary(schema: pa.Schema) -> str:
    more = _aggregates(
        schema,
        ("seed", "count(distinct seed) as seeds"),
        ("regret", "avg(regret) as avg_regret"),
        ("regret", "min(regret) as min_regret"),
        ("regret", "max(regret) as max_regret"),
        ("op", "count(*) filter (op = 'insert') as inserts"),
        ("op", "count(*) filter (op = 'delete') as deletes"),
    )
    return f"select grid_id, count(*) as total_events{more} from events group by grid_id"


def _seeds_from_events(schema: pa.Schema) -> str:
    more = _aggregates(
        schema,
        ("regret", "avg(regret) as avg_regret_empirical"),
        ("op", "count(*) filter (op = 'insert') as N_star_emp"),
        ("op", "count(*) filter (op = 'delete') as m_emp"),
    )
    if "event_id" in schema.names:
        for name in schema.names:
            if name not in KEYS:
                value, final = quote_identifier(name), quote_identifier(f"final_{name}")
                more += f", arg_max_null({value}, event_id) as {final}"
    return (
        f"select grid_id, seed, count(*) as total_events{more} from events group by grid_id, seed"
    )


def _seeds_summary(schema: pa.Schema) -> str:
    more = ""
    for field in schema:
        if field.name not in KEYS and (pt.is_integer(field.type) or pt.is_floating(field.type)):
            column = quote_identifier(field.name)
            more += f", avg({column}) as {quote_identifier('avg_' + field.name)}"
            more += f", stddev_samp({column}) as {quote_identifier('std_' + field.name)}"
    return f"select grid_id, count(*) as seeds{more} from seeds group by grid_id"


def _status(schemas: Mapping[str, pa.Schema]) -> str:
    """Which seeds of which grids have events, a summary, or both."""
    parts = [
        f"select grid_id, seed, count(*) as {name}_rows from {name} group by grid_id, seed"
        for name in ("events", "seeds")
        if {"grid_id", "seed"} <= set(schemas[name].names if name in schemas else ())
    ]
    if len(parts) == 2:  # noqa: PLR2004  both
        return f"select * from ({parts[0]}) full join ({parts[1]}) using (grid_id, seed)"
    return parts[0] if parts else ""
