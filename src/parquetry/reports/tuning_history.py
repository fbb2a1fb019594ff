"""Evaluations as rows that people, spreadsheets and programs read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    from parquetry.tuning.records import EvaluationRecord


def evaluation_row(record: EvaluationRecord) -> dict[str, Any]:
    """Return an evaluation as plain values, times in ISO 8601."""
    row = asdict(record)
    row = {"reward_score" if name == "reward" else name: value for name, value in row.items()}
    return row | {
        "window_start": _told(record.window_start),
        "window_end": _told(record.window_end),
    }


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as a JSON list."""
    return json.dumps(list(rows), indent=1, ensure_ascii=False)


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as a CSV with a header, also if there are none."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def evaluation_columns() -> list[str]:
    """Return the names of an evaluation's values."""
    from parquetry.tuning.records import EvaluationRecord

    names = EvaluationRecord.__dataclass_fields__
    return ["reward_score" if name == "reward" else name for name in names]


def _told(moment: dt.datetime) -> str:
    return moment.isoformat(timespec="seconds")
