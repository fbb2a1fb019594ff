"""Which rows of which files a predicate is true of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from parquetry.errors import ParameterError
from parquetry.operations.opened import OpenedFile
from parquetry.operations.pruning import Units, outcomes
from parquetry.operations.scope import constants_of
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from parquetry.operations.bounds import Flags
    from parquetry.operations.predicates import Predicate
    from parquetry.operations.pruning import Outcomes
    from parquetry.operations.scope import Scope, ScopedFile

_BATCH = 512  # files whose footers are held at once


@dataclass(frozen=True, slots=True)
class Hits:
    """Some rows of a row group, in an eighth of a byte each; all of them in none.

    Args:
        rows: How many rows the row group has.
        count: How many of them are hit.
        packed: One bit a row; None if all are hit.
    """

    rows: int
    count: int
    packed: bytes | None

    @classmethod
    def of(cls, flags: Flags) -> Hits:
        """Return the rows whose flag is set."""
        count = int(np.count_nonzero(flags))
        packed = None if count == len(flags) else np.packbits(flags).tobytes()
        return cls(len(flags), count, packed)

    @classmethod
    def all_of(cls, rows: int) -> Hits:
        """Return all rows."""
        return cls(rows, rows, None)

    @property
    def is_all(self) -> bool:
        """Whether no row is spared."""
        return self.packed is None

    def flags(self) -> Flags:
        """Return one flag a row."""
        if self.packed is None:
            return np.ones(self.rows, bool)
        bits = np.unpackbits(np.frombuffer(self.packed, np.uint8), count=self.rows)
        return bits.astype(bool)


@dataclass(frozen=True)
class FileMatch:
    """What a predicate found in one file.

    Args:
        file: The file.
        group_rows: How many rows each row group has.
        hits: By the number of the row group, its rows of which the predicate is true; none without.
        scanned: How many rows were decoded to find out.
    """

    file: ScopedFile
    group_rows: tuple[int, ...]
    hits: Mapping[int, Hits]
    scanned: int

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return sum(self.group_rows)

    @property
    def count(self) -> int:
        """How many rows are hit."""
        return sum(one.count for one in self.hits.values())

    @property
    def is_all(self) -> bool:
        """Whether no row is spared."""
        return self.count == self.rows


def find_matches(scope: Scope, predicate: Predicate) -> Iterator[FileMatch]:
    """Yield what a predicate finds, for each file where it cannot be told that it finds nothing.

    **Cost:** the footers of the files whose folders do not rule them out; of the row groups that their
    statistics do not decide, the columns of the predicate. Two row groups are decoded at a time. A
    predicate that looks at other rows than its own needs its columns of all rows at once.
    """
    if not predicate.by_row:
        yield from _find_in_whole(scope, predicate)
        return
    possible = outcomes(
        predicate.tree, Units(constants_of(scope.files, scope.key_types), scope.types)
    ).true
    candidates = [file for file, chance in zip(scope.files, possible, strict=True) if chance]
    for start in range(0, len(candidates), _BATCH):
        opened = [OpenedFile(file) for file in candidates[start : start + _BATCH]]
        decided = decide(opened, predicate, scope)
        look = partial(_look, predicate=predicate, types=scope.types)
        yield from in_order(look, zip(opened, decided, strict=True))


def decide(opened: Sequence[OpenedFile], predicate: Predicate, scope: Scope) -> list[Outcomes]:
    """Return, for each file, what footers tell of the predicate in each of its row groups."""
    places = [place for file in opened for place in file.places]
    numbers = np.repeat(np.arange(len(opened)), [len(file.group_rows) for file in opened])
    constants = constants_of([file.file for file in opened], scope.key_types)
    repeated = constants[numbers] if constants.width else pl.DataFrame(height=len(places))
    found = outcomes(predicate.tree, Units(repeated, scope.types, places))
    cuts = np.cumsum([len(file.group_rows) for file in opened])[:-1]
    parts = [np.split(flags, cuts) for flags in found]
    return [type(found)(*(part[n] for part in parts)) for n in range(len(opened))]


def _look(
    one: tuple[OpenedFile, Outcomes], predicate: Predicate, types: Mapping[str, pa.DataType]
) -> FileMatch:
    file, found = one
    hits: dict[int, Hits] = {}
    scanned = 0
    covered = found.covers
    with file:
        for index, rows in enumerate(file.group_rows):
            if not found.true[index] or not rows:
                continue
            if covered[index]:
                hits[index] = Hits.all_of(rows)
                continue
            scanned += rows
            frame = file.frame(index, predicate.columns, types)
            hit = Hits.of(truths(predicate, frame, file.file.path))
            if hit.count:
                hits[index] = hit
    return FileMatch(file.file, tuple(file.group_rows), hits, scanned)


def truths(predicate: Predicate, frame: pl.DataFrame, where: str) -> Flags:
    """Return of which rows a predicate is true: neither false nor unknown.

    Raises:
        ParameterError: It cannot be evaluated.
    """
    found = evaluate(predicate.expr, frame, where)
    return found.cast(pl.Boolean).fill_null(value=False).to_numpy()


def evaluate(expr: pl.Expr, frame: pl.DataFrame, where: str) -> pl.Series:
    """Return the values of an expression, one a row.

    Raises:
        ParameterError: It cannot be evaluated.
    """
    try:
        found = frame.select(expr.alias("\0value")).get_column("\0value")
    except (
        Exception,
        pl.exceptions.PanicException,
    ) as error:  # a user's function may raise anything
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


def _find_in_whole(scope: Scope, predicate: Predicate) -> Iterator[FileMatch]:
    opened = [OpenedFile(file) for file in scope.files]
    total = sum(file.footer.num_rows for file in opened)
    if not total:
        return
    read = partial(_read_whole, names=predicate.columns, types=scope.types)
    frames = [frame for frame in in_order(read, opened) if frame.width and len(frame)]
    whole = pl.concat(frames) if frames else pl.DataFrame(height=total)
    flags = truths(predicate, whole, scope.root)
    start = 0
    for file in opened:
        hits = {}
        for index, rows in enumerate(file.group_rows):
            one = Hits.of(flags[start : start + rows])
            start += rows
            if one.count:
                hits[index] = one
        yield FileMatch(file.file, tuple(file.group_rows), hits, sum(file.group_rows))


def _read_whole(
    file: OpenedFile, names: Sequence[str], types: Mapping[str, pa.DataType]
) -> pl.DataFrame:
    with file:
        groups = range(len(file.group_rows))
        frames = [file.frame(index, names, types) for index in groups]
    return pl.concat(frames) if frames and names else pl.DataFrame()
