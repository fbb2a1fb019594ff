"""Which rows of which files a predicate is true of."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np
import polars as pl

from parquetry.errors import ParameterError
from parquetry.operations.edits import FileEdit, GroupEdit
from parquetry.operations.footers import Footers
from parquetry.operations.opened import OpenedFile
from parquetry.operations.pruning import Outcomes, Units, outcomes
from parquetry.operations.scope import constants_of
from parquetry.operations.working import in_bundles, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import Flags
    from parquetry.operations.predicates import Predicate
    from parquetry.operations.scope import Scope


Item = TypeVar("Item")

_TOGETHER_ROWS = 262_144
"""Small files are looked into together up to so many rows: asking the engine takes longer than they."""

_FEWEST_BUNDLES = 4


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
    units = Units(constants_of(scope.files, scope.key_types), scope.types)
    possible = outcomes(predicate.tree, units).true
    candidates = [file for file, chance in zip(scope.files, possible, strict=True) if chance]
    for footers in Footers.of_files(candidates, scope.footers):
        look = partial(_look, predicate=predicate, types=scope.types, examine=examine)
        decided = decide(footers, predicate, scope)
        chances = [(footers.opened(number), found) for number, found in decided]
        bundles = _bundles(chances, lambda one: sum(one[0].group_rows))
        yield from in_bundles(look, bundles)


def _bundles(items: Sequence[Item], rows_of: Callable[[Item], int]) -> list[list[Item]]:
    """Return what is looked into together: neighbours up to so many rows, larger ones alone.

    There are several bundles, for two threads work on them.
    """
    bundles: list[list[Item]] = []
    most = min(_TOGETHER_ROWS, sum(map(rows_of, items)) // _FEWEST_BUNDLES)
    left = 0
    for one in items:
        rows = rows_of(one)
        if not bundles or rows > left:
            bundles.append([])
            left = most
        bundles[-1].append(one)
        left -= rows
    return bundles


def decide(footers: Footers, predicate: Predicate, scope: Scope) -> list[tuple[int, Outcomes]]:
    """Return what footers tell of the predicate in each row group of the files where it can be true.

    Files are told by their number.
    """
    constants = constants_of(footers.files, scope.key_types)
    count = int(footers.counts.sum())
    numbers = np.repeat(np.arange(len(footers.files)), footers.counts)
    repeated = constants[numbers.tolist()] if constants.width else pl.DataFrame(height=count)
    found = outcomes(predicate.tree, Units(repeated, scope.types, footers))
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
        for some in _bundles(possible, lambda one: one.rows):
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
        frames = [one.file.frame(one.group, predicate.columns, types) for one in asked]
        where = where_of([one.file for one in asked])
        parts = split(truths(predicate, joined(frames), where), list(map(len, frames)))
        found = zip(asked, parts, strict=True)
        looks += [Look(one.file, one.group, flags) for one, flags in found if flags.any()]
    return looks


def joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of several frames."""
    if len(frames) == 1:
        return frames[0]
    if not frames[0].width:
        return pl.DataFrame(height=sum(map(len, frames)))
    return pl.concat(frames)


def split(flags: Flags, counts: Sequence[int]) -> list[Flags]:
    """Return what belongs to each of several runs of so many rows of what belongs to all of them."""
    return np.split(flags, np.cumsum(counts)[:-1]) if counts else []


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
    opened = [OpenedFile(file) for file in scope.files]
    total = sum(file.footer.num_rows for file in opened)
    if not total:
        return
    read = partial(_read_whole, names=predicate.columns, types=scope.types)
    frames = [frame for frame in in_order(read, opened) if frame.width and len(frame)]
    whole = pl.concat(frames) if frames else pl.DataFrame(height=total)
    flags = truths(predicate, whole, scope.root)
    del whole, frames
    parts = split(flags, [file.footer.num_rows for file in opened])
    work = partial(_examine_all, examine=examine)
    yield from in_order(work, zip(opened, parts, strict=True), len(opened))


def _read_whole(
    file: OpenedFile, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> pl.DataFrame:
    with file:
        groups = range(len(file.group_rows))
        frames = [file.frame(index, names, types) for index in groups]
    return pl.concat(frames) if frames and names else pl.DataFrame()


def _examine_all(one: tuple[OpenedFile, Flags], examine: Examine) -> Match:
    file, flags = one
    parts = enumerate(split(flags, file.group_rows))
    looks = [Look(file, index, here) for index, here in parts if here.any()]
    with file:
        found = zip(looks, examine(looks) if looks else (), strict=True)
        edits = {look.group: edit for look, edit in found if edit is not None}
    return Match(FileEdit(file.file, tuple(file.group_rows), edits), len(flags))
