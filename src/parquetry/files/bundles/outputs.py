"""Which of the files side by side come into which new file, and where things come to stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from parquetry.files.lockstep import Spans
from parquetry.files.splicing.footer import MAGIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.files.bundles.alike import Origin
    from parquetry.files.bundles.chunks import Chunks, Groups
    from parquetry.files.lockstep import Numbers


class Tail(NamedTuple):
    """A column chunk whose pages come behind those of another in each file; see `Pick`."""

    origin: Origin
    number: int
    chunks: Chunks
    has_bounds: bool


class Pick(NamedTuple):
    """A column chunk that is copied in each file, and its number among those of its origin.

    What it says of itself is said of its tail as well.
    """

    origin: Origin
    number: int
    chunks: Chunks
    tail: Tail | None = None

    @property
    def size(self) -> Numbers:
        """How many bytes its pages will take."""
        return self.chunks.size if self.tail is None else self.chunks.size + self.tail.chunks.size


@dataclass(frozen=True, eq=False)
class PickedGroup:
    """A row group of each file as it is copied.

    Args:
        group: What it was.
        picks: Its chunks.
        rows: How many rows it has now.
        is_other: Whether some of it comes from elsewhere.
        sorting: What is said of its order, None for nothing.
    """

    group: Groups
    picks: tuple[Pick, ...]
    rows: Numbers
    is_other: bool
    sorting: bytes | None


class Outputs:
    """New files, each of one of the files side by side, or of several neighbours.

    Args:
        ends: Behind how many of the files each new file ends.
    """

    def __init__(self, ends: Numbers) -> None:
        self.begins: Numbers = np.concatenate([[0], ends[:-1]])
        self.ends = ends
        self.counts: Numbers = ends - self.begins
        self.files = int(ends[-1])
        self.first: Numbers = np.repeat(self.begins, self.counts)
        self._last: Numbers = np.repeat(ends - 1, self.counts)

    @property
    def places(self) -> Numbers:
        """The how manyth of its new file each file is."""
        return np.arange(self.files) - self.first

    def running(self, lengths: Numbers) -> tuple[Numbers, Numbers]:
        """Return where each of some things stands behind the others of its new file.

        Args:
            lengths: How long they are: of each file some, a row a file.

        Returns:
            How many bytes of the new file stand before it, and for each file how many there are in all.
        """
        if not lengths.shape[1]:
            return lengths, np.zeros(self.files, np.int64)
        ends = np.cumsum(lengths).reshape(lengths.shape)
        starts = ends - lengths
        begin = starts[self.first, :1]
        return starts - begin, ends[self._last, -1] - begin[:, 0]


@dataclass(eq=False)
class Layout:
    """Where the pages of new files stand.

    Args:
        outputs: The new files.
        groups: The row groups of each file.
        group_starts: Where these begin, row group by row group.
        starts: Where their chunks begin, chunk by chunk through all row groups.
        blooms: Where their Bloom filters stand.
        runs: What is copied, in its order: whence, and which bytes of each file.
        ending: Where the pages of the new file end, for each file.
    """

    outputs: Outputs
    groups: Sequence[PickedGroup]
    group_starts: list[Numbers] = field(default_factory=list)
    starts: list[Numbers] = field(default_factory=list)
    blooms: list[Spans | None] = field(default_factory=list)
    runs: list[tuple[Origin, Spans]] = field(default_factory=list)
    ending: Numbers = field(init=False)

    def __post_init__(self) -> None:
        copied = [span for group in self.groups for span in _copied(group)]
        total = np.sum([span.lengths for _, span in copied], axis=0)
        before, whole = self.outputs.running(total[:, None])
        self.ending = whole + len(MAGIC)
        at = before[:, 0] + len(MAGIC)
        for group in self.groups:
            at = self._place(group, at)
        for origin, span in copied:
            self._copy(origin, span)

    def _place(self, group: PickedGroup, at: Numbers) -> Numbers:
        """Give a row group its place: pages, and behind them Bloom filters; return where it ends."""
        self.group_starts.append(at)
        for pick in group.picks:
            self.starts.append(at)
            at = at + pick.size
        for pick in group.picks:
            bloom = pick.chunks.bloom
            self.blooms.append(None if bloom is None else Spans(at, bloom.lengths))
            at = at if bloom is None else at + bloom.lengths
        return at

    def _copy(self, origin: Origin, span: Spans) -> None:
        """Note what is copied, as one with what is copied before if they are neighbours in all files."""
        if self.runs:
            before, (starts, lengths) = self.runs[-1]
            if before is origin and (starts + lengths == span.starts).all():
                self.runs[-1] = origin, Spans(starts, lengths + span.lengths)
                return
        self.runs.append((origin, span))


def _copied(group: PickedGroup) -> list[tuple[Origin, Spans]]:
    parts = [part for pick in group.picks for part in (pick, pick.tail) if part is not None]
    pages = [(part.origin, Spans(part.chunks.start, part.chunks.size)) for part in parts]
    blooms = [(pick.origin, pick.chunks.bloom) for pick in group.picks]
    return pages + [(origin, bloom) for origin, bloom in blooms if bloom is not None]
