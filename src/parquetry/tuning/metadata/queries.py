"""The tables `query_log` and `query_scan`: what was asked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.errors import LayoutError
from parquetry.tuning.metadata.documents import (
    decode_demands,
    decode_parameters,
    encode_demands,
    encode_parameters,
)
from parquetry.tuning.metadata.tables import query_log, query_scan
from parquetry.tuning.records import KindActivity, LoggedQuery, LoggedScan

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence


def insert_queries(connection: sa.Connection, queries: Sequence[LoggedQuery]) -> None:
    """Add questions with their scans."""
    if not queries:
        return
    connection.execute(sa.insert(query_log), list(map(_query_row, queries)))
    scans = [row for query in queries for row in _scan_rows(query)]
    if scans:
        connection.execute(sa.insert(query_scan), scans)


def select_queries(
    connection: sa.Connection,
    table: str | None,
    *,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    layout: str | None = None,
    limit: int | None = None,
) -> list[LoggedQuery]:
    """Return the questions that read a dataset, oldest first; with a limit the newest of them."""
    scan = query_scan.c
    wanted = sa.select(scan.query_id).distinct()
    if table is not None:
        wanted = wanted.where(scan.table_name == table)
    if layout is not None:
        wanted = wanted.where(scan.layout_id == layout)
    if since is not None:
        wanted = wanted.where(scan.at >= since)
    if until is not None:
        wanted = wanted.where(scan.at < until)
    log = query_log.c
    chosen = sa.select(query_log).where(log.query_id.in_(wanted))
    chosen = chosen.order_by(log.at.desc(), log.query_id.desc()).limit(limit)
    rows = connection.execute(chosen).all()[::-1]
    ids = chosen.with_only_columns(log.query_id).subquery()
    scans = _scans_of(connection, sa.select(ids.c.query_id))
    return [_query(row, tuple(scans[row.query_id])) for row in rows]


def count_queries(connection: sa.Connection, table: str, since: dt.datetime | None) -> int:
    """Return how many questions read a dataset."""
    scan = query_scan.c
    counted = sa.select(sa.func.count(scan.query_id.distinct())).where(scan.table_name == table)
    if since is not None:
        counted = counted.where(scan.at >= since)
    return int(connection.execute(counted).scalar_one())


def select_activity(
    connection: sa.Connection, table: str, since: dt.datetime | None
) -> list[KindActivity]:
    """Return how much was asked of a dataset after a moment, by the kind of question."""
    log, scan = query_log.c, query_scan.c
    chosen = (
        sa.select(
            log.cluster_id,
            sa.func.count(),
            sa.func.sum(log.latency_ms),
            sa.func.avg(scan.rows),
            sa.func.max(log.at, type_=log.at.type),
        )
        .join(query_scan, scan.query_id == log.query_id)
        .where(scan.table_name == table)
        .group_by(log.cluster_id)
    )
    if since is not None:
        chosen = chosen.where(scan.at > since)
    return [
        KindActivity(kind, count, latency_ms / 1_000, None if rows is None else float(rows), until)
        for kind, count, latency_ms, rows, until in connection.execute(chosen)
    ]


def select_tables(connection: sa.Connection) -> list[str]:
    """Return the datasets that were ever read, sorted."""
    names = sa.select(query_scan.c.table_name).distinct()
    return sorted(connection.execute(names).scalars())


def delete_queries(connection: sa.Connection, before: dt.datetime) -> int:
    """Forget the questions before a moment; return how many."""
    old = sa.select(query_log.c.query_id).where(query_log.c.at < before).limit(1)
    if connection.execute(old).one_or_none() is None:
        return 0
    connection.execute(sa.delete(query_scan).where(query_scan.c.at < before))
    return connection.execute(sa.delete(query_log).where(query_log.c.at < before)).rowcount


def _scans_of(
    connection: sa.Connection, ids: sa.Select[tuple[str]]
) -> defaultdict[str, list[LoggedScan]]:
    found: defaultdict[str, list[LoggedScan]] = defaultdict(list)
    chosen = sa.select(query_scan).where(query_scan.c.query_id.in_(ids))
    for row in _rows(connection, chosen.order_by(query_scan.c.query_id, query_scan.c.place)):
        found[row.query_id].append(_scan(row))
    return found


def _rows(connection: sa.Connection, chosen: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    yield from connection.execute(chosen)


def _query_row(query: LoggedQuery) -> dict[str, Any]:
    try:
        parameters, is_replayable = encode_parameters(query.parameters), query.is_replayable
    except LayoutError:
        parameters, is_replayable = None, False
    return {
        "query_id": query.query_id,
        "at": query.at,
        "language": query.language,
        "text": query.text,
        "parameters": parameters,
        "is_replayable": is_replayable,
        "cluster_id": query.cluster_id,
        "latency_ms": query.latency_ms,
        "rows_returned": query.rows_returned,
        "files": query.files,
        "row_groups_read": query.row_groups_read,
        "row_groups_total": query.row_groups_total,
        "bytes_read": query.bytes_read,
    }


def _scan_rows(query: LoggedQuery) -> Iterator[dict[str, Any]]:
    for place, scan in enumerate(query.scans):
        yield {
            "query_id": query.query_id,
            "place": place,
            "at": query.at,
            "table_name": scan.table,
            "layout_id": scan.layout,
            "demands": encode_demands(scan.demands),
            "columns": None if scan.columns is None else list(scan.columns),
            "files": scan.files,
            "row_groups_read": scan.row_groups_read,
            "row_groups_total": scan.row_groups_total,
            "rows": scan.rows,
            "is_exploration": scan.is_exploration,
            "reason": scan.reason,
            "predicted_seconds": scan.predicted_seconds,
        }


def _query(row: sa.Row[Any], scans: tuple[LoggedScan, ...]) -> LoggedQuery:
    return LoggedQuery(
        query_id=row.query_id,
        at=row.at,
        language=row.language,
        text=row.text,
        cluster_id=row.cluster_id,
        latency_ms=row.latency_ms,
        rows_returned=row.rows_returned,
        scans=scans,
        files=row.files,
        row_groups_read=row.row_groups_read,
        row_groups_total=row.row_groups_total,
        bytes_read=row.bytes_read,
        parameters=decode_parameters(row.parameters),
        is_replayable=row.is_replayable,
    )


def _scan(row: sa.Row[Any]) -> LoggedScan:
    return LoggedScan(
        table=row.table_name,
        layout=row.layout_id,
        demands=decode_demands(row.demands),
        columns=None if row.columns is None else tuple(row.columns),
        files=row.files,
        row_groups_read=row.row_groups_read,
        row_groups_total=row.row_groups_total,
        rows=row.rows,
        is_exploration=row.is_exploration,
        reason=row.reason,
        predicted_seconds=row.predicted_seconds,
    )
