"""`ReplicaRouter`: which files answer a question, decided anew for each question."""

from __future__ import annotations

import random
from threading import Lock
from typing import TYPE_CHECKING

from parquetry.access.observing import Route
from parquetry.access.pruning import partition_filter
from parquetry.commits.dead_layouts import MANIFEST, find_layouts
from parquetry.errors import ParquetryError
from parquetry.model.layouts import INITIAL
from parquetry.storage.folders import find_stat
from parquetry.storage.time_stamps import is_told_by_time
from parquetry.tuning.bandits.policy import Option
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.replicas.manifest import Manifest
from parquetry.tuning.routing.lowest_cost import LowestCost
from parquetry.tuning.routing.opened import OpenedReplica, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parquetry.access.listing import Listing
    from parquetry.access.observing import Question
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Stat, Storage
    from parquetry.tuning.bandits.policy import Policy
    from parquetry.tuning.routing.opened import Possibility
    from parquetry.tuning.routing.pricing import Prices, Reading


class ReplicaRouter:
    """Answers questions from replicas. Threads may share it.

    **Guarantees:** the answer is that of the dataset's own files as they are at this moment. A replica
    stands only for source files that are unchanged by size, time and number, as far as the question
    can concern them; files that no replica stands for are read with it. Where that cannot be proved,
    the question is not routed.

    **Cost:** beyond the dataset's own listing, which every question takes: one `stat` a replica, one
    look-up a file, and the bounds of the replica's row groups held against the question's demands.

    Args:
        policy: Chooses among the layouts that can answer; the cheapest by prediction if left out.
        prices: What reading takes, for the prediction.
        own_layout: What the dataset's own files are called, by the name of the dataset.
        cluster_of: Tells the kind of a question, for policies that learn by it.
        seed: What everything that is left to chance starts from.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        prices: Prices | None = None,
        own_layout: Callable[[str], str] | None = None,
        cluster_of: Callable[[Question], str | None] | None = None,
        seed: int = 0,
    ) -> None:
        self.policy: Policy = policy or LowestCost()
        self._prices = prices or Constants()
        self._own_layout = own_layout or (lambda _: INITIAL)
        self._cluster_of = cluster_of or (lambda _: None)
        self._rng = random.Random(seed)  # noqa: S311  no secret
        self._opened: dict[str, tuple[object, OpenedReplica | None]] = {}
        self._listed: dict[str, tuple[Stat, list[str]]] = {}
        self._lock = Lock()

    def route(self, question: Question) -> Route | None:
        """Return the files to read, or None for the dataset's own."""
        try:
            return self._route(question)
        except ParquetryError:
            return None  # whoever reads the dataset's own files says what is wrong

    def failed(self, question: Question, route: Route) -> None:
        """Look at a replica anew whose files could not be read."""
        folder = f"{question.source.home.layouts}/{route.layout}"
        with self._lock:
            self._opened.pop(folder, None)

    def _route(self, question: Question) -> Route | None:
        source = question.source
        replicas = self._replicas(source.home, source.storage)
        if not replicas:
            return None
        references = question.demands if question.demands and all(question.demands) else ()
        own = source.listing(references or None)
        if not own.files:
            return None
        where = partition_filter(references, own.keys) if references else None
        wanted = Wanted(references, where)
        found = [one.possibility(own, source.home.root, wanted) for one in replicas]
        possible = [one for one in found if one is not None]
        if not possible:
            return None
        reading = replicas[0].own_reading(own, source.home.root, wanted)
        return self._choose(question, own, possible, reading)

    def _choose(
        self, question: Question, own: Listing, possible: Sequence[Possibility], reading: Reading
    ) -> Route | None:
        table = question.source.home.name
        mine = self._own_layout(table)
        options = [Option(mine, reading.seconds(self._prices))]
        options += [Option(one.layout, one.reading.seconds(self._prices)) for one in possible]
        with self._lock:
            choice = self.policy.choose(table, self._cluster_of(question), options, self._rng)
        by_layout = {one.layout: one for one in possible if one.layout != mine}
        taken = by_layout.get(choice.layout)
        listing, layout = (own, mine) if taken is None else (taken.listing(), taken.layout)
        seconds = {one.layout: one.predicted_seconds for one in options}
        return Route(
            tuple(listing.files),
            layout,
            choice.is_exploration,
            choice.reason,
            predicted_seconds=seconds[layout],
            listing=listing,
        )

    def _replicas(self, home: Home, storage: Storage) -> list[OpenedReplica]:
        """Return the replicas of a dataset that can be read now."""
        found = (self._replica(folder, storage) for folder in self._folders(home, storage))
        return [one for one in found if one is not None]

    def _folders(self, home: Home, storage: Storage) -> Sequence[str]:
        """Return the folders of replicas; they are not listed again while nothing came or went."""
        stamp = find_stat(storage, home.layouts)
        if stamp is None:
            return ()
        known = self._listed.get(home.layouts)
        if known is not None and known[0] == stamp:
            return known[1]
        found = find_layouts(home, storage)
        if is_told_by_time(stamp.mtime_ns):
            self._listed[home.layouts] = (stamp, found)
        return found

    def _replica(self, folder: str, storage: Storage) -> OpenedReplica | None:
        """Return a replica; its manifest is read again only when it was replaced."""
        path = f"{folder}/{MANIFEST}"
        stamp = find_stat(storage, path)
        if stamp is None:
            return None
        known = self._opened.get(folder)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            manifest = Manifest.from_json(storage.read_bytes(path), path)
            opened = OpenedReplica(folder.rpartition("/")[2], folder, manifest)
        except ParquetryError:
            opened = None  # it is not asked again before it is replaced
        with self._lock:
            self._opened[folder] = (stamp, opened)
        return opened
