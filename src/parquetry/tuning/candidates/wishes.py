"""From the query log to what rules know of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.tuning.candidates.situation import Wish
from parquetry.tuning.costs.fitting import Measured, fit
from parquetry.tuning.costs.work import predict_work, understand_demands

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from parquetry.tuning.costs.constants import Constants
    from parquetry.tuning.costs.groups import Groups
    from parquetry.tuning.records import LoggedQuery, LoggedScan
    from parquetry.tuning.samples import Sample

HALF_LIFE_DAYS = 7.0
_ANY_COLUMNS = 4
"""So many columns a question is taken to read of which nothing else is known."""


def find_wishes(
    queries: Sequence[LoggedQuery],
    table: str,
    sample: Sample,
    groups: Mapping[str, Groups],
    constants: Constants,
    now: dt.datetime,
    half_life_days: float = HALF_LIFE_DAYS,
) -> list[Wish]:
    """Return what logged questions wished of a dataset, recent ones weighing more.

    Args:
        queries: The log.
        table: The dataset.
        sample: Its sample.
        groups: The row groups of each layout that questions were answered from, `initial` among them.
        constants: How long reading takes.
        now: The present, UTC.
        half_life_days: After how many days a question weighs half.
    """
    wishes = []
    for query in queries:
        for scan in query.scans:
            if scan.table == table:
                days = max(0.0, (now - query.at).total_seconds() / 86_400)
                weight = 0.5 ** (days / half_life_days)
                wishes.append(_wish(query, scan, sample, groups, constants, weight))
    return wishes


def _wish(
    query: LoggedQuery,
    scan: LoggedScan,
    sample: Sample,
    groups: Mapping[str, Groups],
    constants: Constants,
    weight: float,
) -> Wish:
    asked = understand_demands(scan.demands, sample)
    bytes_a_row = read_bytes_a_row(scan, sample)
    taken = query.latency_ms / 1000 / max(1, len(query.scans))
    reading = 0.0
    if scan.layout in groups:
        work = predict_work(asked, groups[scan.layout], sample)
        reading = constants.reading_seconds(work, bytes_a_row)
    rest = max(0.0, taken - reading)
    return Wish(asked, query.cluster_id, weight, rest, bytes_a_row)


def read_bytes_a_row(scan: LoggedScan, sample: Sample) -> float:
    """Return the compressed size, in one row, of the columns that a scan reads."""
    sizes = {name.lower(): size for name, size in sample.bytes_by_column.items()}
    if not sizes or not sample.rows:
        return 0.0
    asked = {one.condition.column.lower() for demands in scan.demands for one in demands}
    if scan.columns is not None:
        known = [sizes[name] for name in asked | set(map(str.lower, scan.columns)) if name in sizes]
        return sum(known) / sample.rows
    return min(_ANY_COLUMNS, len(sizes)) * sum(sizes.values()) / len(sizes) / sample.rows


def fit_log(
    queries: Sequence[LoggedQuery],
    table: str,
    sample: Sample,
    groups: Mapping[str, Groups],
    before: Constants | None = None,
) -> Constants:
    """Return the constants of the cost formula that explain the log's questions on one dataset.

    What a question read is taken from the same prediction that candidates are priced by.
    """
    measured = []
    for query in queries:
        if len(query.scans) != 1 or query.scans[0].table != table:
            continue
        [scan] = query.scans
        if scan.layout not in groups or scan.rows is None:
            continue
        asked = understand_demands(scan.demands, sample)
        work = predict_work(asked, groups[scan.layout], sample)
        measured.append(
            Measured(
                work.files,
                work.row_groups,
                work.rows * read_bytes_a_row(scan, sample),
                work.rows,
                float(scan.rows),
                query.latency_ms / 1000,
            )
        )
    return fit(measured, before)
