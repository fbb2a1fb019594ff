"""What a session has solved, scenario by scenario: a Hive dataset, or tables in memory."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.commits.placing import place, sync_placed
from parquetry.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    ParameterError,
    SchemaMismatchError,
)
from parquetry.files.encoder import told
from parquetry.model.hive import decode_segment, encode_segment, partition_folder
from parquetry.series.solver_tables import RUN_ID, SCENARIO
from parquetry.storage.folders import make_folders, write_file

if TYPE_CHECKING:
    import polars as pl

    from parquetry.commits.home import Home
    from parquetry.commits.staging import Staging
    from parquetry.storage.protocol import Storage

_FILE = "data.parquet"


class Results(Protocol):
    """Where the tables of finished scenarios go."""

    def finished(self) -> set[int]:
        """Return the scenarios that were finished before."""

    def keep(self, scenario: int, table: pa.Table) -> None:
        """Keep the table of a finished scenario."""

    def frame(self) -> pl.LazyFrame:
        """Return everything, by scenario."""


class MemoryResults:
    """Tables in memory, for a session without an output."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._tables: dict[int, pa.Table] = {}

    def finished(self) -> set[int]:
        """Return nothing: a new session starts anew."""
        return set()

    def keep(self, scenario: int, table: pa.Table) -> None:
        """Keep a table."""
        schema = next(iter(self._tables.values())).schema if self._tables else None
        self._tables[scenario] = with_run(table, self._run_id, schema, scenario)

    def frame(self) -> pl.LazyFrame:
        """Return everything, by scenario."""
        import polars as pl  # workers that only solve do without

        if not self._tables:
            return pl.LazyFrame()
        tables = [self._tables[scenario] for scenario in sorted(self._tables)]
        frame = pl.from_arrow(pa.concat_tables(tables))
        return pl.DataFrame(frame).lazy()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run is about, so that another run is not continued by mistake.

    Args:
        settings: Time scope, mode and lengths.
        solve: The solver's name.
    """

    settings: dict[str, Any]
    solve: str

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps({"settings": self.settings, "solve": self.solve}, sort_keys=True)


class DatasetResults:
    """A Hive dataset `run_id=…/scenario=…`, one file a scenario.

    **Guarantees:** a scenario is there whole and durable, or not at all, also after a kill.

    Args:
        home: The dataset.
        storage: The disk.
        staging: Where files are written before they are placed.
        run_id: The run.
    """

    def __init__(self, home: Home, storage: Storage, staging: Staging, run_id: str) -> None:
        self._home = home
        self._storage = storage
        self._staging = staging
        self._run_id = run_id
        self._folder = f"{home.root}/{partition_folder({RUN_ID: run_id})}"
        self._schema: pa.Schema | None = None

    def finished(self) -> set[int]:
        """Return the scenarios whose file is there."""
        return finished_scenarios(self._home.root, self._run_id)

    def begin(self, record: RunRecord) -> None:
        """Write down what the run is about, or compare it with what was written down before.

        Raises:
            ParameterError: The run was begun with other settings.
        """
        folder = f"{self._home.state}/runs"
        path = f"{folder}/{encode_segment(RUN_ID, self._run_id)}.json"
        make_folders(self._storage, folder)
        staged = self._staging.new_path()
        write_file(self._storage, staged, record.to_json().encode())
        with suppress(AlreadyExistsError):
            self._storage.link(staged, path)
            self._storage.sync(path)
        found = self._storage.read_bytes(path).decode()
        if found != record.to_json():
            raise ParameterError(
                f"The run {self._run_id!r} in {self._home.root} was begun with other settings: {found}; "
                f"now they are {record.to_json()}. Nothing was solved. Use another run_id, or the old "
                "settings."
            )

    def keep(self, scenario: int, table: pa.Table) -> None:
        """Write the file of a scenario.

        Raises:
            ConflictError: Another session has written it in the meantime.
            StorageError: The disk refused.
        """
        table = with_run(table, self._run_id, self._known_schema(), scenario)
        self._schema = table.schema
        staged = self._staging.new_path()
        with told(), self._storage.create(staged) as sink:
            pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
        self._storage.sync(staged)
        values = {RUN_ID: self._run_id, SCENARIO: scenario}
        try:
            dirty = place(self._home, self._storage, staged, f"{partition_folder(values)}/{_FILE}")
        except AlreadyExistsError as error:
            raise ConflictError(
                f"Scenario {scenario} of the run {self._run_id!r} was written by another session in the "
                "meantime. Its result was kept. Let one session at a time do a run."
            ) from error
        sync_placed(self._storage, dirty)

    def frame(self) -> pl.LazyFrame:
        """Return everything, by scenario."""
        return scan_results(self._home.root, self._run_id)

    def _known_schema(self) -> pa.Schema | None:
        if self._schema is None and (known := sorted(self.finished())):
            values = {RUN_ID: self._run_id, SCENARIO: known[0]}
            self._schema = pq.read_schema(f"{self._home.root}/{partition_folder(values)}/{_FILE}")
        return self._schema


def finished_scenarios(output: str, run_id: str) -> set[int]:
    """Return the scenarios of a run whose results are there."""
    folder = f"{output}/{partition_folder({RUN_ID: run_id})}"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return set()
    found = set()
    for name in names:
        segment = decode_segment(name)
        is_whole = os.path.exists(f"{folder}/{name}/{_FILE}")
        if is_whole and segment is not None and segment.key == SCENARIO and segment.text:
            found.add(int(segment.text))
    return found


def scan_results(output: str, run_id: str) -> pl.LazyFrame:
    """Return the results of a run as a lazy frame, by scenario.

    Raises:
        NotFoundError: The run has none.
    """
    import polars as pl  # workers that only solve do without

    known = sorted(finished_scenarios(output, run_id))
    if not known:
        raise NotFoundError(
            f"The run {run_id!r} has no finished scenario in {output}.", path=output
        )
    folders = [partition_folder({RUN_ID: run_id, SCENARIO: scenario}) for scenario in known]
    paths = [f"{output}/{folder}/{_FILE}" for folder in folders]
    return pl.scan_parquet(paths, hive_partitioning=False, glob=False)


def with_run(table: pa.Table, run_id: str, schema: pa.Schema | None, scenario: int) -> pa.Table:
    """Return a table with the run in front, of the same columns and types as the other scenarios.

    Raises:
        SchemaMismatchError: The columns are others, or the values do not fit the types.
    """
    table = table.add_column(0, RUN_ID, pa.array([run_id] * len(table), pa.string()))
    if schema is None or table.schema == schema:
        return table
    try:
        return (
            table.select(schema.names).cast(schema)
            if _same(table, schema)
            else _refuse(table, schema)
        )
    except (pa.ArrowException, ValueError) as error:
        raise SchemaMismatchError(
            f"The table of scenario {scenario} does not fit those of the others: {error}. It was not "
            "kept, the others were. Let `solve` return the same columns and types for every scenario."
        ) from error


def _same(table: pa.Table, schema: pa.Schema) -> bool:
    return set(table.column_names) == set(schema.names)


def _refuse(table: pa.Table, schema: pa.Schema) -> pa.Table:
    raise ValueError(f"it has {', '.join(table.column_names)}, and they {', '.join(schema.names)}")
