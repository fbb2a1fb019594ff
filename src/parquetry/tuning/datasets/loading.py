"""`load`: Parquet and CSV files become a dataset, in one commit, whatever they did to their columns."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.errors import CorruptionError, SchemaMismatchError
from parquetry.experiments.conversion.column_types import typed_column
from parquetry.experiments.conversion.reading_csv import read_csv
from parquetry.tuning.datasets.finding import find_files
from parquetry.tuning.datasets.generating import refuse_existing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from parquetry.dataset import Dataset
    from parquetry.tuning.datasets.finding import SourceFile

_BATCH_ROWS = 524_288


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: files and rows of the source, and what was done about differing columns."""

    table: str
    path: str
    source_files: int
    rows: int
    columns: int
    notes: tuple[str, ...]


def load(
    dataset: Dataset,
    source_path: str | os.PathLike[str],
    *,
    pattern: str = "*",
    append: bool = False,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Loaded:
    """Copy a file or a folder of Parquet and CSV files into a dataset, in one commit.

    The columns are united: one that a file lacks is NULL there, types are widened or cast where every
    value survives it, and a name that changed its capitals between files (`airport_fee`,
    `Airport_fee`) is taken for one column, under the spelling of the first file. Folders named
    `key=value` give columns. The source is never changed.

    **Guarantees:** all rows of all files are there or none.

    **Cost:** every file is read and encoded once; memory is that of 524,288 rows, or of one CSV.

    Args:
        dataset: Where to; made if absent.
        source_path: A .parquet or .csv file, or a folder of them.
        pattern: Which files of the folder, by their names.
        append: Whether rows may come to rows that are there.
        on_progress: Called with files done, files in all, and the file at hand.

    Raises:
        NotFoundError: There is nothing to load.
        AlreadyExistsError: The dataset holds rows, and `append` was not asked for.
        RequestError: The files are of several kinds of tables.
        SchemaMismatchError: A column of a file can be brought into no common type without loss.
        CorruptionError: A file cannot be read; it is named.
    """
    if not append:
        refuse_existing(dataset, "add to it (--append), or load under another name")
    files = find_files(os.path.abspath(os.fspath(source_path)), pattern)
    known = dataset.schema.names if dataset.exists and dataset.files() else []
    loading = _Loading(files, known, on_progress)
    try:
        record = dataset.append(loading.batches())
    except SchemaMismatchError as error:
        raise SchemaMismatchError(f"{loading.at}: {error}", path=loading.at) from error
    return Loaded(
        dataset.name,
        dataset.path,
        len(files),
        record.rows_added,
        len(dataset.schema),
        tuple(dict.fromkeys(loading.notes)),
    )


class _Loading:
    """The rows of some files, and where in them we are."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        known: Sequence[str],
        on_progress: Callable[[int, int, str], None] | None,
    ) -> None:
        self.files = files
        self.at = files[0].path
        self.notes: list[str] = []
        self._spelling = {name.lower(): name for name in known}
        self._keys = _key_columns(files)
        self._on_progress = on_progress

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows, file by file."""
        for number, file in enumerate(self.files):
            self.at = file.path
            for table in self._tables(file):
                if table.num_rows:
                    yield self._with_keys(self._spelt(table), number)
            if self._on_progress is not None:
                self._on_progress(number + 1, len(self.files), file.path)

    def _tables(self, file: SourceFile) -> Iterator[pa.Table]:
        if not file.is_csv:
            yield from _parquet_tables(file.path)
            return
        with open(file.path, "rb") as opened:
            table = read_csv(opened.read(), file.path)
        self.notes += table.notes
        yield table.frame.to_arrow()

    def _spelt(self, table: pa.Table) -> pa.Table:
        names = []
        for name in table.column_names:
            spelling = self._spelling.setdefault(name.lower(), name)
            if spelling != name:
                self.notes.append(f"the column {name!r} is taken for {spelling!r}")
            names.append(spelling)
        return table.rename_columns(names)

    def _with_keys(self, table: pa.Table, number: int) -> pa.Table:
        for key, values in self._keys.items():
            if key not in table.column_names:
                value = pa.array([values[number]], type=values.type)
                repeated = value.take(pa.array([0] * table.num_rows, pa.int8()))
                table = table.append_column(key, repeated)
        return table


def _key_columns(files: Sequence[SourceFile]) -> dict[str, pa.Array]:
    """Return the values of each folder key, one a file, with the type that fits all of them."""
    keys = dict.fromkeys(key for file in files for key, _ in file.keys)
    columns = {}
    for key in keys:
        texts = pl.Series(key, [dict(file.keys).get(key) for file in files], dtype=pl.String)
        columns[key] = typed_column(texts)[0].to_arrow()
    return columns


def _parquet_tables(path: str) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise CorruptionError(
            f"{path} cannot be read: {str(error).splitlines()[0]}. Nothing was loaded. Fetch the "
            "file anew, or leave it out (--pattern).",
            path=path,
        ) from error
