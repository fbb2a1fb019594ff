"""From a dataset and its log to priced proposals: what each layout would bring, and take to write."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from parquetry.model.layouts import INITIAL
from parquetry.tuning.candidates.proposing import RULES, propose
from parquetry.tuning.candidates.situation import Hints, Situation
from parquetry.tuning.candidates.wishes import find_wishes, fit_log
from parquetry.tuning.costs.codecs import decoding_factor
from parquetry.tuning.costs.groups import predict_groups
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.costs.work import predict_work
from parquetry.tuning.sampling import find_sample, measure_extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.dataset import Dataset
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.proposing import Rule
    from parquetry.tuning.config import Config
    from parquetry.tuning.costs.groups import Groups
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord, LoggedQuery

MOST_QUERIES = 2_000
"""The newest questions of the log are looked at, so many of them."""
_BYTES_A_SECOND = 20e6  # rewritten, until a rewriting was measured


@dataclass(frozen=True, slots=True)
class Priced:
    """What the logged questions would take in a layout, each weighted by how recent it is.

    Args:
        layout_id: The layout's name.
        layout: The layout; None for what the dataset came with.
        seconds: The mean of a question.
        row_groups: The mean number of row groups that it reads.
        rewrite_seconds: What writing it takes; 0 for layouts that are there.
        each: What each question takes, in the order of the log.
    """

    layout_id: str
    layout: Layout | None
    seconds: float
    row_groups: float
    rewrite_seconds: float = 0.0
    each: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What could be done about a dataset.

    Args:
        situation: What the proposals go by.
        queries: How many questions that is.
        row_groups: The row groups of the dataset.
        present: The layouts that are there; the dataset's own comes first.
        candidates: The layouts that are worth a closer look, best first.
        asked_at: When each question was asked, in the order of the log.
    """

    situation: Situation
    queries: int
    row_groups: int
    present: tuple[Priced, ...]
    candidates: tuple[Priced, ...]
    asked_at: tuple[dt.datetime, ...] = field(default=(), repr=False)

    @property
    def own(self) -> Priced:
        """The layout of the dataset's own files."""
        return self.present[0]

    @property
    def best(self) -> Priced | None:
        """The candidate that takes least, None if none is predicted to be faster than what is there."""
        fastest = min(one.seconds for one in self.present)
        if not self.candidates or self.candidates[0].seconds >= fastest:
            return None
        return self.candidates[0]


def propose_for(
    dataset: Dataset,
    metadata: MetadataStore,
    config: Config,
    *,
    rules: Sequence[Rule] = RULES,
) -> Proposal:
    """Return priced proposals for a dataset from what was asked of it; nothing is rewritten.

    **Cost:** every footer is read; the sample is taken on the first call, and later read. Pricing takes
    some milliseconds a layout.

    Args:
        dataset: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        rules: How candidates are found.
    """
    now = dt.datetime.now(dt.UTC)
    name = dataset.name
    listing = dataset.source.listing()
    extent = measure_extent(listing.files)
    sample = find_sample(dataset.source, extent, config.seed)
    queries = metadata.queries(name, limit=MOST_QUERIES)
    asked = _asked_columns(queries, name)
    records = [one for one in metadata.layouts(name) if one.state == "ready"]
    own = next((one.layout_id for one in records if one.role == "active"), INITIAL)
    groups: dict[str, Groups] = {own: present_groups(listing, sample, asked)}
    for record in records:
        if record.layout is not None and record.layout_id != own:
            groups[record.layout_id] = predict_groups(sample, record.layout, asked)
    constants = fit_log(queries, name, sample, groups)
    wishes = find_wishes(queries, name, sample, groups, constants, now, config.half_life_days)
    hints = _hints(dataset, len(listing.files), extent.compression)
    situation = Situation(sample, tuple(wishes), constants, hints)
    layouts = {one.layout_id: one.layout for one in records}
    rewrite = _rewrite_seconds(records, extent.bytes)
    return Proposal(
        situation,
        len(queries),
        extent.row_groups,
        tuple(_price(situation, one, layouts.get(one), groups[one]) for one in groups),
        tuple(
            _price(
                situation,
                one.layout_id,
                one,
                predict_groups(sample, one, situation.columns),
                rewrite,
            )
            for one in propose(situation, rules)
            if one.layout_id not in groups
        ),
        tuple(query.at for query in queries for scan in query.scans if scan.table == name),
    )


def _asked_columns(queries: Sequence[LoggedQuery], table: str) -> tuple[str, ...]:
    """Return the columns that questions filter by."""
    found = {
        demand.condition.column
        for query in queries
        for scan in query.scans
        if scan.table == table
        for demands in scan.demands
        for demand in demands
    }
    return tuple(sorted(found))


def _hints(dataset: Dataset, files: int, compression: str) -> Hints:
    keys = dataset.partition_by
    table = dataset.table
    if table is None:
        return Hints(folder_keys=keys, files=files, compression=compression)
    return Hints(
        partition_by=tuple(table.partition_by),
        sort_by=tuple(table.sort_by),
        forbidden_partitions=frozenset(table.forbidden_partitions),
        folder_keys=keys,
        files=files,
        compression=compression,
    )


def _rewrite_seconds(records: Sequence[LayoutRecord], size_bytes: int) -> float:
    """Return what rewriting the dataset should take, by what was measured before."""
    measured = [
        (one.bytes, one.rewrite_seconds) for one in records if one.bytes and one.rewrite_seconds
    ]
    if not measured:
        return size_bytes / _BYTES_A_SECOND
    written = sum(size for size, _ in measured)
    return size_bytes * sum(seconds for _, seconds in measured) / written


def _price(
    situation: Situation,
    layout_id: str,
    layout: Layout | None,
    groups: Groups,
    rewrite_seconds: float = 0.0,
) -> Priced:
    if not situation.wishes:
        return Priced(layout_id, layout, 0.0, 0.0, rewrite_seconds)
    codec = layout.compression if layout is not None else situation.hints.compression
    decoding = decoding_factor(codec, situation.hints.compression)
    seconds, read, weights = [], [], []
    for wish in situation.wishes:
        work = predict_work(wish.asked, groups, situation.sample)
        reading = situation.constants.reading_seconds(work, wish.bytes_a_row, decoding)
        seconds.append(wish.rest_seconds + reading)
        read.append(work.row_groups)
        weights.append(wish.weight)
    mean_seconds = float(np.average(seconds, weights=weights))
    mean_read = float(np.average(read, weights=weights))
    return Priced(layout_id, layout, mean_seconds, mean_read, rewrite_seconds, tuple(seconds))
