"""Which rows of which files a predicate is true of."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from parquetry.errors import ParameterError
from parquetry.operations.edits import FileEdit, GroupEdit
from parquetry.operations.footers import Footers
from parquetry.operations.opened import OpenedFile
from parquetry.operations.pruning import Outcomes, Units, outcomes
from parquetry.operations.scope import constants_of
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import Flags
    from parquetry.operations.predicates import Predicate
    from parquetry.operations.scope import Scope


Examine: TypeAlias = "Callable[[OpenedFile, int, Flags], GroupEdit | None]"
"""Says what is to happen to a row group, given the rows of which the predicate is true."""


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
        yield from in_order(look, chances, len(chances))


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
        for file in np.unique(numbers[found.true]).tolist()
    ]


def _look(
    one: tuple[OpenedFile, Outcomes],
    predicate: Predicate,
    types: Mapping[str, pa.DataType],
    examine: Examine,
) -> Match:
    file, found = one
    edits: dict[int, GroupEdit] = {}
    scanned = 0
    covered = found.covers
    with file:
        for index, rows in enumerate(file.group_rows):
            if not found.true[index] or not rows:
                continue
            if covered[index]:
                flags = np.ones(rows, bool)
            else:
                scanned += rows
                frame = file.frame(index, predicate.columns, types)
                flags = truths(predicate, frame, file.file.path)
            edit = examine(file, index, flags) if flags.any() else None
            if edit is not None:
                edits[index] = edit
    return Match(FileEdit(file.file, tuple(file.group_rows), edits), scanned)


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
    starts = np.cumsum([0, *(file.footer.num_rows for file in opened)])
    parts = [flags[start:end] for start, end in itertools.pairwise(starts)]
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
    edits = {}
    start = 0
    with file:
        for index, rows in enumerate(file.group_rows):
            here = flags[start : start + rows]
            start += rows
            edit = examine(file, index, here) if here.any() else None
            if edit is not None:
                edits[index] = edit
    return Match(FileEdit(file.file, tuple(file.group_rows), edits), start)
