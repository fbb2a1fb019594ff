"""Which pieces of a replica stand for files of the dataset as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.model.hive import split_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.access.listing import Listing
    from parquetry.files.skimming import Stamp
    from parquetry.model.changes import FileState
    from parquetry.model.partitions import PartitionFilter
    from parquetry.tuning.replicas.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a replica is of use for a question.

    Args:
        usable: The numbers of the pieces whose sources are all unchanged, as far as the question can
            concern them.
        uncovered: The places in the listing of the files that no such piece stands for.
    """

    usable: tuple[int, ...]
    uncovered: tuple[int, ...]


class SourceIndex:
    """The source files of a replica by path and by folder; made once for each manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self.columns = {field.name: field.type for field in manifest.columns}
        self.pieces = len(manifest.pieces)
        self._fitting: pa.Schema | None = None
        self._sources: dict[str, tuple[int, FileState]] = {}
        self._root = _Folder()
        for number, piece in enumerate(manifest.pieces):
            for state in piece.sources:
                self._sources[state.path] = (number, state)
                self._root.at(state.path).files.append(state.path)

    def cover(self, listing: Listing, root: str, where: PartitionFilter | None) -> Coverage:
        """Return what stands for the files of a listing.

        A piece is of use while each of its sources that the question can concern is there and is
        unchanged by size, time and number. Rows of its other sources cannot matter to the question,
        by the filter, whatever has become of them.

        **Cost:** one look-up for each listed file, and one for each source in admitted folders.

        Args:
            listing: The dataset's own listing for the question.
            root: The dataset's folder.
            where: The filter by which folders were left out of the listing; None if none were.
        """
        spoilt: set[int] = set()
        owner: list[int] = []
        there = set()
        start = len(root) + 1
        for path, stamp in zip(listing.files, listing.stamps, strict=True):
            relative = path[start:]
            number, state = self._sources.get(relative, (-1, None))
            if state is not None and not _is_same(state, stamp):
                spoilt.add(number)
            owner.append(number)
            there.add(relative)
        for relative in self._root.admitted(where):
            if relative not in there:
                spoilt.add(self._sources[relative][0])
        usable = tuple(number for number in range(self.pieces) if number not in spoilt)
        uncovered = [place for place, number in enumerate(owner) if number < 0 or number in spoilt]
        return Coverage(usable, tuple(uncovered))

    def fits(self, listing: Listing) -> bool:
        """Return whether the columns of a replica have the types that the dataset gives them now."""
        if listing.columns is not self._fitting:  # the same columns come again and again
            if any(
                self.columns.get(field.name, field.type) != field.type for field in listing.columns
            ):
                return False
            self._fitting = listing.columns
        return True


def can_unite(listing: Listing, places: Sequence[int]) -> bool:
    """Return whether files of a dataset hold all there is to know of their rows, keys included."""
    return not places or not listing.path_values.num_columns


def _is_same(state: FileState, stamp: Stamp) -> bool:
    return (state.bytes, state.mtime_ns, state.inode) == stamp[:3]


class _Folder:
    """A folder of sources: the relative paths of its files, and the folders below it."""

    __slots__ = ("below", "files")

    def __init__(self) -> None:
        self.files: list[str] = []
        self.below: dict[str, dict[str | None, _Folder]] = {}

    def at(self, path: str) -> _Folder:
        """Return the folder of a file, made if it is not there."""
        folder = self
        for segment in split_path(path)[0]:
            by_text = folder.below.setdefault(segment.key, {})
            folder = by_text.setdefault(segment.text, _Folder())
        return folder

    def admitted(self, where: PartitionFilter | None) -> Iterator[str]:
        """Yield the files in folders that a filter admits."""
        yield from self.files
        for key, by_text in self.below.items():
            for folder in _admitted(key, by_text, where):
                yield from folder.admitted(where)


def _admitted(
    key: str, by_text: Mapping[str | None, _Folder], where: PartitionFilter | None
) -> Iterator[_Folder]:
    if where is None:
        yield from by_text.values()
        return
    exact = where.exact.get(key)
    for text in by_text if exact is None else exact:
        if text in by_text and where.admits(key, text):
            yield by_text[text]
