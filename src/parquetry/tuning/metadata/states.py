"""The table `tuning_state`: what deciding remembers of each dataset, as JSON values by key."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from parquetry.tuning.metadata.inserting import insert_or_replace
from parquetry.tuning.metadata.tables import tuning_state


def select_state(connection: sa.Connection, table: str, key: str) -> Any:
    """Return a value, None if there is none."""
    columns = tuning_state.c
    chosen = sa.select(columns.value).where(columns.table_name == table, columns.key == key)
    return connection.execute(chosen).scalar_one_or_none()


def save_state(connection: sa.Connection, table: str, key: str, value: Any) -> None:
    """Keep a value, in the place of the one before."""
    row = {"table_name": table, "key": key, "value": value, "saved_at": dt.datetime.now(dt.UTC)}
    insert_or_replace(connection, tuning_state, row)
