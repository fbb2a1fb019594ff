"""Logged questions as tests need them."""

from __future__ import annotations

import datetime as dt

from parquetry.model.layouts import Layout
from parquetry.tuning.records import LayoutRecord, LoggedQuery, LoggedScan

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
LAYOUT = Layout(sort_by=("customer_id", "event_date"))
NEW = LAYOUT.layout_id


def logged(
    number, latency_ms, layout="initial", cluster="a", minutes_ago=10.0, groups=8, table="events"
):
    scan = LoggedScan(table, layout, row_groups_read=groups, row_groups_total=8, files=2)
    return LoggedQuery(
        query_id=f"{layout}-{cluster}-{number}-{minutes_ago}",
        at=NOW - dt.timedelta(minutes=minutes_ago) + dt.timedelta(milliseconds=number),
        language="sql",
        text=f"SELECT count(*) FROM events WHERE {cluster} = {number}",
        cluster_id=cluster,
        latency_ms=latency_ms,
        rows_returned=1,
        scans=(scan,),
        files=2,
        row_groups_read=groups,
        row_groups_total=8,
    )


def replica(seconds=2.0, size=10_000_000, state="ready", role="replica"):
    return LayoutRecord(
        NEW,
        "events",
        LAYOUT,
        role,
        state,
        NOW - dt.timedelta(hours=1),
        rewrite_seconds=seconds,
        bytes=size,
    )
