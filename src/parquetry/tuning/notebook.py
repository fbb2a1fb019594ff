"""What is known of a dataset from one round of the loop to the next, as long as the process lives."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from parquetry.tuning.costs.ledger import MOST_QUESTIONS, Ledger
from parquetry.tuning.costs.present import present_groups
from parquetry.tuning.sampling import find_sample, measure_extent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parquetry.access.listing import Listing
    from parquetry.access.source import Source
    from parquetry.dataset import Dataset
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.proposing import Rule
    from parquetry.tuning.candidates.wishes import Understood
    from parquetry.tuning.costs.groups import Groups
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LoggedQuery
    from parquetry.tuning.sampling import Extent

MOST_QUERIES = 2_000
"""The newest questions of the log are looked at, so many of them."""
NEWEST = 200
"""The newest questions that tell of which kinds they are now."""
SHIFT = 0.25
"""The share of questions that must be of other kinds for layouts to be looked for anew."""
_LATE = timedelta(seconds=60)
"""So much later than they were asked questions may be logged."""
_ABOUT_AS_LARGE = 0.02
"""A dataset may have so many rows more or fewer than a sample was read for."""
_MOST_NOTEBOOKS = 8


@dataclass(frozen=True)
class Proposed:
    """The layouts that were found last, and for what.

    Args:
        layouts: The layouts.
        present: Those that stood there.
        rules: The rules that found them.
        kinds: The share of each kind of question.
        seen: How many questions had been seen.
    """

    layouts: tuple[Layout, ...]
    present: tuple[str, ...]
    rules: tuple[Rule, ...]
    kinds: Mapping[str, float]
    seen: int


class Notebook:
    """The log, the sample, and what is predicted by it, so that a round looks only at what is new.

    All of it can be found out anew: who begins with an empty one gets the same, at a higher price.
    Whoever uses one holds its `guard`.
    """

    def __init__(self) -> None:
        self.guard = threading.RLock()
        self.understood: dict[tuple[str, int], Understood] = {}
        self.proposed: Proposed | None = None
        self._queries: list[LoggedQuery] = []
        self._seen = 0
        self._extent: tuple[object, Extent] | None = None
        self._ledger: tuple[Ledger, tuple[str, ...], int] | None = None
        self._own: tuple[object, int, Groups] | None = None

    def read_log(self, metadata: MetadataStore, table: str) -> list[LoggedQuery]:
        """Return the newest questions of the log, oldest first; those known already are not read."""
        since = self._queries[-1].at - _LATE if self._queries else None
        known = {query.query_id for query in self._queries}
        read = metadata.queries(table, since=since, limit=MOST_QUERIES)
        new = [query for query in read if query.query_id not in known]
        if new:
            merged = sorted((*self._queries, *new), key=lambda query: (query.at, query.query_id))
            self._queries = merged[-MOST_QUERIES:]
            self._seen += len(new)
        return list(self._queries)

    def extent(self, listing: Listing) -> Extent:
        """Return how large the dataset is. **Cost:** every footer, where a file has changed."""
        key = _stamp(listing)
        if self._extent is None or self._extent[0] != key:
            self._extent = (key, measure_extent(listing.files))
        return self._extent[1]

    def ledger(self, source: Source, extent: Extent, seed: int) -> Ledger:
        """Return what was predicted so far, by the sample of the dataset as it is about now."""
        columns = tuple(str(field) for field in source.schema())
        if self._ledger is not None:
            ledger, then, seed_then = self._ledger
            rows = ledger.sample.rows
            is_near = abs(extent.rows - rows) <= _ABOUT_AS_LARGE * rows
            if is_near and (columns, seed) == (then, seed_then) and len(ledger) < MOST_QUESTIONS:
                return ledger
        self._ledger = (Ledger(find_sample(source, extent, seed)), columns, seed)
        self.understood.clear()
        self._own = self.proposed = None
        return self._ledger[0]

    def own_groups(self, listing: Listing, ledger: Ledger) -> tuple[object, Groups]:
        """Return the row groups of the dataset's own files, and what tells them from others."""
        key, count = _stamp(listing), len(ledger.columns)
        if self._own is None or self._own[:2] != (key, count):
            if self._own is not None and self._own[0] != key:
                ledger.forget(self._own[0])
            self._own = (key, count, present_groups(listing, ledger.sample, ledger.columns))
        return key, self._own[2]

    def kinds(self) -> dict[str, float]:
        """Return the share of each kind among the newest questions."""
        newest = self._queries[-NEWEST:]
        counts = Counter(query.cluster_id for query in newest)
        return {kind: count / len(newest) for kind, count in counts.items()}

    def still_fit(self, present: Sequence[str], rules: Sequence[Rule]) -> Sequence[Layout] | None:
        """Return the layouts that were found last, None if they are to be looked for anew.

        That is where questions are of other kinds than then, or twice as many, and after a move.
        """
        last = self.proposed
        if last is None or (last.present, last.rules) != (tuple(present), tuple(rules)):
            return None
        kinds = self.kinds()
        names = {*kinds, *last.kinds}
        shift = sum(abs(kinds.get(one, 0.0) - last.kinds.get(one, 0.0)) for one in names) / 2
        return None if shift > SHIFT or self._seen >= 2 * last.seen else last.layouts

    def keep_proposed(
        self, layouts: Sequence[Layout], present: Sequence[str], rules: Sequence[Rule]
    ) -> None:
        """Remember layouts that were found now."""
        self.proposed = Proposed(
            tuple(layouts), tuple(present), tuple(rules), self.kinds(), self._seen
        )


_notebooks: OrderedDict[tuple[str, str], Notebook] = OrderedDict()
_guard = threading.Lock()


def find_notebook(dataset: Dataset, metadata: MetadataStore) -> Notebook:
    """Return the notebook of a dataset, one for each process and database; the least used go."""
    key = (metadata.place, dataset.path)
    with _guard:
        found = _notebooks.setdefault(key, Notebook())
        _notebooks.move_to_end(key)
        while len(_notebooks) > _MOST_NOTEBOOKS:
            _notebooks.popitem(last=False)
    return found


def _stamp(listing: Listing) -> object:
    return tuple(listing.files), tuple(listing.stamps)
