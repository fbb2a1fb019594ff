"""Which rows of which files go to which new partition."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from parquetry.errors import LayoutError, UnknownColumnError
from parquetry.model.hive import encode_segment, partition_folder
from parquetry.operations.joined_output import fitted
from parquetry.operations.parts import Piece, load_each
from parquetry.operations.transforming import transformed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from parquetry.operations.spilling import Sorter
    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey
    from parquetry.operations.transforming import Transform

_NOTHING: Mapping[str, pa.Table] = MappingProxyType({})


@dataclass(frozen=True)
class Routes:
    """How rows find their new partition.

    Args:
        survey: The dataset.
        keys: The new keys.
        transform: A function that the rows pass through first.
        batch_rows: How many rows at a time.
        only_keys: Whether to decode no other columns, since rows are only counted.
    """

    survey: Survey
    keys: tuple[str, ...]
    transform: Transform | None
    batch_rows: int
    only_keys: bool = False

    def route(
        self,
        files: Sequence[SurveyedFile],
        sorter: Sorter,
        loaded: Mapping[str, pa.Table] = _NOTHING,
    ) -> int:
        """Give all rows of the files to the sorter, and return how many came out of the transform.

        Args:
            files: The files.
            sorter: Takes their rows.
            loaded: What `load_small` has decoded of them.

        Raises:
            UnknownColumnError: The transform did not give a column to partition by.
            LayoutError: A value cannot name a folder.
            CorruptionError: A file cannot be decoded.
        """
        if self.transform is None:
            for file in files:
                self._route(file, sorter, loaded.get(file.state.path))
            return sum(file.rows for file in files)
        rows = 0
        for table in transformed(self._rows(files), self.transform, self.batch_rows):
            missing = [key for key in self.keys if key not in table.column_names]
            if missing:
                raise not_found(missing, table.column_names, "the rows that transform_fn gave back")
            sorter.add_rows(table)
            rows += table.num_rows
        return rows

    def known(self, files: Sequence[SurveyedFile]) -> dict[str, str]:
        """Return the names of the folders for keys that have one value in all rows of these files."""
        if self.transform is not None:
            return {}
        return {
            key: encode_segment(key, self.survey.path_value(key, files[0]))
            for place, key in enumerate(self.survey.keys)
            if key in self.keys and len({file.texts[place] for file in files}) == 1
        }

    def load(self, file: SurveyedFile) -> Iterator[pa.Table]:
        """Yield the rows of a file as the dataset sees them: with what its folders say."""
        only_keys = self.only_keys and self.transform is None  # which may look at any column
        yield from self._piece(file, None, only_keys=only_keys).load()

    def load_small(self, files: Sequence[SurveyedFile]) -> dict[str, pa.Table]:
        """Return the rows of files, by their paths, that are best decoded together.

        These are files of the same columns of which all rows have to be decoded.
        """
        alike: dict[tuple[int, tuple[str, ...]], dict[str, Piece]] = defaultdict(dict)
        for file in files:
            told = (self._values(file, number) for number in range(len(file.group_rows)))
            if file.rows and not any(told):
                piece = self._piece(file, None, only_keys=self.only_keys)
                alike[id(file.schema), tuple(piece.decoded.names)][file.state.path] = piece
        return {
            path: table
            for pieces in alike.values()
            if len(pieces) > 1 and next(iter(pieces.values())).decoded
            for path, table in zip(pieces, load_each([*pieces.values()]), strict=True)
        }

    def _rows(self, files: Sequence[SurveyedFile]) -> Iterator[pa.Table]:
        for file in files:
            for table in self.load(file):
                yield fitted(table, self.survey.columns)

    def _route(self, file: SurveyedFile, sorter: Sorter, loaded: pa.Table | None) -> None:
        """Send whole row groups where statistics and folders tell their partition, else rows."""
        if loaded is not None:
            sorter.add_rows(loaded)
            return
        known: dict[str, list[int]] = defaultdict(list)
        unknown = []
        for number, rows in enumerate(file.group_rows):
            values = self._values(file, number)
            if values is not None and rows:
                known[partition_folder(values)].append(number)
            elif rows:
                unknown.append(number)
        everything = len(file.group_rows)
        for folder, numbers in known.items():
            whole = len(numbers) == everything
            sorter.add_part(folder, self._piece(file, None if whole else tuple(numbers)))
        if unknown:
            for table in self._piece(file, tuple(unknown), only_keys=self.only_keys).load():
                sorter.add_rows(table)

    def _values(self, file: SurveyedFile, group: int) -> dict[str, Any] | None:
        """Return the values of the new keys in a row group, or None if they are not known."""
        values = {}
        for key in self.keys:
            if key in self.survey.keys:
                values[key] = self.survey.path_value(key, file)
            elif key not in file.schema.names:
                values[key] = None
            elif (said := file.constants.get(key)) is not None and said[group] is not None:
                values[key] = said[group]
            else:
                return None
        return values

    def _piece(
        self, file: SurveyedFile, groups: tuple[int, ...] | None, *, only_keys: bool = False
    ) -> Piece:
        constants = {
            key: self._scalar(key, kind, file)
            for key, kind in self.survey.keys.items()
            if not self._holds(file, key)
        }
        for key in self.keys:
            if key not in self.survey.keys and key not in file.schema.names and not self.transform:
                constants[key] = pa.scalar(None, self.survey.columns.field(key).type)
        schema = file.schema
        if only_keys:
            schema = pa.schema([field for field in schema if field.name in self.keys])
            constants = {key: value for key, value in constants.items() if key in self.keys}
        repeated = self.survey.repeated(file)
        path = self.survey.path_of(file)
        return Piece(path, schema, file.group_rows, groups, constants, repeated)

    def _scalar(self, key: str, kind: pa.DataType, file: SurveyedFile) -> pa.Scalar:
        value = self.survey.path_value(key, file)
        held = file.schema.field(key).type if key in file.schema.names else kind
        for target in (held, kind):
            try:
                return pa.scalar(value, target)
            except (pa.ArrowException, OverflowError):
                continue
        raise LayoutError(
            f"{self.survey.path_of(file)}: the folder says {key}={value!r}, which is no {kind}, the "
            "type of that column. Nothing was changed. Rename the folder.",
            path=self.survey.path_of(file),
        )

    def _holds(self, file: SurveyedFile, key: str) -> bool:
        """Whether a file holds a key in every row as its folder says it."""
        if key not in file.schema.names:
            return False
        return key in self.survey.trusted or self.survey.holds(file, key)


def not_found(missing: Sequence[str], columns: Sequence[str], where: str) -> UnknownColumnError:
    """Return the error for columns to partition by that are not there."""
    return UnknownColumnError(
        f"Partition columns not found in data: {', '.join(map(repr, missing))}. {where} has the columns "
        f"{', '.join(columns)}. Nothing was changed. Add the missing ones by a "
        "transform_fn, such as time_parts('timestamp') for year, month, day and hour."
    )
