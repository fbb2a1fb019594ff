"""From the query log to what rules know of a workload."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from parquetry.tuning.candidates.situation import Wish
from parquetry.tuning.costs.fitting import Measured, fit
from parquetry.tuning.costs.work import Work, understand_demands

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from parquetry.tuning.costs.constants import Constants
    from parquetry.tuning.costs.ledger import Ledger
    from parquetry.tuning.costs.work import Asked
    from parquetry.tuning.records import LoggedQuery, LoggedScan
    from parquetry.tuning.samples import Sample

    Works: TypeAlias = Callable[[Sequence[int]], NDArray[np.float64]]

HALF_LIFE_DAYS = 7.0
_ANY_COLUMNS = 4
"""So many columns a question is taken to read of which nothing else is known."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What one reading of a dataset needs: all that does not depend on layouts.

    Args:
        asked: What it needs.
        number: Its number in the ledger.
        bytes_a_row: The compressed size of the columns that it reads, in one row.
    """

    asked: Asked
    number: int
    bytes_a_row: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a dataset by a logged question, and what it read there by prediction.

    Args:
        query: The question.
        scan: Where it read the dataset.
        understood: What it needed.
        work: What it read; None where the layout is not known any more that answered it.
    """

    query: LoggedQuery
    scan: LoggedScan
    understood: Understood
    work: Work[float] | None


def read_log(
    queries: Sequence[LoggedQuery],
    table: str,
    ledger: Ledger,
    works: Mapping[str, Works],
    known: dict[tuple[str, int], Understood] | None = None,
    group_keys: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Reading]:
    """Return the readings of a dataset in a log, in its order.

    Args:
        queries: The log.
        table: The dataset.
        ledger: What is predicted once.
        works: For each layout that questions were answered from, what is read in it.
        known: What was understood before, by question and place; it is added to.
        group_keys: By which of the dataset's columns each kind of question groups rows.
    """
    known = {} if known is None else known
    found = [
        (query, scan, _understood(query, place, ledger, group_keys, known))
        for query in queries
        for place, scan in enumerate(query.scans)
        if scan.table == table
    ]
    read: dict[int, Work[float]] = {}
    for layout, predict in works.items():
        at = [place for place, (_, scan, _) in enumerate(found) if scan.layout == layout]
        lines = predict([found[place][2].number for place in at])
        read.update((place, Work(*line)) for place, line in zip(at, lines.tolist(), strict=True))
    return [Reading(*one, read.get(place)) for place, one in enumerate(found)]


def _understood(
    query: LoggedQuery,
    place: int,
    ledger: Ledger,
    group_keys: Mapping[str, Sequence[str]],
    known: dict[tuple[str, int], Understood],
) -> Understood:
    key = query.query_id, place
    if key not in known:
        scan, keys = query.scans[place], group_keys.get(query.cluster_id, ())
        asked = understand_demands(scan.demands, ledger.sample, keys)
        size = read_bytes_a_row(scan, ledger.sample)
        known[key] = Understood(asked, ledger.number(asked), size)
    return known[key]


def find_wishes(
    readings: Sequence[Reading],
    constants: Constants,
    now: dt.datetime,
    half_life_days: float = HALF_LIFE_DAYS,
) -> list[Wish]:
    """Return what logged questions wished of a dataset, recent ones weighing more.

    Args:
        readings: The log.
        constants: How long reading takes.
        now: The present, UTC.
        half_life_days: After how many days a question weighs half.
    """
    return list(_wishes(readings, constants, now, half_life_days))


def _wishes(
    readings: Sequence[Reading], constants: Constants, now: dt.datetime, half_life_days: float
) -> Iterator[Wish]:
    for one in readings:
        days = max(0.0, (now - one.query.at).total_seconds() / 86_400)
        taken = one.query.latency_ms / 1000 / max(1, len(one.query.scans))
        size = one.understood.bytes_a_row
        reading = constants.reading_seconds(one.work, size) if one.work is not None else 0.0
        yield Wish(
            one.understood.asked,
            one.query.cluster_id,
            0.5 ** (days / half_life_days),
            max(0.0, taken - reading),
            size,
        )


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


def fit_log(readings: Sequence[Reading], before: Constants | None = None) -> Constants:
    """Return the constants of the cost formula that explain the log's questions on one dataset.

    What a question read is taken from the same prediction that candidates are priced by.
    """
    measured = [
        Measured(
            one.work.files,
            one.work.row_groups,
            one.work.rows * one.understood.bytes_a_row,
            one.work.rows,
            one.work.chunks,
            float(one.scan.rows),
            one.work.scattered_rows,
            one.query.latency_ms / 1000,
        )
        for one in readings
        if len(one.query.scans) == 1 and one.work is not None and one.scan.rows is not None
    ]
    return fit(measured, before)
