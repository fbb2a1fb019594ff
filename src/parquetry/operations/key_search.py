"""Where the keys of new rows stand in a dataset."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from parquetry.operations.bundles import bundles_of, shared_out
from parquetry.operations.footers import Footers
from parquetry.operations.found_keys import Place, find_keys
from parquetry.operations.pruning import ask_bloom_filter
from parquetry.operations.row_frames import rows_of, to_polars
from parquetry.operations.sought_keys import SoughtKeys
from parquetry.operations.working import in_bundles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.operations.found_keys import Found
    from parquetry.operations.new_rows import NewRows
    from parquetry.operations.opened import OpenedFile
    from parquetry.operations.scope import Scope, ScopedFile

_Candidate: TypeAlias = "tuple[OpenedFile, list[Place]]"

_MOST_ASKED = 20_000  # keys; beyond, asking a Bloom filter costs more than decoding


@dataclass(frozen=True)
class Searched:
    """What the search found in one file.

    Args:
        file: The file.
        group_rows: How many rows each row group has.
        found: By the number of the row group; nothing where nothing was found.
        scanned: How many rows were decoded.
    """

    file: ScopedFile
    group_rows: tuple[int, ...]
    found: Mapping[int, Found]
    scanned: int


class KeySearch:
    """Searches a dataset for keys: by folders, bounds and Bloom filters, then in the key columns.

    **Cost:** the footers of the files whose folders admit a key; the key columns of the row groups
    whose bounds admit one; of those that hold one, the columns to update. Small row groups are looked
    into together, large ones one by one, in two threads.

    Args:
        scope: The dataset.
        new: The new rows.
    """

    def __init__(self, scope: Scope, new: NewRows) -> None:
        self._scope = scope
        frame = pl.DataFrame([to_polars(new.table[key], key, "the new rows") for key in new.keys])
        self._sought = SoughtKeys(frame, [key for key in new.keys if key in scope.key_types])
        self._update = pl.DataFrame(
            [to_polars(new.table[name], name, "the new rows") for name in new.update]
        )

    def run(self) -> Iterator[Searched]:
        """Yield what was found, for each file that had to be looked into."""
        runs = [self._sought.run_of(file.keys) for file in self._scope.files]
        both = zip(self._scope.files, runs, strict=True)
        files = [file for file, run in both if run is not None]
        known = [run for run in runs if run is not None]
        for footers in Footers.of_files(files, self._scope.footers):
            here, known = known[: len(footers.files)], known[len(footers.files) :]
            look = partial(self._look, footers=footers, asked=self._asked(footers))
            yield from in_bundles(look, shared_out(self._candidates(footers, here), _rows_of))

    def _candidates(self, footers: Footers, runs: Sequence[int]) -> list[_Candidate]:
        """Return the files in which keys can stand, with the row groups where they can."""
        names = self._sought.file_keys
        bounds = footers.bounds(names[0], self._scope.types[names[0]]) if names else None
        starts, ends = self._sought.slices(
            np.repeat(np.array(runs, np.int64), footers.counts), bounds
        )
        owners = np.repeat(np.arange(len(runs)), footers.counts)
        found: dict[int, _Candidate] = {}
        for at in np.flatnonzero(ends > starts).tolist():
            number = int(owners[at])
            group = at - int(footers.starts[number])
            rows = footers.group_rows[number][group]
            if not rows:
                continue
            if number not in found:
                found[number] = (footers.opened(number), [])
            file, places = found[number]
            span = int(starts[at]), int(ends[at])
            places.append(Place(file, group, at, rows, runs[number], *span))
        return list(found.values())

    def _asked(self, footers: Footers) -> list[str]:
        """Return the key columns whose Bloom filters can be asked."""
        return [name for name in self._sought.file_keys if footers.may_have_filters(name)]

    def _look(
        self, bundle: Sequence[_Candidate], footers: Footers, asked: Sequence[str]
    ) -> list[Searched]:
        found: dict[OpenedFile, dict[int, Found]] = {file: {} for file, _ in bundle}
        scanned = dict.fromkeys(found, 0)
        with ExitStack() as stack:
            for file in found:
                stack.enter_context(file)
            places = [
                place
                for _, some in bundle
                for place in some
                if not asked or self._may_hold(place, footers, asked)
            ]
            for some in bundles_of(places, lambda place: place.rows):
                for place, here in find_keys(some, self._sought, self._update, self._scope):
                    found[place.file][place.group] = here
        for place in places:
            scanned[place.file] += place.rows
        return [
            Searched(file.file, tuple(file.group_rows), here, scanned[file])
            for file, here in found.items()
        ]

    def _may_hold(self, place: Place, footers: Footers, asked: Sequence[str]) -> bool:
        """Return whether the Bloom filters of a row group admit one of the keys."""
        keys = self._sought.parts([place])
        if len(keys) > _MOST_ASKED:
            return True
        for name in asked:
            flags = ask_bloom_filter(footers.place(place.number), name, keys.get_column(name))
            if flags is not None:
                keys = rows_of(keys, flags)
        return bool(len(keys))


def _rows_of(candidate: _Candidate) -> int:
    return sum(place.rows for place in candidate[1])
