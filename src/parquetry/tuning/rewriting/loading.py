"""The rows of a dataset's files as a rewriting moves them: text that has small dictionaries in codes.

A row is moved once or twice before it is encoded again, at random. A code of four bytes moves in a third
of the time of a text, and is neither made into a text before nor looked up behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types as pt

from parquetry.files.footers import read_footer
from parquetry.files.text_codes import CODES, in_codes, text_in_codes
from parquetry.model.schema import part_of
from parquetry.operations.joined_output import fitted
from parquetry.operations.opened import told
from parquetry.operations.routing import Routes
from parquetry.operations.working import in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from parquetry.operations.surveyed import SurveyedFile
    from parquetry.operations.surveying import Survey


@dataclass(frozen=True)
class Loading:
    """How files are decoded.

    Args:
        survey: The files, and how the dataset sees them.
        codes: The text columns that stay in codes.
    """

    survey: Survey
    codes: tuple[str, ...]

    @classmethod
    def of(cls, survey: Survey, written: pa.Schema) -> Loading:
        """Return how files are decoded to be written anew.

        **Cost:** reads their footers.

        Args:
            survey: The files.
            written: The columns as the new files declare them.
        """
        may = [name for name in survey.columns.names if _may_be_codes(name, survey, written)]
        if len(may) == len(survey.columns):
            may = may[1:]  # what is decoded beside them says where row groups end
        wanted = part_of(survey.columns, may)

        def in_file(file: SurveyedFile) -> set[str]:
            path = survey.path_of(file)
            with told(path):
                return set(text_in_codes(read_footer(path), wanted))

        found = set(may)
        for names in in_order(in_file, survey.files if may else ()):
            found &= names
        return cls(survey, tuple(name for name in may if name in found))

    @property
    def schema(self) -> pa.Schema:
        """The columns of the rows."""
        return in_codes(self.survey.columns, self.codes)

    def load(self, file: SurveyedFile) -> Iterator[pa.Table]:
        """Yield the rows of a file as the dataset sees them: with what its folders say."""
        columns = self.survey.columns
        others = [name for name in columns.names if name not in self.codes]
        routes = Routes(self.survey, tuple(others), None, 0, only_keys=bool(self.codes))
        rest = part_of(columns, others)
        tables = (fitted(one, rest) for one in routes.load(file))
        if not self.codes:
            yield from tables
            return
        path = self.survey.path_of(file)
        with told(path), _reader(path, self.codes) as reader:
            groups = iter(range(len(file.group_rows)))
            for table in tables:
                coded = reader.read_row_groups(
                    _next_groups(groups, file.group_rows, table.num_rows),
                    list(self.codes),
                    use_threads=False,
                )
                yield self._together(table, coded)

    def _together(self, table: pa.Table, coded: pa.Table) -> pa.Table:
        columns = [
            coded[name].cast(CODES) if name in self.codes else table[name]
            for name in self.schema.names
        ]
        return pa.table(columns, schema=self.schema)


def _may_be_codes(name: str, survey: Survey, written: pa.Schema) -> bool:
    if name in survey.keys or survey.columns.field(name).type != pa.string():
        return False
    kind = written.field(name).type
    return bool(pt.is_string(kind) or pt.is_large_string(kind))


def _reader(path: str, codes: Sequence[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        path, read_dictionary=list(codes), page_checksum_verification=True, pre_buffer=False
    )


def _next_groups(groups: Iterator[int], group_rows: Sequence[int], rows: int) -> list[int]:
    """Return the next row groups that have so many rows together."""
    found: list[int] = []
    while rows > 0:
        found.append(next(groups))
        rows -= group_rows[found[-1]]
    return found
