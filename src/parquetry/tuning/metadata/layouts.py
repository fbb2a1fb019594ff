"""The table `layout`: how the rows of datasets are or were laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.model.layouts import Layout
from parquetry.tuning.metadata.inserting import insert_or_replace
from parquetry.tuning.metadata.tables import layout as layouts
from parquetry.tuning.records import LayoutRecord

if TYPE_CHECKING:
    from collections.abc import Sequence


def save_layout(connection: sa.Connection, record: LayoutRecord) -> None:
    """Keep what is known of a layout, in the place of what was known before."""
    row = {
        "table_name": record.table,
        "layout_id": record.layout_id,
        "layout": None if record.layout is None else record.layout.to_json(),
        "role": record.role,
        "state": record.state,
        "created_at": record.created_at,
        "rows": record.rows,
        "row_groups": record.row_groups,
        "files": record.files,
        "bytes": record.bytes,
        "rewrite_seconds": record.rewrite_seconds,
        "rewrite_bytes": record.rewrite_bytes,
        "predicted": dict(record.predicted),
        "message": record.message,
    }
    insert_or_replace(connection, layouts, row)


def select_layouts(
    connection: sa.Connection, table: str | None, layout_id: str | None = None
) -> list[LayoutRecord]:
    """Return the layouts of a dataset, oldest first."""
    chosen = sa.select(layouts).order_by(
        layouts.c.table_name, layouts.c.created_at, layouts.c.layout_id
    )
    if table is not None:
        chosen = chosen.where(layouts.c.table_name == table)
    if layout_id is not None:
        chosen = chosen.where(layouts.c.layout_id == layout_id)
    return _records(connection.execute(chosen).all())


def select_active_layout(connection: sa.Connection, table: str) -> LayoutRecord | None:
    """Return the layout of a dataset's own folder, None if it was never changed or looked at."""
    columns = layouts.c
    chosen = (
        sa.select(layouts)
        .where(columns.table_name == table, columns.role == "active", columns.state == "ready")
        .order_by(columns.created_at.desc())
        .limit(1)
    )
    return next(iter(_records(connection.execute(chosen).all())), None)


def _records(rows: Sequence[sa.Row[Any]]) -> list[LayoutRecord]:
    return [
        LayoutRecord(
            layout_id=row.layout_id,
            table=row.table_name,
            layout=None if row.layout is None else Layout.from_json(row.layout),
            role=row.role,
            state=row.state,
            created_at=row.created_at,
            rows=row.rows,
            row_groups=row.row_groups,
            files=row.files,
            bytes=row.bytes,
            rewrite_seconds=row.rewrite_seconds,
            rewrite_bytes=row.rewrite_bytes,
            predicted=row.predicted,
            message=row.message,
        )
        for row in rows
    ]
