"""From a dataset and its log to priced proposals: what each layout would bring, and take to write."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from parquetry.model.layouts import INITIAL
from parquetry.tuning.candidates.proposing import RULES, propose
from parquetry.tuning.candidates.situation import Hints, Situation
from parquetry.tuning.candidates.wishes import find_wishes, fit_log, read_log
from parquetry.tuning.notebook import MOST_QUERIES, find_notebook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from parquetry.dataset import Dataset
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.proposing import Rule
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.notebook import Notebook
    from parquetry.tuning.records import LayoutRecord
    from parquetry.tuning.sampling import Extent

__all__ = ["MOST_QUERIES", "Priced", "Proposal", "propose_for", "rewrite_estimate"]

_SECONDS_A_VALUE, _SECONDS_A_BYTE = 1e-7, 5e-8  # of a rewriting, until one was measured


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
    rewrite_seconds: float
    each: NDArray[np.float64] = field(repr=False, compare=False)


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
    is_anew: bool = True,
) -> Proposal:
    """Return priced proposals for a dataset from what was asked of it; nothing is rewritten.

    **Cost:** every footer is read; the sample is taken on the first call, and later read. Pricing takes
    some milliseconds a layout. Of all this a process does again only what is new.

    Args:
        dataset: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        rules: How candidates are found.
        is_anew: Whether candidates are looked for in any case. Otherwise those that were found last are
            priced again, as long as the questions are of the same kinds.
    """
    notebook = find_notebook(dataset, metadata)
    with notebook.guard:
        return _propose(dataset, metadata, config, rules, notebook, is_anew=is_anew)


def _propose(
    dataset: Dataset,
    metadata: MetadataStore,
    config: Config,
    rules: Sequence[Rule],
    notebook: Notebook,
    *,
    is_anew: bool,
) -> Proposal:
    at = dt.datetime.now(dt.UTC)
    listing = dataset.source.listing()
    extent = notebook.extent(listing)
    ledger = notebook.ledger(dataset.source, extent, config.seed)
    queries = notebook.read_log(metadata, dataset.name)
    records = [one for one in metadata.layouts(dataset.name) if one.state == "ready"]
    own = next((one.layout_id for one in records if one.role == "active"), INITIAL)
    beside = {one.layout_id: one.layout for one in records if one.layout_id != own and one.layout}
    works = {name: partial(ledger.works, layout) for name, layout in beside.items()}

    def works_of_own(numbers: Sequence[int]) -> NDArray[np.float64]:
        key, groups = notebook.own_groups(listing, ledger)
        return ledger.works_in(key, lambda: groups, numbers)

    shapes = metadata.shapes(dataset.name)
    readings = read_log(
        queries,
        dataset.name,
        ledger,
        {own: works_of_own, **works},
        notebook.understood,
        {shape.cluster_id: shape.group_keys_of(dataset.name) for shape in shapes},
    )
    constants = fit_log(readings)
    wishes = find_wishes(readings, constants, at, config.half_life_days)
    hints = _hints(dataset, len(listing.files), extent.compression)
    situation = Situation(ledger.sample, tuple(wishes), constants, hints, ledger)
    numbers = [one.understood.number for one in readings]
    present = _present(situation, own, records, works_of_own(numbers), beside)
    found = None if is_anew else notebook.still_fit([own, *beside], rules)
    if found is None:
        now = np.min([one.each for one in present], axis=0)
        found = propose(replace(situation, now=now), rules)
        if rules:
            notebook.keep_proposed(found, [own, *beside], rules)
    rewrite = rewrite_estimate(records, extent)
    candidates = [_candidate(situation, one, rewrite) for one in found]
    return Proposal(
        situation,
        len(queries),
        extent.row_groups,
        tuple(present),
        tuple(
            sorted(
                (one for one in candidates if one.layout_id not in {own, *beside}),
                key=lambda one: one.seconds,
            )
        ),
        tuple(one.query.at for one in readings),
    )


def _present(
    situation: Situation,
    own: str,
    records: Sequence[LayoutRecord],
    works: NDArray[np.float64],
    beside: Mapping[str, Layout],
) -> list[Priced]:
    """Return the prices of the layouts that are there, the dataset's own first."""
    layout = next((one.layout for one in records if one.layout_id == own), None)
    found = [_priced(situation, own, layout, works, situation.seconds_of(works), 0.0)]
    for name, one in beside.items():
        found.append(
            _priced(situation, name, one, situation.works(one), situation.seconds_each(one), 0.0)
        )
    return found


def _candidate(situation: Situation, layout: Layout, rewrite_seconds: float) -> Priced:
    works, each = situation.works(layout), situation.seconds_each(layout)
    return _priced(situation, layout.layout_id, layout, works, each, rewrite_seconds)


def _priced(
    situation: Situation,
    layout_id: str,
    layout: Layout | None,
    works: NDArray[np.float64],
    each: NDArray[np.float64],
    rewrite_seconds: float,
) -> Priced:
    if not situation.wishes:
        return Priced(layout_id, layout, 0.0, 0.0, rewrite_seconds, each)
    weights = situation.weights
    seconds = float(np.average(each, weights=weights))
    row_groups = float(np.average(works[:, 1], weights=weights))
    return Priced(layout_id, layout, seconds, row_groups, rewrite_seconds, each)


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


def rewrite_estimate(records: Sequence[LayoutRecord], extent: Extent) -> float:
    """Return what rewriting a dataset should take, by what was measured before."""
    measured = [
        (one.bytes, one.rewrite_seconds) for one in records if one.bytes and one.rewrite_seconds
    ]
    if not measured:
        values = extent.rows * len(extent.bytes_by_column)
        return values * _SECONDS_A_VALUE + extent.bytes * _SECONDS_A_BYTE
    written = sum(size for size, _ in measured)
    return extent.bytes * sum(seconds for _, seconds in measured) / written
