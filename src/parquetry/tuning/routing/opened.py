"""A replica as routing holds it: its manifest, read once, with everything that questions ask of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from parquetry.access.listing import Listing
from parquetry.files.skimming import Skimmer
from parquetry.tuning.replicas.coverage import SourceIndex, can_unite
from parquetry.tuning.routing.pricing import Groups, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from parquetry.access.conditions import Demand
    from parquetry.files.skimming import FileSchema
    from parquetry.model.partitions import PartitionFilter
    from parquetry.operations.bounds import Flags
    from parquetry.tuning.replicas.coverage import Coverage
    from parquetry.tuning.replicas.manifest import Manifest

_T = TypeVar("_T")
_NO_PATH_VALUES = pa.table({})
_MOST_ANSWERS = 512
_LONGEST_KEY = 4_096  # letters of a question's demands; longer ones are not remembered
_UNKNOWN_GROUP_BYTES = 4 << 20  # what a row group of a file that nobody has looked into weighs


@dataclass(frozen=True)
class Possibility:
    """A way to answer a question.

    Args:
        layout: The layout that answers.
        reading: What that takes.
        listing: Tells what is read then.
    """

    layout: str
    reading: Reading
    listing: Callable[[], Listing]


@dataclass(frozen=True)
class Wanted:
    """What a question demands of a dataset.

    Args:
        references: What it demands at each place where it reads the dataset.
        where: The filter by which folders were left out of the listing; None if none were.
    """

    references: Sequence[Sequence[Demand]]
    where: PartitionFilter | None

    @cached_property
    def key(self) -> str:
        """What tells the demands from others: to Python 1 and true are equal, and these are not."""
        return repr(self.references)


@dataclass(frozen=True)
class _Answer:
    """What the bounds of a replica say to a question.

    Args:
        files: Of each piece, the paths of the files that have to be read.
        readings: What that takes.
    """

    files: list[list[str]]
    readings: list[Reading]

    @cached_property
    def all_files(self) -> list[str]:
        """The files of all pieces that have to be read."""
        return [path for files in self.files for path in files]

    @cached_property
    def total(self) -> Reading:
        """What reading of all pieces takes."""
        return sum(self.readings, Reading())


@dataclass(frozen=True)
class _Sources:
    """What reading the sources of a replica instead would take.

    Args:
        groups: Of each piece, the row groups of its sources.
        admitted: Of these, those that the question can have use for.
    """

    groups: Sequence[Groups]
    admitted: Sequence[Flags]

    @cached_property
    def total(self) -> Reading:
        """What reading all of them takes."""
        found = zip(self.groups, self.admitted, strict=True)
        return sum((groups.reading_all(flags) for groups, flags in found), Reading())

    @cached_property
    def by_file(self) -> list[NDArray[np.int64]]:
        """Of each piece, the row groups, rows and bytes of each of its sources."""
        found = zip(self.groups, self.admitted, strict=True)
        return [groups.by_file(flags) for groups, flags in found]


class OpenedReplica:
    """A replica, ready to answer.

    Args:
        layout: Its name.
        folder: Where it stands.
        manifest: What it is made of.

    Raises:
        NotFoundError: A file of it is gone.
        CorruptionError: A file of it is no Parquet file.
    """

    def __init__(self, layout: str, folder: str, manifest: Manifest) -> None:
        self.layout = layout
        self._index = SourceIndex(manifest)
        self._paths = [[f"{folder}/{file.name}" for file in p.files] for p in manifest.pieces]
        flat = [path for paths in self._paths for path in paths]
        self._schemas: dict[str, FileSchema] = dict(zip(flat, Skimmer().skim(flat), strict=True))
        width = self._width = len(manifest.columns)
        self._groups = [Groups(piece.groups, len(piece.files), width) for piece in manifest.pieces]
        self._sources = [
            Groups(piece.source_groups, len(piece.sources), width) for piece in manifest.pieces
        ]
        self._answers: dict[str, _Answer] = {}
        self._of_sources: dict[str, _Sources] = {}
        self._last: tuple[object, Coverage | None] | None = None
        self._places = {
            state.path: (piece, number)
            for piece, one in enumerate(manifest.pieces)
            for number, state in enumerate(one.sources)
        }

    def possibility(
        self,
        own: Listing,
        root: str,
        wanted: Wanted,
    ) -> Possibility | None:
        """Return how to answer from this replica.

        None if it does not stand for any file of the question now.

        Args:
            own: The dataset's own listing for the question.
            root: The dataset's folder.
            wanted: What the question demands.
        """
        coverage = self._coverage(own, root, wanted.where)
        if coverage is None:
            return None
        answer = self._answer(wanted)
        if not coverage.uncovered and len(coverage.usable) == len(answer.files):
            files, reading = answer.all_files, answer.total
        else:
            files = [path for piece in coverage.usable for path in answer.files[piece]]
            reading = sum((answer.readings[piece] for piece in coverage.usable), Reading())
            start = len(root) + 1
            for place in coverage.uncovered:
                reading += self._own_reading(own, place, wanted, start)
        return Possibility(self.layout, reading, partial(self._listing, own, files, coverage))

    def _coverage(self, own: Listing, root: str, where: PartitionFilter | None) -> Coverage | None:
        """Return what stands for files of a question; None if that is nothing, or of no use.

        Where all files are listed it is what it was as long as no file of theirs has changed.
        """
        if where is not None:
            return self._covered(own, root, where)
        facts = (own.columns, own.path_values.num_columns, own.files, own.stamps)
        if self._last is None or self._last[0] != facts:
            self._last = (facts, self._covered(own, root, where))
        return self._last[1]

    def _covered(self, own: Listing, root: str, where: PartitionFilter | None) -> Coverage | None:
        if not self._index.fits(own):
            return None
        coverage = self._index.cover(own, root, where)
        is_of_use = len(coverage.uncovered) < len(own.files)
        return coverage if is_of_use and can_unite(own, coverage.uncovered) else None

    def own_reading(self, own: Listing, root: str, wanted: Wanted) -> Reading:
        """Return what reading the dataset's own files takes, as far as this replica knows them."""
        if own.is_whole and len(own.files) == len(self._places):
            return self._sources_of(wanted).total
        start = len(root) + 1
        each = (self._own_reading(own, place, wanted, start) for place in range(len(own.files)))
        return sum(each, Reading())

    def _answer(self, wanted: Wanted) -> _Answer:
        """Return what the bounds say to a question; questions come again and again."""
        return _remembered(self._answers, wanted, self._ask)

    def _ask(self, wanted: Wanted) -> _Answer:
        admitted = [groups.admitted(wanted.references) for groups in self._groups]
        sizes = [groups.bytes_a_row for groups in self._sources]
        found = zip(self._groups, admitted, self._paths, sizes, strict=True)
        files, readings = [], []
        for groups, flags, paths, size in found:
            numbers = groups.files_of(flags)
            files.append([paths[n] for n in numbers])
            readings.append(groups.reading(flags, numbers, size))
        return _Answer(files, readings)

    def _sources_of(self, wanted: Wanted) -> _Sources:
        return _remembered(self._of_sources, wanted, self._ask_sources)

    def _ask_sources(self, wanted: Wanted) -> _Sources:
        admitted = [groups.admitted(wanted.references) for groups in self._sources]
        return _Sources(self._sources, admitted)

    def _listing(self, own: Listing, files: list[str], coverage: Coverage) -> Listing:
        schemas = [self._schemas[path] for path in files]
        schemas += [own.schemas[place] for place in coverage.uncovered]
        files = [*files, *(own.files[place] for place in coverage.uncovered)]
        if not files:  # nothing can fulfil the question; one file shows its columns
            files, schemas = [own.files[0]], [own.schemas[0]]
            return replace(
                own, files=files, schemas=schemas, path_values=own.path_values.slice(0, 1)
            )
        return Listing(
            files=files,
            schemas=schemas,
            columns=own.columns,
            path_values=_NO_PATH_VALUES,
            keys=own.keys,
            is_whole=own.is_whole,
            links=own.links,
        )

    def _own_reading(self, own: Listing, place: int, wanted: Wanted, start: int) -> Reading:
        """Return what reading one of the dataset's own files takes, guessed where it is not known."""
        at = self._places.get(own.files[place][start:])
        if at is not None:
            row_groups, rows, size = self._sources_of(wanted).by_file[at[0]][at[1]].tolist()
            chunks = int(self._sources[at[0]].chunks[at[1]])
            return Reading(1, row_groups, rows, size, chunks)
        size = own.stamps[place].bytes
        groups = 1 + size // _UNKNOWN_GROUP_BYTES
        return Reading(1, groups, 0, size, groups * self._width)


def _remembered(known: dict[str, _T], wanted: Wanted, ask: Callable[[Wanted], _T]) -> _T:
    if len(wanted.key) > _LONGEST_KEY:
        return ask(wanted)
    found = known.get(wanted.key)
    if found is None:
        if len(known) >= _MOST_ANSWERS:
            known.clear()
        found = known[wanted.key] = ask(wanted)
    return found
