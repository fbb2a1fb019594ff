"""Text to Parquet, once, so that a block of a scenario is read without the rest."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.commits.home import Home
from parquetry.commits.staging import open_staging
from parquetry.errors import ParameterError, SchemaMismatchError
from parquetry.files.encoder import told
from parquetry.series.finding import PARQUET, is_stale, names_in
from parquetry.series.layout import SeriesLayout, write_part
from parquetry.series.parts import part_name
from parquetry.series.structures import as_floats
from parquetry.series.texts import DELIMITERS, read_text
from parquetry.storage.exchange import ExchangeUnsupportedError
from parquetry.storage.folders import find_stat, make_folders, walk_files
from parquetry.storage.local import LocalStorage

if TYPE_CHECKING:
    from parquetry.commits.staging import Staging
    from parquetry.series.indexing import Floats
    from parquetry.series.layout import Compression
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True, slots=True)
class ConvertedSeries:
    """One series that was converted, or was up to date.

    Args:
        name: The series.
        source: The text file.
        path: The Parquet file, or the folder of files by scenario range.
        layout: How it is cut.
        source_bytes: The size of the text.
        bytes: The size of the Parquet files.
        written: Whether it was written now.
    """

    name: str
    source: str
    path: str
    layout: SeriesLayout | None
    source_bytes: int
    bytes: int
    written: bool


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What a conversion has done.

    Args:
        folder: The folder of series.
        series: One entry a text file, by name.
    """

    folder: str
    series: tuple[ConvertedSeries, ...]

    @property
    def written(self) -> int:
        """How many series were written."""
        return sum(series.written for series in self.series)


def convert_series(
    folder: str | os.PathLike[str],
    block_length: int = 168,
    *,
    compression: Compression = "none",
    overwrite: bool = False,
) -> ConvertReport:
    """Write a Parquet twin of every text series of a folder; up-to-date twins are left as they are.

    Args:
        folder: The folder of series.
        block_length: The steps that a simulation solves at once; row groups are multiples of it.
        compression: Plain is fastest to read; "lz4" and "zstd" are smaller.
        overwrite: Whether to write twins anew that are up to date.

    **Guarantees:** a twin appears, or takes an old one's place, whole and durable. A text that cannot be
    read stops the conversion before anything is written.

    Raises:
        NotFoundError: There is no such folder.
        ParameterError: The block length is not positive, or two texts have one name.
        SchemaMismatchError: A text holds something else than rows of numbers.
    """
    root = os.path.abspath(os.fspath(folder))
    if block_length < 1:
        raise ParameterError(f"A block has at least one step, not {block_length}.")
    texts = _text_files(root)
    due = {name: overwrite or _is_due(text, root, name) for name, text in texts.items()}
    values = {name: read_text(texts[name]) for name in texts if due[name]}
    done = []
    for name, text in texts.items():
        target = os.path.join(root, name + PARQUET)
        layout = None
        if due[name]:
            layout = write_series(target, values.pop(name), block_length, compression=compression)
        sizes = os.path.getsize(text), _size(target)
        done.append(ConvertedSeries(name, text, target, layout, *sizes, due[name]))
    return ConvertReport(root, tuple(done))


def write_series(
    path: str | os.PathLike[str],
    values: Floats,
    block_length: int = 168,
    *,
    compression: Compression = "none",
) -> SeriesLayout:
    """Write an array (steps, scenarios) as a series; one that stands there is replaced.

    The folder is made if it is not there.

    **Guarantees:** the series appears, or takes the old one's place, whole and durable.

    Raises:
        SchemaMismatchError: The values are no numbers, or no table of steps and scenarios.
        StorageError: The disk refused.
    """
    target = os.path.abspath(os.fspath(path))
    matrix = as_floats(values, 2, "series of steps and scenarios")
    rows, columns = matrix.shape
    if not columns:
        raise SchemaMismatchError(
            f"A series has at least one scenario. Nothing was written to {target}."
        )
    layout = SeriesLayout.of(rows, columns, block_length)
    storage = LocalStorage()
    make_folders(storage, os.path.dirname(target))
    with open_staging(Home.of(os.path.dirname(target)), storage) as staging:
        staged = _stage(storage, staging, matrix, layout, compression)
        _put(storage, staged, target, staging)
        storage.sync(os.path.dirname(target))
    return layout


def _text_files(root: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names_in(root):
        base, suffix = os.path.splitext(name)
        if suffix not in DELIMITERS or name.startswith("."):
            continue
        if base in found:
            raise ParameterError(
                f"{name} and {os.path.basename(found[base])} in {root} would both become "
                f"{base}{PARQUET}. Nothing was written. Remove or rename one of them."
            )
        found[base] = os.path.join(root, name)
    return found


def _is_due(text: str, root: str, name: str) -> bool:
    target = os.path.join(root, name + PARQUET)
    return not os.path.exists(target) or is_stale(text, target)


def _stage(
    storage: Storage,
    staging: Staging,
    values: Floats,
    layout: SeriesLayout,
    compression: Compression,
) -> str:
    ranges = layout.column_ranges()
    staged = staging.new_path()
    paths = [staged]
    if len(ranges) > 1:
        storage.make_folder(staged)
        paths = [f"{staged}/{part_name(columns)}" for columns in ranges]
    for path, columns in zip(paths, ranges, strict=True):
        with told(), storage.create(path) as sink:
            write_part(sink, values, columns, layout.row_group_rows, compression)
    storage.sync_all([*paths, staged] if len(ranges) > 1 else paths)
    return staged


def _put(storage: Storage, staged: str, target: str, staging: Staging) -> None:
    """Give a staged file or folder its place; what stood there goes to staging, and with it."""
    if find_stat(storage, target) is None:
        storage.rename(staged, target)
        return
    try:
        storage.exchange(staged, target)
    except ExchangeUnsupportedError:
        storage.rename(target, staging.new_path())
        storage.rename(staged, target)


def _size(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    names = (f"{path}/{name}" for name, _ in walk_files(LocalStorage(), path))
    return sum(os.path.getsize(name) for name in names)
