"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from parquetry.tuning.metadata.types import Document, Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.Text()


def upgrade() -> None:
    """Make the tables."""
    _make_queries()
    _make_layouts()
    _make_jobs()


def _make_queries() -> None:
    op.create_table(
        "query_log",
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
    op.create_table(
        "query_scan",
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
    op.create_table(
        "query_shape",
        sa.Column("cluster_id", _NAME, primary_key=True),
        sa.Column("tables", Document, nullable=False),
        sa.Column("uses", Document, nullable=False),
        sa.Column("example", sa.Text, nullable=False),
    )


def _make_layouts() -> None:
    op.create_table(
        "layout",
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
    op.create_table(
        "layout_eval",
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


def _make_jobs() -> None:
    op.create_table(
        "migration_job",
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
    op.create_table(
        "tuning_state",
        sa.Column("table_name", _NAME, primary_key=True),
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("value", Document, nullable=False),
        sa.Column("saved_at", Moment, nullable=False),
    )
