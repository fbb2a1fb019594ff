"""What rules know: the sample, what was asked of the dataset, and what each layout would cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parquetry.model.layouts import Layout
from parquetry.tuning.costs.codecs import decoding_factor
from parquetry.tuning.costs.constants import Constants
from parquetry.tuning.costs.ledger import Ledger
from parquetry.tuning.costs.work import Work, predict_works

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from parquetry.tuning.costs.groups import Groups
    from parquetry.tuning.costs.work import Asked
    from parquetry.tuning.samples import Axis, Sample

HOT_COLUMNS = 6
_LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of a dataset beside its rows.

    Args:
        partition_by: The columns that its table recommends as partition keys.
        sort_by: The columns that its table recommends for sorting.
        forbidden_partitions: The columns that must never be partition keys.
        folder_keys: The keys of its folders.
        files: How many files it has.
        compression: The codec of its files.
    """

    partition_by: tuple[str, ...] = ()
    sort_by: tuple[str, ...] = ()
    forbidden_partitions: frozenset[str] = frozenset()
    folder_keys: tuple[str, ...] = ()
    files: int = 1
    compression: str = "zstd"


@dataclass(frozen=True, slots=True)
class Wish:
    """One question of the log and how much it counts.

    Args:
        asked: What it needs.
        cluster_id: The kind of question that it is.
        weight: How often it is asked, recent times counting more.
        rest_seconds: What it takes whatever the layout.
        bytes_a_row: The compressed size of the columns that it reads, in one row.
    """

    asked: Asked
    cluster_id: str = ""
    weight: float = 1.0
    rest_seconds: float = 0.0
    bytes_a_row: float = 8.0


@dataclass(frozen=True)
class Situation:
    """A dataset, its workload, and a way to price layouts.

    Args:
        sample: Rows of the dataset.
        wishes: What was asked.
        constants: How long reading takes.
        hints: What else is known.
        known: What was predicted before, by the same sample; it is added to.
        now: What each wish takes in the layouts that are there, in the best of them; None if there are
            none to consider.
    """

    sample: Sample
    wishes: tuple[Wish, ...]
    constants: Constants = field(default_factory=Constants)
    hints: Hints = field(default_factory=Hints)
    known: Ledger | None = field(default=None, repr=False, compare=False)
    now: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that are asked about."""
        return tuple(sorted({name for wish in self.wishes for name in wish.asked.columns}))

    @cached_property
    def hot_columns(self) -> tuple[str, ...]:
        """The columns whose conditions could spare most reading, best first."""
        gains = dict.fromkeys(self.columns, 0.0)
        for wish in self.wishes:
            for needs in wish.asked.places:
                for need in needs:
                    gains[need.column] += wish.weight * (1 - self.sample.share(need))
        ranked = sorted(gains, key=lambda name: (-gains[name], name))
        return tuple(name for name in ranked if gains[name] > 0)[:HOT_COLUMNS]

    @cached_property
    def time_column(self) -> str | None:
        """The column that tells the time of rows: the hottest of those that can."""
        schema = self.sample.table.schema
        temporal = [
            name
            for name in schema.names
            if pl.Series(self.sample.table[name].slice(0, 0)).dtype.is_temporal()
            and pl.Series(self.sample.table[name].slice(0, 0)).dtype != pl.Time
        ]
        order = [*self.hot_columns, *self.columns, *temporal]
        return min(temporal, key=order.index, default=None)

    def axis(self, column: str) -> Axis:
        """Return the values of a column that the sample has."""
        return self.sample.known_axis(column)

    def seconds(self, layout: Layout) -> float:
        """Return what all wishes together would take in a layout, by their weights."""
        return float(self.seconds_each(layout) @ self.weights)

    def promising(self, layouts: Collection[Layout], count: int) -> list[Layout]:
        """Return the layouts that are worth refining.

        These are the best as a whole, the best for each kind of question, and the one that spares most
        beside what is there.

        Args:
            layouts: Some layouts.
            count: How many of the best as a whole.
        """
        best = sorted(layouts, key=self.seconds)[:count]
        best += self.specialists(layouts)
        if self.now is not None and best:
            best.append(max(layouts, key=self.spared))
        return list(dict.fromkeys(best))

    def specialists(self, layouts: Collection[Layout]) -> list[Layout]:
        """Return the best layout for each kind of question that has a share of the time."""
        some = list(layouts)
        if not some or not self.wishes:
            return []
        weighted = np.array([self.seconds_each(layout) for layout in some]) * self.weights
        shares = [weighted[:, numbers].sum(axis=1) for numbers in self._members]
        least = _LEAST_SHARE * weighted.sum(axis=1).max()
        return [some[int(share.argmin())] for share in shares if share.max() >= least]

    def spared(self, layout: Layout) -> float:
        """Return the share of the time that a layout spares beside what is there.

        Each wish goes to the layout that serves it best. If nothing is said of what is there, it is
        the rows as they come.
        """
        now = self.seconds_each(Layout()) if self.now is None else self.now
        least = np.minimum(self.seconds_each(layout), now)
        total = float(now @ self.weights)
        return 1 - float(least @ self.weights) / total if total else 0.0

    def seconds_each(self, layout: Layout) -> NDArray[np.float64]:
        """Return what each wish would take in a layout."""
        if layout not in self._priced:
            decoding = decoding_factor(layout.compression, self.hints.compression)
            works = self.ledger.works(layout, self._numbers)
            self._priced[layout] = self.seconds_of(works, decoding)
        return self._priced[layout]

    def seconds_of(self, works: NDArray[np.float64], decoding: float = 1.0) -> NDArray[np.float64]:
        """Return what each wish takes that reads so much: the numbers of a `Work`, a line a wish."""
        reading = self.constants.reading_seconds(Work(*works.T), self.bytes_a_row, decoding)
        seconds: NDArray[np.float64] = self.rests + reading
        return seconds

    def works(self, layout: Layout) -> NDArray[np.float64]:
        """Return what each wish would read in a layout: the numbers of a `Work`, a line a wish."""
        return self.ledger.works(layout, self._numbers)

    def works_in(self, groups: Groups) -> NDArray[np.float64]:
        """Return the same for row groups that are there."""
        return predict_works([wish.asked for wish in self.wishes], groups, self.sample)

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """How much each wish counts."""
        return np.array([wish.weight for wish in self.wishes])

    @cached_property
    def ledger(self) -> Ledger:
        """What was predicted by the sample."""
        is_of_it = self.known is not None and self.known.sample is self.sample
        return self.known if self.known is not None and is_of_it else Ledger(self.sample)

    @cached_property
    def _members(self) -> list[list[int]]:
        """The numbers of the wishes of each kind."""
        members: dict[str, list[int]] = {}
        for number, wish in enumerate(self.wishes):
            members.setdefault(wish.cluster_id, []).append(number)
        return list(members.values())

    @cached_property
    def _numbers(self) -> list[int]:
        return [self.ledger.number(wish.asked) for wish in self.wishes]

    @cached_property
    def rests(self) -> NDArray[np.float64]:
        """What each wish takes whatever the layout."""
        return np.array([wish.rest_seconds for wish in self.wishes])

    @cached_property
    def bytes_a_row(self) -> NDArray[np.float64]:
        """The compressed size of the columns that each wish reads, in one row."""
        return np.array([wish.bytes_a_row for wish in self.wishes])

    @cached_property
    def _priced(self) -> dict[Layout, NDArray[np.float64]]:
        return {}
