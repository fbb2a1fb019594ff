"""Text columns that hold JSON, looked at value by value: no engine tells their keys without a type."""

from __future__ import annotations

import json
from typing import Any

import polars as pl


def is_json(texts: pl.Series) -> pl.Series:
    """Return for each text whether it is JSON; NULL stays NULL."""
    return _map(texts, lambda value: value is not _NOTHING)


def is_json_object(texts: pl.Series) -> pl.Series:
    """Return for each text whether it is a JSON object; NULL stays NULL."""
    return _map(texts, lambda value: isinstance(value, dict))


def same_json_keys(rows: pl.Series) -> pl.Series:
    """Return for each struct of texts whether those that are there are objects with the same keys."""
    texts = list(rows.struct.unnest().iter_columns())
    if all(column.null_count() == len(column) for column in texts):
        return pl.repeat(value=True, n=len(rows), dtype=pl.Boolean, eager=True)
    held = [_agree(row) for row in zip(*texts, strict=True)]
    return pl.Series(rows.name, held, dtype=pl.Boolean)


class _Nothing:
    """What stands for a text that is no JSON."""


_NOTHING = _Nothing()


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOTHING


def _map(texts: pl.Series, test: Any) -> pl.Series:
    """Test every distinct text once: configurations repeat."""
    known: dict[str | None, bool | None] = {None: None}
    for text in texts.unique():
        if text is not None:
            known[text] = test(_parse(text))
    return pl.Series(texts.name, [known[text] for text in texts], dtype=pl.Boolean)


def _agree(row: tuple[str | None, ...]) -> bool:
    values = [_parse(text) for text in row if text is not None]
    if not values:
        return True
    return all(isinstance(value, dict) and value.keys() == values[0].keys() for value in values)
