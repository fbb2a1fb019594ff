"""The rows in which keys stand that were looked for, and what would change in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from parquetry.model.plain_numbers import array_of
from parquetry.operations.bundles import TOGETHER_CELLS, bundles_of
from parquetry.operations.differences import differing
from parquetry.operations.moves import moving
from parquetry.operations.row_frames import Part, frame_of
from parquetry.operations.sought_keys import ROW, RUN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import Flags
    from parquetry.operations.opened import OpenedFile
    from parquetry.operations.scope import Scope
    from parquetry.operations.sought_keys import Numbers, SoughtKeys

_AT = "::at"


class Place(NamedTuple):
    """A row group of an opened file, and the slice of the sought keys that it may hold.

    Args:
        file: The file.
        group: The number of the row group in it.
        number: Its number among all whose footers were read together.
        rows: How many rows it has.
        run: The run of its folder.
        start: Where the slice begins.
        end: Where it ends.
    """

    file: OpenedFile
    group: int
    number: int
    rows: int
    run: int
    start: int
    end: int


@dataclass(frozen=True)
class Found:
    """Keys that were found in one row group.

    Args:
        at: The positions in the row group, ascending.
        rows: Of each, the number of the new row.
        changed: Whether the new row differs from what is there.
        columns: The columns in which any does.
        moved: Whether it belongs to another folder.
    """

    at: Numbers
    rows: Numbers
    changed: Flags
    columns: frozenset[str]
    moved: Flags


class _Hit(NamedTuple):
    """Rows of a row group whose keys were found: their positions, and the new row of each."""

    place: Place
    at: Numbers
    rows: Numbers

    @property
    def part(self) -> Part:
        """The rows as they are."""
        is_all = len(self.at) == self.place.rows
        return Part(self.place.file, self.place.group, None if is_all else self.at)


def find_keys(
    places: Sequence[Place], sought: SoughtKeys, update: pl.DataFrame, scope: Scope
) -> Iterator[tuple[Place, Found]]:
    """Yield the row groups that hold keys, and what was found there.

    Args:
        places: The row groups.
        sought: The keys.
        update: The columns that may change, of all new rows.
        scope: The dataset.
    """
    hits = list(_find_hits(places, sought, scope.types)) if places else []
    cells = max(1, update.width)
    for some in bundles_of(hits, lambda hit: cells * len(hit.rows), TOGETHER_CELLS):
        for hit, found in zip(some, _compare(some, update, scope), strict=True):
            yield hit.place, found


def _find_hits(
    places: Sequence[Place], sought: SoughtKeys, types: Mapping[str, pa.DataType]
) -> Iterator[_Hit]:
    at, rows = _pairs(places, sought, types)
    starts = np.cumsum([0, *(place.rows for place in places)])
    cuts = np.searchsorted(at, starts).tolist()
    for number, place in enumerate(places):
        here = slice(cuts[number], cuts[number + 1])
        if here.stop > here.start:
            yield _Hit(place, at[here] - starts[number], rows[here])


def _pairs(
    places: Sequence[Place], sought: SoughtKeys, types: Mapping[str, pa.DataType]
) -> tuple[Numbers, Numbers]:
    """Return at which rows of all row groups, ascending, which of the new rows stand."""
    names = sought.file_keys
    wanted = sought.parts(places)
    if names:
        keys = frame_of([Part(place.file, place.group) for place in places], names, types)
        at = _near(keys.get_column(names[0]), places, sought)
        columns = keys[pl.Series(array_of(at))].get_columns()
    else:
        at, columns = np.arange(sum(place.rows for place in places)), []
    ends = np.cumsum([place.rows for place in places])
    runs = np.array([place.run for place in places])[np.searchsorted(ends, at, side="right")]
    some = pl.DataFrame([*columns, pl.Series(RUN, array_of(runs)), pl.Series(_AT, array_of(at))])
    pairs = some.join(wanted, on=[RUN, *names], how="inner").sort(_AT)
    return pairs.get_column(_AT).to_numpy(), pairs.get_column(ROW).to_numpy().astype(np.int64)


def _near(keys: pl.Series, places: Sequence[Place], sought: SoughtKeys) -> Numbers:
    """Return the rows whose first key is one of those that are sought in their folder.

    Most rows are far from any, which is found out in a fifth of the time of a join.
    """
    flags: list[pl.Series] = []
    start = 0
    for _, some in groupby(places, lambda place: place.run):
        here = list(some)
        rows = sum(place.rows for place in here)
        wanted = sought.parts(here).get_column(keys.name).implode()
        flags.append(keys.slice(start, rows).is_in(wanted).fill_null(value=False))
        start += rows
    return np.flatnonzero(pl.concat(flags).to_numpy())


def _compare(hits: Sequence[_Hit], update: pl.DataFrame, scope: Scope) -> Iterator[Found]:
    """Yield for each row group in which of its rows, and in what, the new rows differ."""
    parts = [hit.part for hit in hits]
    chosen = pl.Series(array_of(np.concatenate([hit.rows for hit in hits])))
    new = update[chosen] if update.width else update
    old = frame_of(parts, update.columns, scope.types)
    changes = differing(old, new)
    changed = np.zeros(len(chosen), bool)
    for flags in changes.values():
        changed |= flags
    moved = moving(new, parts, scope.key_types)
    if moved is None:
        moved = np.zeros(len(chosen), bool)
    start = 0
    for hit in hits:
        here = slice(start, start + len(hit.rows))
        columns = frozenset(name for name, flags in changes.items() if flags[here].any())
        yield Found(hit.at, hit.rows, changed[here], columns, moved[here])
        start = here.stop
