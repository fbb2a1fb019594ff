"""The tables as they are now; `migrations` has how they became so."""

from __future__ import annotations

import sqlalchemy as sa

from parquetry.tuning.metadata.types import Document, Moment

VERSION_TABLE = "parquetry_version"
HEAD = "0001"
"""The newest revision in `migrations`."""

TABLES = sa.MetaData()

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text()

query_log = sa.Table(
    "query_log",
    TABLES,
    sa.Column("query_id", _NAME, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("language", _NAME, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("parameters", Document),
    sa.Column("is_replayable", sa.Boolean, nullable=False),
    sa.Column("cluster_id", _NAME, nullable=False),
    sa.Column("latency_ms", sa.Double, nullable=False),
    sa.Column("rows_returned", sa.BigInteger, nullable=False),
    sa.Column("files", sa.BigInteger, nullable=False),
    sa.Column("row_groups_read", sa.BigInteger),
    sa.Column("row_groups_total", sa.BigInteger),
    sa.Column("bytes_read", sa.BigInteger),
    sa.Index("ix_query_log_at", "at"),
)

query_scan = sa.Table(
    "query_scan",
    TABLES,
    sa.Column("query_id", _NAME, primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("table_name", _NAME, nullable=False),
    sa.Column("layout_id", _NAME, nullable=False),
    sa.Column("demands", Document, nullable=False),
    sa.Column("columns", Document),
    sa.Column("files", sa.BigInteger, nullable=False),
    sa.Column("row_groups_read", sa.BigInteger),
    sa.Column("row_groups_total", sa.BigInteger),
    sa.Column("rows", sa.BigInteger),
    sa.Column("is_exploration", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("predicted_seconds", sa.Double),
    sa.Index("ix_query_scan_table_at", "table_name", "at"),
)

query_shape = sa.Table(
    "query_shape",
    TABLES,
    sa.Column("cluster_id", _NAME, primary_key=True),
    sa.Column("tables", Document, nullable=False),
    sa.Column("uses", Document, nullable=False),
    sa.Column("example", sa.Text, nullable=False),
)

layout = sa.Table(
    "layout",
    TABLES,
    sa.Column("table_name", _NAME, primary_key=True),
    sa.Column("layout_id", _NAME, primary_key=True),
    sa.Column("layout", sa.Text),
    sa.Column("role", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("row_groups", sa.BigInteger),
    sa.Column("files", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("rewrite_seconds", sa.Double),
    sa.Column("rewrite_bytes", sa.BigInteger),
    sa.Column("predicted", Document, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
)

layout_eval = sa.Table(
    "layout_eval",
    TABLES,
    sa.Column("eval_id", _ID, primary_key=True),
    sa.Column("table_name", _NAME, nullable=False),
    sa.Column("layout_id", _NAME, nullable=False),
    sa.Column("cluster_id", _NAME),
    sa.Column("window_start", Moment, nullable=False),
    sa.Column("window_end", Moment, nullable=False),
    sa.Column("queries", sa.BigInteger, nullable=False),
    sa.Column("avg_latency_ms", sa.Double),
    sa.Column("p95_latency_ms", sa.Double),
    sa.Column("p99_latency_ms", sa.Double),
    sa.Column("row_groups_read", sa.Double),
    sa.Column("rows_scanned", sa.Double),
    sa.Column("baseline", _NAME, nullable=False),
    sa.Column("baseline_latency_ms", sa.Double),
    sa.Column("latency_improvement", sa.Double),
    sa.Column("rewrite_cost", sa.Double),
    sa.Column("reward", sa.Double),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_layout_eval_table_end", "table_name", "window_end"),
)

migration_job = sa.Table(
    "migration_job",
    TABLES,
    sa.Column("job_id", _ID, primary_key=True),
    sa.Column("table_name", _NAME, nullable=False),
    sa.Column("layout_id", _NAME, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("mode", _NAME, nullable=False),
    sa.Column("role", _NAME, nullable=False),
    sa.Column("state", _NAME, nullable=False),
    sa.Column("owner", _NAME),
    sa.Column("heartbeat_at", Moment),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("estimate_seconds", sa.Double),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("resume", Document, nullable=False),
    sa.Index("ix_migration_job_state", "state", "job_id"),
    sa.Index(
        "ux_migration_job_running",
        "table_name",
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    ),
)

tuning_state = sa.Table(
    "tuning_state",
    TABLES,
    sa.Column("table_name", _NAME, primary_key=True),
    sa.Column("key", _NAME, primary_key=True),
    sa.Column("value", Document, nullable=False),
    sa.Column("saved_at", Moment, nullable=False),
)
