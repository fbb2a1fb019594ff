"""What a query read, by DuckDB's own account."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parquetry.access.observing import QueryStats
from parquetry.access.quoting import unescape_glob

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from parquetry.access.listing import Listing

_BYTES_READ = re.compile(r'"total_bytes_read": *(\d+)')
_OPERATOR = re.compile(r'"operator": *(?=\[)')  # no text of a query can look so: its quotes have \
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ScanProfile:
    """One place of a plan that reads Parquet files.

    Args:
        files: The globs of the first files of the place, as DuckDB joins them.
        row_groups_read: Row groups whose data was looked at.
        row_groups_total: Row groups of the files.
        rows: Rows that fulfilled what is tested while reading.
    """

    files: str
    row_groups_read: int
    row_groups_total: int
    rows: int

    def is_of(self, files: Sequence[str]) -> bool:
        """Return whether the place reads these files."""
        parts = unescape_glob(self.files).split(", ")
        names = (", ".join(parts[:count]) for count in range(1, len(parts) + 1))
        return any(name in files for name in names)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one query read from Parquet files, place by place, and in bytes."""

    scans: tuple[ScanProfile, ...]
    bytes_read: int

    def of(self, files: Sequence[str]) -> ScanProfile:
        """Return the sum of the places that read some files."""
        return _sum(scan for scan in self.scans if scan.is_of(files))


def read_profile(cursor: DuckDBPyConnection) -> Profile:
    """Return what the last query of a cursor read; its profiling must have been on.

    A top-n reads its rows first by the columns that order them, then the others of the few that are
    left: DuckDB counts the row groups of both, here they count once.
    """
    text = cursor.get_profiling_information()
    scans = tuple(map(_scan, _scans(_operators(text))))
    read = _BYTES_READ.search(text)
    return Profile(scans, int(read[1]) if read else 0)


def _operators(text: str) -> list[dict[str, Any]]:
    """Return the plan alone: the rest of the document is longer and of no use here."""
    start = _OPERATOR.search(text)
    if start is None:
        return []
    found: list[dict[str, Any]] = _DECODER.raw_decode(text, start.end())[0]
    return found


def measure(
    latency_seconds: float, rows: int, listings: Mapping[str, Listing], profile: Profile | None
) -> QueryStats:
    """Return the cost of a query from its listings and, if there is one, its profile."""
    is_whole = all(listing.is_whole for listing in listings.values())
    files = sum(len(listing.files) for listing in listings.values())
    total = _sum(profile.scans) if profile else None
    return QueryStats(
        latency_seconds,
        rows,
        files,
        files if is_whole else None,
        total.row_groups_read if total else None,
        total.row_groups_total if total else None,
        profile.bytes_read if profile else None,
    )


def _sum(scans: Iterator[ScanProfile] | Sequence[ScanProfile]) -> ScanProfile:
    read = total = rows = 0
    for scan in scans:
        read += scan.row_groups_read
        total += scan.row_groups_total
        rows += scan.rows
    return ScanProfile("", read, total, rows)


def _scan(operator: dict[str, Any]) -> ScanProfile:
    return ScanProfile(
        str((operator.get("extra_info") or {}).get("Filename(s)") or ""),
        int(operator.get("row_groups_scanned") or 0),
        int(operator.get("total_row_groups_to_scan") or 0),
        int(operator.get("rows_scanned") or 0),
    )


def _scans(operators: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for operator in operators:
        if operator.get("type") == "TABLE_SCAN":
            yield operator
        children = operator.get("children") or []
        yield from _scans(children[1:] if _fetches_again(operator) else children)


def _fetches_again(operator: dict[str, Any]) -> bool:
    """Return whether an operator fetches rows by their place that its second child has found."""
    conditions = (operator.get("extra_info") or {}).get("Conditions") or ()
    return "file_row_number = file_row_number" in conditions
