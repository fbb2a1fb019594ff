"""How the rows of a dataset are laid out: in which order, cut how, with what beside them.

A layout is a value that says everything: the boundaries of a space-filling curve and the questions of
query-driven cuts stand in it, so that writing rows in a layout is a pure function of rows and layout.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from parquetry.errors import CorruptionError, FormatVersionError, LayoutError
from parquetry.model.layout_values import decode_value, encode_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1
INITIAL = "initial"
"""The name of the layout in which a dataset was found."""
ROW_GROUP_ROWS = 61_440
"""Half of what DuckDB writes: it costs nothing when all is read, and finds single rows sooner."""
TARGET_FILE_BYTES = 128 * 2**20
_MAX_BOUNDARIES = 255

Truncation: TypeAlias = Literal["year", "month", "day", "hour"]
Curve: TypeAlias = Literal["hilbert", "z-order"]
CutOperator: TypeAlias = Literal["<", "<=", "=", "in"]


@dataclass(frozen=True, slots=True)
class PartitionKey:
    """A column by whose values rows are kept apart, or by the time span that its values fall into."""

    column: str
    truncate: Truncation | None = None

    def describe(self) -> str:
        """Return the key as people write it: `month(pickup)`."""
        return f"{self.truncate}({self.column})" if self.truncate else self.column


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Ascending values that divide the rows of a column into parts of about the same size.

    A row stands in the part whose number is the count of values that are not above its own; NULL
    stands in the last part.
    """

    column: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A question about one column that sends a row one way or the other.

    Args:
        column: The column.
        operator: How its value is compared. NULL never fulfils a comparison.
        value: With what; a tuple of values for `in`.
        met: Where a row goes that fulfils it: the number of a later cut, or `~leaf`.
        unmet: Where any other row goes.
    """

    column: str
    operator: CutOperator
    value: Any
    met: int
    unmet: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where rows stand: by partition keys first, then by curve or cuts, then by the sort columns.

    Args:
        partition_by: Keys by which rows are kept apart: a file holds rows of one partition.
        sort_by: The columns that rows are sorted by, ascending, NULL last. With a curve it runs
            through these columns.
        curve: The space-filling curve that orders the rows, if one does.
        quantiles: For each column of the curve, the boundaries of its cells.
        cuts: A tree of questions; rows are ordered by the leaf that they end in. The first is its root.
        row_group_rows: The rows of a full row group.
        target_file_bytes: How large files should become.
        bloom_columns: Columns that get Bloom filters.
        compression: The codec.

    Raises:
        LayoutError: The layout contradicts itself.
    """

    partition_by: tuple[PartitionKey, ...] = ()
    sort_by: tuple[str, ...] = ()
    curve: Curve | None = None
    quantiles: tuple[Quantiles, ...] = ()
    cuts: tuple[Cut, ...] = ()
    row_group_rows: int = ROW_GROUP_ROWS
    target_file_bytes: int = TARGET_FILE_BYTES
    bloom_columns: tuple[str, ...] = ()
    compression: str = "zstd"

    def __post_init__(self) -> None:
        """Refuse a layout that contradicts itself."""
        if self.row_group_rows < 1 or self.target_file_bytes < 1:
            raise LayoutError("A layout needs row groups and files of at least one row and byte.")
        _check_curve(self)
        _check_cuts(self.cuts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that decide where a row stands, each once."""
        keys = (key.column for key in self.partition_by)
        return tuple(dict.fromkeys((*keys, *(cut.column for cut in self.cuts), *self.sort_by)))

    @property
    def layout_id(self) -> str:
        """Its name, the same wherever the same layout is made: `layout_1f0c22ab`."""
        return f"layout_{hashlib.sha256(self.to_json().encode()).hexdigest()[:8]}"

    def describe(self) -> str:
        """Return the layout in one line for people."""
        parts = []
        if self.partition_by:
            parts.append("partition by " + ", ".join(key.describe() for key in self.partition_by))
        if self.cuts:
            asked = ", ".join(dict.fromkeys(cut.column for cut in self.cuts))
            parts.append(f"{len(self.cuts)} cuts by {asked}")
        if self.sort_by:
            columns = ", ".join(self.sort_by)
            parts.append(f"{self.curve} of {columns}" if self.curve else f"sort by {columns}")
        parts.append(f"{self.row_group_rows:,} rows a row group")
        if self.bloom_columns:
            parts.append("Bloom filters on " + ", ".join(self.bloom_columns))
        if self.compression != "zstd":
            parts.append(self.compression)
        return "; ".join(parts)

    def to_json(self) -> str:
        """Return the layout as a JSON document, the same for the same layout."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "partition_by": [[key.column, key.truncate] for key in self.partition_by],
            "sort_by": list(self.sort_by),
            "curve": self.curve,
            "quantiles": [
                [one.column, list(map(encode_value, one.values))] for one in self.quantiles
            ],
            "cuts": [
                [cut.column, cut.operator, encode_value(cut.value), cut.met, cut.unmet]
                for cut in self.cuts
            ],
            "row_group_rows": self.row_group_rows,
            "target_file_bytes": self.target_file_bytes,
            "bloom_columns": list(self.bloom_columns),
            "compression": self.compression,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Layout:
        """Return the layout of a JSON document.

        Raises:
            FormatVersionError: A newer parquetry wrote it.
            CorruptionError: It is no layout.
        """
        try:
            document = json.loads(text)
            written = int(document.pop("format"))
            if written <= FORMAT:
                return cls(**_fields(document))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptionError(
                f"This is no layout: {str(text)[:200]} ({error}). The data is not touched by this. "
                "Propose the layout anew, or restore the document from a backup."
            ) from error
        raise FormatVersionError(
            f"The layout has format {written}; this parquetry knows formats up to {FORMAT}. "
            "Nothing was changed. Update parquetry to use this layout."
        )


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layout from its document."""
    return {
        **document,
        "partition_by": tuple(PartitionKey(*key) for key in document["partition_by"]),
        "sort_by": tuple(document["sort_by"]),
        "quantiles": tuple(
            Quantiles(column, tuple(map(decode_value, values)))
            for column, values in document["quantiles"]
        ),
        "cuts": tuple(
            Cut(column, operator, decode_value(value), met, unmet)
            for column, operator, value, met, unmet in document["cuts"]
        ),
        "bloom_columns": tuple(document["bloom_columns"]),
    }


def _check_curve(layout: Layout) -> None:
    if layout.curve is None and not layout.quantiles:
        return
    if layout.curve not in get_args(Curve):
        raise LayoutError(f"{layout.curve!r} is no curve: choose one of {get_args(Curve)}.")
    known = tuple(one.column for one in layout.quantiles)
    if len(layout.sort_by) not in {2, 3} or known != layout.sort_by:
        raise LayoutError(
            f"A {layout.curve} curve runs through two or three sort columns, each with its quantiles; "
            f"the sort columns are {layout.sort_by}, and there are quantiles of {known}."
        )
    if any(not 1 <= len(one.values) <= _MAX_BOUNDARIES for one in layout.quantiles):
        raise LayoutError(f"The quantiles of a curve are 1 to {_MAX_BOUNDARIES} values a column.")


def _check_cuts(cuts: Sequence[Cut]) -> None:
    leaves: list[int] = []
    inner: list[int] = []
    for number, cut in enumerate(cuts):
        if cut.operator not in get_args(CutOperator):
            raise LayoutError(f"{cut.operator!r} is no cut: choose one of {get_args(CutOperator)}.")
        for target in (cut.met, cut.unmet):
            (inner if target >= 0 else leaves).append(target)
            if 0 <= target <= number:
                raise LayoutError(f"Cut {number} leads back to cut {target}; cuts are a tree.")
    if cuts and (
        sorted(inner) != list(range(1, len(cuts)))
        or sorted(~leaf for leaf in leaves) != list(range(len(cuts) + 1))
    ):
        raise LayoutError(
            "The cuts are no tree: each cut but the first and each leaf is led to once."
        )
