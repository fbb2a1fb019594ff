"""Which rows of which files a predicate is true of."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from parquetry.errors import ParameterError
from parquetry.operations.bundles import bundles_of, shared_out, split
from parquetry.operations.edits import FileEdit, GroupEdit
from parquetry.operations.footers import Footers
from parquetry.operations.pruning import Outcomes, Units, outcomes
from parquetry.operations.row_frames import Part, frame_of
from parquetry.operations.scope import Constants
from parquetry.operations.working import in_bundles, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import Flags
    from parquetry.operations.opened import OpenedFile
    from parquetry.operations.predicates import Predicate
    from parquetry.operations.scope import Scope


class Look(NamedTuple):
    """A row group of an opened file, and the rows of which the predicate is true: one at least."""

    file: OpenedFile
    group: int
    flags: Flags


Examine: TypeAlias = "Callable[[Sequence[Look]], Sequence[GroupEdit | None]]"
"""Says what is to happen to each of some row groups."""


class Match(NamedTuple):
    """What is to happen to a file, and how many rows were decoded to find out."""

    edit: FileEdit
    scanned: int


def find_matches(scope: Scope, predicate: Predicate, examine: Examine) -> Iterator[Match]:
    """Yield what is to happen to each file of which its footer does not tell that nothing is.

    **Cost:** the footers of the files whose folders do not rule them out; of the row groups that their
    statistics do not decide, the columns of the predicate. Two row groups are decoded at a time. A
    predicate that looks at other rows than its own needs its columns of all rows at once.
    """
    if not predicate.by_row:
        yield from _find_in_whole(scope, predicate, examine)
        return
    units = Units(Constants(scope.files, scope.key_types), scope.types)
    by_file = outcomes(predicate.tree, units)
    chosen = np.flatnonzero(by_file.true)
    candidates = [scope.files[number] for number in chosen.tolist()]
    is_settled = set(predicate.columns) <= set(scope.key_types)
    start = 0
    for footers in Footers.of_files(candidates, scope.footers):
        look = partial(_look, predicate=predicate, types=scope.types, examine=examine)
        here = chosen[start : start + len(footers.files)]
        start += len(here)
        known = Outcomes(*(flags[here] for flags in by_file)) if is_settled else None
        decided = decide(footers, predicate, scope, known)
        chances = [(footers.opened(number), found) for number, found in decided]
        yield from in_bundles(look, shared_out(chances, lambda one: sum(one[0].group_rows)))


def decide(
    footers: Footers, predicate: Predicate, scope: Scope, known: Outcomes | None = None
) -> list[tuple[int, Outcomes]]:
    """Return what footers tell of the predicate in each row group of the files where it can be true.

    Files are told by their number.

    Args:
        footers: The footers.
        predicate: The predicate.
        scope: The dataset.
        known: What is known of all rows of each file, where the folders say all that is asked.
    """
    numbers = np.repeat(np.arange(len(footers.files)), footers.counts)
    if known is None:
        files = [footers.files[number] for number in numbers.tolist()]
        units = Units(Constants(files, scope.key_types), scope.types, footers)
        found = outcomes(predicate.tree, units)
    else:
        found = Outcomes(*(flags[numbers] for flags in known))
    ends = footers.starts + footers.counts
    return [
        (file, Outcomes(*(flags[footers.starts[file] : ends[file]] for flags in found)))
        for file in sorted(set(numbers[found.true].tolist()))
    ]


def _look(
    bundle: Sequence[tuple[OpenedFile, Outcomes]],
    predicate: Predicate,
    types: Mapping[str, pa.DataType],
    examine: Examine,
) -> list[Match]:
    possible = [
        _Possible(file, index, rows, is_covered=bool(found.covers[index]))
        for file, found in bundle
        for index, rows in enumerate(file.group_rows)
        if rows and found.true[index]
    ]
    edits: dict[OpenedFile, dict[int, GroupEdit]] = {file: {} for file, _ in bundle}
    scanned = dict.fromkeys(edits, 0)
    with ExitStack() as stack:
        for file in edits:
            stack.enter_context(file)
        for some in bundles_of(possible, lambda one: one.rows):
            looks = _find_hits(some, predicate, types)
            for look, edit in zip(looks, examine(looks) if looks else (), strict=True):
                if edit is not None:
                    edits[look.file][look.group] = edit
    for one in possible:
        scanned[one.file] += 0 if one.is_covered else one.rows
    return [
        Match(FileEdit(file.file, tuple(file.group_rows), found), scanned[file])
        for file, found in edits.items()
    ]


class _Possible(NamedTuple):
    """A row group where the predicate can be true; covered, if it is true of all rows."""

    file: OpenedFile
    group: int
    rows: int
    is_covered: bool


def _find_hits(
    possible: Sequence[_Possible], predicate: Predicate, types: Mapping[str, pa.DataType]
) -> list[Look]:
    """Return where the predicate is true."""
    covered = [one for one in possible if one.is_covered]
    looks = [Look(one.file, one.group, np.ones(one.rows, bool)) for one in covered]
    asked = [one for one in possible if not one.is_covered]
    if asked:
        frame = frame_of([Part(one.file, one.group) for one in asked], predicate.columns, types)
        flags_of_all = truths(predicate, frame, where_of([one.file for one in asked]))
        found = zip(asked, split(flags_of_all, [one.rows for one in asked]), strict=True)
        looks += [Look(one.file, one.group, flags) for one, flags in found if flags.any()]
    return looks


def where_of(files: Sequence[OpenedFile]) -> str:
    """Return how messages call some files."""
    paths = {file.file.path for file in files}
    return paths.pop() if len(paths) == 1 else files[0].file.root


def truths(predicate: Predicate, frame: pl.DataFrame, where: str) -> Flags:
    """Return of which rows a predicate is true: neither false nor unknown.

    Raises:
        ParameterError: It cannot be evaluated.
    """
    found = evaluate(predicate.expr, frame, where)
    if found.dtype != pl.Boolean:
        found = found.cast(pl.Boolean)
    if found.null_count():
        found = found.fill_null(value=False)
    return found.to_numpy()


def evaluate(expr: pl.Expr, frame: pl.DataFrame, where: str) -> pl.Series:
    """Return the values of an expression, one a row.

    Raises:
        ParameterError: It cannot be evaluated.
    """
    try:
        found = frame.select(expr.alias("::value")).get_column("::value")
    except (Exception, pl.exceptions.PanicException) as error:  # a user's function raises anything
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(
            f"{expr} could not be evaluated on {where}: {first}. Nothing was changed. Try it with "
            "`scan().select(…)` first."
        ) from error
    if len(found) == len(frame):
        return found
    if len(found) == 1:
        return found.new_from_index(0, len(frame))
    raise ParameterError(
        f"{expr} gives {len(found)} values for {len(frame)} rows of {where}. Nothing was changed. Give "
        "one value a row."
    )


def _find_in_whole(scope: Scope, predicate: Predicate, examine: Examine) -> Iterator[Match]:
    opened = [
        footers.opened(number)
        for footers in Footers.of_files(scope.files, scope.footers)
        for number in range(len(footers.files))
    ]
    counts = [sum(file.group_rows) for file in opened]
    if not any(counts):
        return
    read = partial(_read_whole, names=predicate.columns, types=scope.types)
    frames = [frame for frame in in_order(read, opened) if frame.width and len(frame)]
    whole = pl.concat(frames) if frames else pl.DataFrame(height=sum(counts))
    flags = truths(predicate, whole, scope.root)
    del whole, frames
    work = partial(_examine_all, examine=examine)
    yield from in_order(work, zip(opened, split(flags, counts), strict=True), len(opened))


def _read_whole(
    file: OpenedFile, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> pl.DataFrame:
    with file:
        parts = [Part(file, index) for index in range(len(file.group_rows))]
        return frame_of(parts, names, types) if parts and names else pl.DataFrame()


def _examine_all(one: tuple[OpenedFile, Flags], examine: Examine) -> Match:
    file, flags = one
    parts = enumerate(split(flags, file.group_rows))
    looks = [Look(file, index, here) for index, here in parts if here.any()]
    with file:
        found = zip(looks, examine(looks) if looks else (), strict=True)
        edits = {look.group: edit for look, edit in found if edit is not None}
    return Match(FileEdit(file.file, tuple(file.group_rows), edits), len(flags))
