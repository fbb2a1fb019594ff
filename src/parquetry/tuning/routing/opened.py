"""A replica as routing holds it: its manifest, read once, with everything that questions ask of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from parquetry.files.skimming import Skimmer
from parquetry.tuning.replicas.coverage import SourceIndex, can_unite
from parquetry.tuning.routing.pricing import Groups, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.conditions import Demand
    from parquetry.access.listing import Listing
    from parquetry.files.skimming import FileSchema
    from parquetry.model.partitions import PartitionFilter
    from parquetry.tuning.replicas.coverage import Coverage
    from parquetry.tuning.replicas.manifest import Manifest

_MOST_ANSWERS = 512
_LONGEST_KEY = 4_096  # letters of a question's demands; longer ones are not remembered
_UNREAD = Reading(files=1)  # a file that is opened, and none of whose row groups is read
_UNKNOWN_GROUP_BYTES = 4 << 20  # what a row group of a file that nobody has looked into weighs


@dataclass(frozen=True)
class Possibility:
    """A way to answer a question: what would be read, and what that takes."""

    layout: str
    listing: Listing
    reading: Reading


@dataclass(frozen=True)
class _Answer:
    """What the bounds of a replica say to a question.

    Args:
        files: Of each piece, the paths of the files that have to be read.
        readings: What that takes.
        sources: Of each piece, what reading its sources instead would take, by their numbers.
        all_sources: What reading all of them would take.
    """

    files: list[list[str]]
    readings: list[Reading]
    sources: list[dict[int, Reading]]
    all_sources: Reading


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
        self._groups = [Groups(piece.groups, len(piece.files)) for piece in manifest.pieces]
        self._sources = [
            Groups(piece.source_groups, len(piece.sources)) for piece in manifest.pieces
        ]
        self._answers: dict[str, _Answer] = {}
        self._places = {
            state.path: (piece, number)
            for piece, one in enumerate(manifest.pieces)
            for number, state in enumerate(one.sources)
        }

    def possibility(
        self,
        own: Listing,
        root: str,
        where: PartitionFilter | None,
        references: Sequence[Sequence[Demand]],
    ) -> Possibility | None:
        """Return how to answer from this replica.

        None if it does not stand for any file of the question now.

        Args:
            own: The dataset's own listing for the question.
            root: The dataset's folder.
            where: The filter by which folders were left out of it.
            references: What the question demands, where it reads the dataset.
        """
        if not self._index.fits(own):
            return None
        coverage = self._index.cover(own, root, where)
        if len(coverage.uncovered) == len(own.files) or not can_unite(own, coverage.uncovered):
            return None
        answer = self._answer(references)
        files = [path for piece in coverage.usable for path in answer.files[piece]]
        reading = sum((answer.readings[piece] for piece in coverage.usable), Reading())
        start = len(root) + 1
        for place in coverage.uncovered:
            reading += self._own_reading(own, place, answer, start)
        return Possibility(self.layout, self._listing(own, files, coverage), reading)

    def own_reading(
        self, own: Listing, root: str, references: Sequence[Sequence[Demand]]
    ) -> Reading:
        """Return what reading the dataset's own files takes, as far as this replica knows them."""
        answer = self._answer(references)
        if own.is_whole and len(own.files) == len(self._places):
            return answer.all_sources
        start = len(root) + 1
        each = (self._own_reading(own, place, answer, start) for place in range(len(own.files)))
        return sum(each, Reading())

    def _answer(self, references: Sequence[Sequence[Demand]]) -> _Answer:
        """Return what the bounds say to a question; questions come again and again."""
        key = repr(references)  # in which 1 and true, which are equal to Python, are not
        if len(key) > _LONGEST_KEY:
            return self._ask(references)
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            known = self._answers[key] = self._ask(references)
        return known

    def _ask(self, references: Sequence[Sequence[Demand]]) -> _Answer:
        admitted = [groups.admitted(references) for groups in self._groups]
        sizes = [groups.bytes_a_row for groups in self._sources]
        found = list(zip(self._groups, admitted, self._paths, sizes, strict=True))
        sources = [groups.reading_by_file(groups.admitted(references)) for groups in self._sources]
        whole = sum((one for each in sources for one in each.values()), Reading())
        return _Answer(
            [[paths[n] for n in groups.files_of(flags)] for groups, flags, paths, _ in found],
            [groups.reading(flags, size) for groups, flags, _, size in found],
            sources,
            whole + Reading(files=len(self._places) - whole.files),
        )

    def _listing(self, own: Listing, files: list[str], coverage: Coverage) -> Listing:
        schemas = [self._schemas[path] for path in files]
        files += [own.files[place] for place in coverage.uncovered]
        schemas += [own.schemas[place] for place in coverage.uncovered]
        if not files:  # nothing can fulfil the question; one file shows its columns
            files, schemas = [own.files[0]], [own.schemas[0]]
            return replace(
                own, files=files, schemas=schemas, path_values=own.path_values.slice(0, 1)
            )
        return replace(own, files=files, schemas=schemas, path_values=pa.table({}), stamps=())

    def _own_reading(self, own: Listing, place: int, answer: _Answer, start: int) -> Reading:
        """Return what reading one of the dataset's own files takes, guessed where it is not known."""
        at = self._places.get(own.files[place][start:])
        if at is not None:
            return answer.sources[at[0]].get(at[1], _UNREAD)
        size = own.stamps[place].bytes
        return Reading(1, 1 + size // _UNKNOWN_GROUP_BYTES, 0, size)
