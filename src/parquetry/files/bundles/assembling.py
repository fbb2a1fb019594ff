"""New files put together from row groups side by side: what is copied whence, and what comes behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from parquetry.files.bundles.gathering import gather
from parquetry.files.bundles.joined_indexes import join_columns, join_offsets
from parquetry.files.bundles.moving import place_chunk, place_group, place_index
from parquetry.files.bundles.outputs import Layout, Outputs
from parquetry.files.bundles.structs import Structs
from parquetry.files.lockstep import Spans, UnusualError
from parquetry.files.splicing.fields import FileMetaData
from parquetry.files.splicing.footer import sealed
from parquetry.files.splicing.moving import MAX_ORDINAL
from parquetry.files.splicing.structs import LIST
from parquetry.files.splicing.thrift import list_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.files.bundles.gathering import Gathered
    from parquetry.files.bundles.outputs import Pick, PickedGroup, Tail
    from parquetry.files.bundles.structs import Cut
    from parquetry.files.lockstep import Numbers
    from parquetry.files.splicing.file_bytes import FileBytes
    from parquetry.files.splicing.structs import Struct


@dataclass(frozen=True)
class NewBytes:
    """A new file: what is copied, and what comes behind.

    Args:
        runs: File, offset and length of what stands behind the magic.
        ending: Page indexes and footer.
        rows: How many rows it holds.
        size: How many bytes it takes.
    """

    runs: Sequence[tuple[FileBytes, int, int]]
    ending: bytes
    rows: int
    size: int


def assemble(groups: Sequence[PickedGroup], ends: Numbers, footer: Struct) -> Iterator[NewBytes]:
    """Yield new files, each of one of the files side by side or of several neighbours.

    **Cost:** some milliseconds for all of them, and some microseconds each; Python's lock is held.

    Args:
        groups: The row groups of each file side by side.
        ends: Behind how many of these files each new file ends.
        footer: What all new footers say, as `begin_footer` returns it.

    Raises:
        UnusualError: A new file would have more row groups than can be numbered.
    """
    outputs = Outputs(ends)
    if int(outputs.counts.max()) * len(groups) - 1 > MAX_ORDINAL:
        raise UnusualError
    layout = Layout(outputs, groups)
    indexes = _Indexes(layout)
    structs = _place_groups(layout, indexes)
    middle = gather([part for struct in structs for part in struct.parts()], outputs.files)
    rows = np.sum([picked.rows for picked in groups], axis=0)
    sums = np.add.reduceat(rows, outputs.begins)
    front, back = _around(footer, sums)
    runs = _spread(layout)
    bounds = zip(outputs.begins.tolist(), ends.tolist(), sums.tolist(), strict=True)
    for number, (first, end, count) in enumerate(bounds):
        head = list_header(len(groups) * (end - first))
        around = front.of(number, number + 1), head, middle.of(first, end)
        new = b"".join((*around, back.of(number, number + 1)))
        ending = b"".join((*indexes.of(first, end), sealed(new)))
        copied = [run for one in runs[first:end] for run in one]
        yield NewBytes(copied, ending, count, int(layout.ending[first]) + len(ending))


class _Indexes:
    """The page indexes of new files: all column indexes before all offset indexes."""

    def __init__(self, layout: Layout) -> None:
        picks = [(picked, pick) for picked in layout.groups for pick in picked.picks]
        starts = dict(enumerate(layout.starts))
        tails = {at: pick.tail for at, (_, pick) in enumerate(picks) if pick.tail is not None}
        after = {at: starts[at] + picks[at][1].chunks.size for at in tails}
        offsets, columns = _moved({at: pick for at, (_, pick) in enumerate(picks)}, starts)
        behind, bounds = _moved(tails, after)
        if tails:
            rows = picks[0][0].group.rows  # of the only row group
            ours = {at: offsets.pop(at) for at in tails if at in offsets}
            offsets |= join_offsets({at: ours[at] for at in ours if at in behind}, behind, rows)
            known = {at: columns.pop(at) for at in tails if at in columns}
            both = [at for at in known if at in offsets and at in bounds and tails[at].has_bounds]
            columns |= join_columns({at: known[at] for at in both}, bounds)
        files = layout.outputs.files
        before = layout.ending
        self.columns, before = _places(layout.outputs, columns, before)
        self.offsets, _ = _places(layout.outputs, offsets, before)
        self._bytes = [
            gather([found[at] for at in sorted(found)], files) for found in (columns, offsets)
        ]

    def of(self, first: int, end: int) -> tuple[bytes, bytes]:
        """Return the bytes of both in a new file."""
        columns, offsets = self._bytes
        return columns.of(first, end), offsets.of(first, end)


def _moved(
    parts: Mapping[int, Pick | Tail], starts: Mapping[int, Numbers]
) -> tuple[dict[int, Cut], dict[int, Cut]]:
    """Return the offset indexes and column indexes of chunks that begin at new places."""
    columns: dict[int, Cut] = {}
    offsets: dict[int, Cut] = {}
    for origin in {id(part.origin): part.origin for part in parts.values()}.values():
        own = {part.number: at for at, part in parts.items() if part.origin is origin}
        shifts = {number: starts[at] - parts[at].chunks.start for number, at in own.items()}
        for number, cut in origin.indexes.moved(shifts).items():
            offsets[own[number]] = cut
            bounds = origin.indexes.columns(number)
            if bounds is not None:
                columns[own[number]] = bounds
    return offsets, columns


def _places(
    outputs: Outputs, cuts: dict[int, Cut], before: Numbers
) -> tuple[dict[int, Spans], Numbers]:
    """Return where indexes come to stand, by the number of their chunk, and where they end."""
    if not cuts:
        return {}, before
    order = sorted(cuts)
    starts, whole = outputs.running(np.stack([cuts[at].lengths for at in order], axis=1))
    starts = starts + before[:, None]
    spans = {at: Spans(starts[:, n], cuts[at].lengths) for n, at in enumerate(order)}
    return spans, before + whole


def _place_groups(layout: Layout, indexes: _Indexes) -> list[Structs]:
    structs: list[Structs] = []
    at = 0
    for step, picked in enumerate(layout.groups):
        chunks: list[Structs] = []
        for pick in picked.picks:
            chunk = place_chunk(pick.chunks, layout.starts[at], layout.blooms[at])
            if at in indexes.offsets:
                place_index(chunk, indexes.offsets[at], indexes.columns.get(at))
            chunks.append(chunk)
            at += 1
        number = layout.outputs.places * len(layout.groups) + step
        structs.append(place_group(picked, layout.group_starts[step], number, chunks))
    return structs


def _around(footer: Struct, rows: Numbers) -> tuple[Gathered, Gathered]:
    """Return what stands in each new footer before its row groups, and behind them."""
    footer.put(FileMetaData.ROW_GROUPS, LIST, b"")
    structs = Structs.of(footer)
    structs.put_integer(FileMetaData.NUM_ROWS, rows)
    parts = structs.parts()
    at = next(number for number, part in enumerate(parts) if isinstance(part, bytes) and not part)
    return gather(parts[:at], len(rows)), gather(parts[at + 1 :], len(rows))


def _spread(layout: Layout) -> list[list[tuple[FileBytes, int, int]]]:
    """Return what is copied, file by file."""
    columns = [
        zip(
            [origin.sources[number] for number in origin.of.tolist()],
            span.starts.tolist(),
            span.lengths.tolist(),
            strict=True,
        )
        for origin, span in layout.runs
    ]
    return [list(runs) for runs in zip(*columns, strict=True)]
