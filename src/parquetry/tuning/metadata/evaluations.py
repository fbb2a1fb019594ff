"""The table `layout_eval`: how questions fared with each layout, window by window."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.tuning.metadata.tables import layout_eval
from parquetry.tuning.records import EvaluationRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

_RENAMED = {"table": "table_name", "layout": "layout_id"}


def insert_evaluations(connection: sa.Connection, records: Sequence[EvaluationRecord]) -> None:
    """Add evaluations."""
    if records:
        connection.execute(sa.insert(layout_eval), list(map(_row, records)))


def select_evaluations(
    connection: sa.Connection, table: str | None, *, limit: int | None, only_scored: bool
) -> list[EvaluationRecord]:
    """Return evaluations, newest first."""
    columns = layout_eval.c
    chosen = sa.select(layout_eval).order_by(columns.window_end.desc(), columns.eval_id.desc())
    if table is not None:
        chosen = chosen.where(columns.table_name == table)
    if only_scored:
        chosen = chosen.where(columns.reward.is_not(None))
    return list(map(_record, connection.execute(chosen.limit(limit))))


def _row(record: EvaluationRecord) -> dict[str, Any]:
    return {_RENAMED.get(name, name): value for name, value in dataclasses.asdict(record).items()}


def _record(row: sa.Row[Any]) -> EvaluationRecord:
    names = (field.name for field in dataclasses.fields(EvaluationRecord))
    return EvaluationRecord(**{name: getattr(row, _RENAMED.get(name, name)) for name in names})
