"""A look at a whole dataset before it is reshaped: footers, keys, and what the folders say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import types as pt

from parquetry.commits.kept_schema import find_kept_schema
from parquetry.commits.snapshots import take_snapshot
from parquetry.errors import CorruptionError, LayoutError, NotFoundError, SchemaMismatchError
from parquetry.files.footer_table import read_together
from parquetry.files.footers import KnownFooters, footer_batches, parse_footer
from parquetry.files.splicing.meaning import ARROW_SCHEMA
from parquetry.model.hive import split_path, value_text
from parquetry.model.partitions import infer_type, parse_text
from parquetry.model.schema import normal_schema, unite
from parquetry.operations.constant_columns import find_constants
from parquetry.operations.surveyed import SurveyedFile, survey_footer, survey_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyarrow.parquet import FileMetaData

    from parquetry.commits.home import Home
    from parquetry.model.changes import FileState, Snapshot
    from parquetry.storage.protocol import Storage


@dataclass(frozen=True)
class Survey:
    """A dataset as it was at one moment.

    Args:
        root: Its folder.
        version: The version that its log had reached.
        keys: The partition keys with their types, outermost first.
        trusted: The keys that the files hold and that are known to agree with the folders.
        columns: All columns in normal form: those of the files, then the keys of the paths alone.
        files: Its files, sorted by path.
    """

    root: str
    version: int
    keys: Mapping[str, pa.DataType]
    trusted: frozenset[str]
    columns: pa.Schema
    files: tuple[SurveyedFile, ...]
    _values: dict[tuple[str, str | None], Any] = field(default_factory=dict, repr=False)
    _scalars: dict[tuple[str, str | None, int], pa.Scalar] = field(default_factory=dict, repr=False)

    def path_of(self, file: SurveyedFile) -> str:
        """Return the absolute path of a file."""
        return f"{self.root}/{file.state.path}"

    def path_value(self, key: str, file: SurveyedFile) -> Any:
        """Return what a file's folders say for a key, typed.

        Raises:
            LayoutError: The folder's text is no value of the key's type.
        """
        text = file.texts[list(self.keys).index(key)]
        known = (key, text)
        if known not in self._values:
            try:
                self._values[known] = parse_text(text, self.keys[key])
            except LayoutError as error:
                raise LayoutError(f"{self.path_of(file)}: {error.message}") from error
        return self._values[known]

    def holds(self, file: SurveyedFile, key: str) -> bool:
        """Return whether a file is proved to hold a partition key in every row as its folder says it."""
        text = file.texts[list(self.keys).index(key)]
        said = file.constants.get(key)
        return said is not None and all(
            value is not None and value_text(value) == text
            for value, rows in zip(said, file.group_rows, strict=True)
            if rows
        )

    def repeated(self, file: SurveyedFile) -> dict[str, pa.Scalar]:
        """Return the partition keys that a file is proved to hold, so that they need no decoding."""
        if not file.rows:
            return {}
        return {key: self._held(file, key) for key in self.keys if self.holds(file, key)}

    def _held(self, file: SurveyedFile, key: str) -> pa.Scalar:
        """Return the value of a key that a file holds; one object for all files that are alike in it."""
        text = file.texts[list(self.keys).index(key)]
        known = (key, text, id(file.schema))
        if known not in self._scalars:
            value = next(v for v in file.constants[key] if v is not None)
            self._scalars[known] = _scalar(value, file.schema.field(key).type)
        return self._scalars[known]

    @property
    def seen(self) -> frozenset[str]:
        """The relative paths of all files."""
        return frozenset(file.state.path for file in self.files)


def _scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    """Return a value for Arrow, without its own way there, which loads pandas wherever it is."""
    return pl.Series([value]).to_arrow().cast(kind)[0]


def take_survey(home: Home, storage: Storage, columns: Sequence[str] = ()) -> Survey:
    """Return what the names and footers of a dataset say.

    Args:
        home: The dataset.
        storage: The disk.
        columns: Of which columns to find out where they have one value in a whole row group, besides
            the partition keys.

    **Cost:** one `scandir` a folder, one `stat` and one read a file; no data.

    Raises:
        NotFoundError: There is no such dataset.
        LayoutError: The partition of a file is ambiguous, or a file has two names.
        CorruptionError: A file is no Parquet file.
        SchemaMismatchError: Two files have types for a column that no type holds without loss.
    """
    snapshot = take_snapshot(home, storage)
    if not snapshot.files and not snapshot.version:
        raise NotFoundError(
            f"There is nothing to reshape at {home.root}: the folder holds no Parquet file. Nothing was "
            "changed. Check the path.",
            path=home.root,
        )
    _refuse_twins(home, snapshot)
    files, keys = _look_into(home, snapshot, columns)
    schemas = list({id(file.schema): file.schema for file in files}.values())
    united = unite(_checked(schemas, files, home), home.root)
    types = {key: _key_type(key, place, united, files) for place, key in enumerate(keys)}
    kept = find_kept_schema(home, storage)
    ours = set(kept.partition_by) if kept else set()
    trusted = {key for key in keys if key in ours and all(key in one.names for one in schemas)}
    fields = {one.name: one.type for one in united} | {
        key: kind for key, kind in types.items() if key not in united.names
    }
    return Survey(
        home.root,
        snapshot.version,
        types,
        frozenset(trusted),
        pa.schema(list(fields.items())),
        tuple(files),
    )


def _refuse_twins(home: Home, snapshot: Snapshot) -> None:
    names = Counter(file.inode for file in snapshot.files)
    twins = [file.path for file in snapshot.files if names[file.inode] > 1]
    if twins:
        raise LayoutError(
            f"{home.root}/{twins[0]} is one file under several names, so its rows would count twice. "
            "Nothing was changed. Remove one of the names, or make a copy of the file.",
            path=f"{home.root}/{twins[0]}",
        )


def _look_into(
    home: Home, snapshot: Snapshot, columns: Sequence[str]
) -> tuple[list[SurveyedFile], list[str]]:
    schemas = _Schemas()
    texts: dict[str, tuple[str | None, ...]] = {}
    keys: list[str] = []
    for state in snapshot.files:
        if state.folder not in texts:
            segments = split_path(state.path)[0]
            keys = [segment.key for segment in segments]
            texts[state.folder] = tuple(segment.text for segment in segments)
    wanted = list(dict.fromkeys([*columns, *keys]))
    found: list[SurveyedFile] = []
    paths = [f"{home.root}/{state.path}" for state in snapshot.files]
    for raw in footer_batches(paths, KnownFooters()):
        states = snapshot.files[len(found) : len(found) + len(raw)]
        found += _understand(home.root, states, raw, texts, schemas, wanted)
    return found, keys


def _understand(
    root: str,
    states: Sequence[FileState],
    raw: Sequence[bytes],
    texts: Mapping[str, tuple[str | None, ...]],
    schemas: _Schemas,
    wanted: Sequence[str],
) -> list[SurveyedFile]:
    """Return what footers say: those of one shape together, the others one by one."""
    found: dict[int, SurveyedFile] = {}
    tables, alone = read_together(raw)
    for table in tables:
        members = table.members.tolist()
        these = [states[number] for number in members]
        schema = schemas.of(table.example, f"{root}/{these[0].path}")
        said = [texts[state.folder] for state in these]
        surveyed = survey_table(table, these, said, schema, wanted)
        if surveyed is None:
            alone += members
        else:
            found |= zip(members, surveyed, strict=True)
    for number in alone:
        state = states[number]
        path = f"{root}/{state.path}"
        footer = parse_footer(raw[number], path)
        schema = schemas.of(footer, path)
        constants = find_constants(footer, schema, wanted)
        found[number] = survey_footer(state, footer, texts[state.folder], schema, constants)
    return [found[number] for number in range(len(states))]


class _Schemas:
    """One Arrow schema for each distinct schema of files; understanding one takes a while."""

    def __init__(self) -> None:
        self._known: list[tuple[Any, bytes | None, pa.Schema]] = []

    def of(self, footer: FileMetaData, path: str) -> pa.Schema:
        arrow = (footer.metadata or {}).get(ARROW_SCHEMA.encode())
        parquet = footer.schema
        for schema, said, result in self._known:
            if said == arrow and schema.equals(parquet):
                return result
        try:
            result = parquet.to_arrow_schema()
        except pa.ArrowException as error:
            raise CorruptionError(
                f"{path} has a schema that cannot be understood: {error}. Nothing was changed. Move "
                "the file out of the dataset.",
                path=path,
            ) from error
        self._known.append((parquet, arrow, result))
        return result


def _checked(
    schemas: Iterable[pa.Schema], files: Sequence[SurveyedFile], home: Home
) -> list[pa.Schema]:
    """Return schemas in normal form; one without columns, or with one name twice, is refused."""
    checked = []
    for schema in schemas:
        if not schema.names or len(set(schema.names)) != len(schema.names):
            path = next(file.state.path for file in files if file.schema is schema)
            what = "a column twice" if schema.names else "no columns"
            raise SchemaMismatchError(
                f"{home.root}/{path} has {what}, so its rows cannot be told. Nothing was changed. Move "
                "the file out of the dataset, or write it again.",
                path=f"{home.root}/{path}",
            )
        checked.append(normal_schema(schema))
    return checked


def _key_type(
    key: str, place: int, columns: pa.Schema, files: Sequence[SurveyedFile]
) -> pa.DataType:
    if key in columns.names and not pt.is_null(columns.field(key).type):
        return columns.field(key).type
    return infer_type({file.texts[place] for file in files})
