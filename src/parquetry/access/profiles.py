"""What a query read, by DuckDB's own account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.access.observing import QueryStats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb import DuckDBPyConnection

    from parquetry.access.listing import Listing


@dataclass(frozen=True, slots=True)
class Profile:
    """Row groups and bytes that one query read from Parquet files."""

    row_groups_read: int
    row_groups_total: int
    bytes_read: int


def read_profile(cursor: DuckDBPyConnection) -> Profile:
    """Return what the last query of a cursor read; its profiling must have been on."""
    document: dict[str, Any] = json.loads(cursor.get_profiling_information())
    scans = list(_scans(document.get("operator") or []))
    return Profile(
        sum(int(scan.get("row_groups_scanned") or 0) for scan in scans),
        sum(int(scan.get("total_row_groups_to_scan") or 0) for scan in scans),
        int((document.get("io") or {}).get("total_bytes_read") or 0),
    )


def measure(
    latency_seconds: float, rows: int, listings: Mapping[str, Listing], profile: Profile | None
) -> QueryStats:
    """Return the cost of a query from its listings and, if there is one, its profile."""
    is_whole = all(listing.is_whole for listing in listings.values())
    files = sum(len(listing.files) for listing in listings.values())
    return QueryStats(
        latency_seconds,
        rows,
        files,
        files if is_whole else None,
        profile.row_groups_read if profile else None,
        profile.row_groups_total if profile else None,
        profile.bytes_read if profile else None,
    )


def _scans(operators: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for operator in operators:
        if operator.get("type") == "TABLE_SCAN":
            yield operator
        yield from _scans(operator.get("children") or [])
