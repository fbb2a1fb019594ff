"""The views of a store that show the latest analysis of each interpretation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tables.exports_sql import latest_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.tables.schema import TableSchema

LATEST = "_latest"
"""What the name of such a view ends with, after the name of its dataset."""


def latest_views(tables: Mapping[str, TableSchema | None]) -> dict[str, str]:
    """Return the SQL of the view of each dataset that holds interpretations, by the view's name.

    Args:
        tables: The table of each dataset; a dataset that has a view's name keeps it.
    """
    return {
        f"{name}{LATEST}": latest_sql(table, name)
        for name, table in tables.items()
        if table is not None and table.kind == "interpretation" and f"{name}{LATEST}" not in tables
    }
