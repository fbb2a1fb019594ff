"""Facts in other files: proved value by value, and whatever is no proof is thrown away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from parquetry import Dataset, ParquetCompactor, ParquetCRUD, Repartitioner, Store, write_event_rows
from parquetry.errors import CorruptionError, LayoutError, RequestError
from parquetry.operations import repartitioning
from parquetry.operations.joints import Joint
from parquetry.tables import TableSchema, column
from parquetry.tables.content import content_hash

COLUMNS = (
    column("run_id", "string"),
    column("step", "int64"),
    column("split", "string"),
    column("value", "float32?"),
    column("names", "list<string>?"),
)
FACTS = TableSchema(
    "facts", COLUMNS, primary_key=("run_id", "step"), partition_by=("run_id",), sort_by=("step",)
)
OPINIONS = replace(
    FACTS,
    name="opinions",
    kind="interpretation",
    columns=(*COLUMNS, column("analysis_id", "string", default="default")),
    primary_key=("run_id", "step", "analysis_id"),
)


def rows(start: int, run: str = "a") -> list[dict[str, object]]:
    return [
        {
            "run_id": run,
            "step": step,
            "split": "train" if step % 2 else "val",
            "value": None if step == 1 else float("nan") if step == 2 else step / 4,
            "names": ["x", str(step)],
        }
        for step in range(start, start + 3)
    ]


def filled(dataset: Dataset) -> Dataset:
    for start in (0, 3, 6):
        dataset.append(rows(start) + rows(start, "b"))
    return dataset


@pytest.fixture
def facts(tmp_path):
    return filled(Store(tmp_path / "store").create_dataset("facts", FACTS))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "lock" not in path.name
    }


RESHAPE = {
    "compact": lambda path: Dataset(path).compact(),
    "ParquetCompactor": lambda path: ParquetCompactor(path).compact(),
    "compact aside": lambda path: ParquetCompactor(path).compact(delete_source_files=False),
    "repartition": lambda path: Dataset(path).repartition(["run_id", "split"]),
    "repartition to nothing": lambda path: Dataset(path).repartition([]),
    "Repartitioner": lambda path: Repartitioner(path, f"{path}_new", ["split"]).repartition(),
    "Repartitioner, not asked": lambda path: Repartitioner(
        path, f"{path}_new", ["split"]
    ).repartition(validate=False),
}


def spoil(monkeypatch, change):
    """Let every new file hold something else than it should."""
    right = Joint.stage

    def wrong(self, storage, staging, style):
        new = right(self, storage, staging, style)
        spoiled = change(pq.ParquetFile(new.source).read())
        Path(new.source).unlink()
        with storage.create(new.source) as sink:
            pq.write_table(spoiled, sink)
        return replace(new, rows=spoiled.num_rows, bytes=Path(new.source).stat().st_size)

    def one_by_one(joints, *others):
        return [joint.stage(*others) for joint in joints]

    monkeypatch.setattr(Joint, "stage", wrong)
    monkeypatch.setattr(repartitioning, "stage_each", one_by_one)


def _polars(table, *exprs):
    return pl.DataFrame(pl.from_arrow(table)).with_columns(*exprs).to_arrow().cast(table.schema)


WRONG = {
    "a value": lambda table: _polars(table, (pl.col("step") + 1)),
    "a NULL": lambda table: _polars(table, pl.lit(None, pl.Float32).alias("value")),
    "an element of a list": lambda table: _polars(
        table, pl.concat_list(pl.lit("y"), pl.col("names").list.slice(1)).alias("names")
    ),
    "values of other rows": lambda table: _polars(table, pl.col("value").reverse()),
    "one row twice instead of another": lambda table: table.take([0] * 2 + [*range(2, len(table))]),
}


@pytest.mark.parametrize("verb", RESHAPE, ids=str)
@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_rewrite_of_facts_is_caught_and_discarded(facts, monkeypatch, verb, wrong):
    store = Path(facts.path).parent
    before = contents(store)
    spoil(monkeypatch, WRONG[wrong])
    with pytest.raises(CorruptionError, match="hold other rows") as caught:
        RESHAPE[verb](facts.path)
    assert caught.value.outcome == "unchanged"
    after = contents(store)
    assert {k: v for k, v in after.items() if "_new/" not in k and "_compacted/" not in k} == before
    assert not [name for name in after if name.endswith(".parquet") and name not in before]


@pytest.mark.parametrize("verb", RESHAPE, ids=str)
def test_a_right_one_keeps_the_content(facts, verb):
    told = content_hash(facts.files())
    RESHAPE[verb](facts.path)
    assert content_hash(facts.files()) == told
    for aside in ("facts_new", "facts_compacted"):
        copy = Dataset(Path(facts.path).parent / aside)
        if copy.exists:
            assert content_hash(copy.files()) == told


def test_a_wrong_rewrite_of_plain_rows_is_found_where_it_is_asked_for(tmp_path, monkeypatch):
    plain = filled(Store(tmp_path / "store").dataset("plain"))
    spoil(monkeypatch, WRONG["a value"])
    with pytest.raises(CorruptionError, match="hold other rows"):
        Repartitioner(plain.path, tmp_path / "new", ["split"]).repartition(validate="content")


CHANGES = {
    "a function in place": lambda path: Dataset(path).repartition(
        ["split"], transform=lambda frame: frame.with_columns(value=None)
    ),
    "a new dataset in place of a table": lambda path: Repartitioner(
        path, f"{path}_typed", ["run_id"]
    ).repartition(),
    "units of an experiment": lambda path: write_event_rows(
        [{"seed": 1, "x": 1}], Path(path).parent / "typed_units", {"a": 1}
    ),
}


@pytest.mark.parametrize("table", [FACTS, OPINIONS], ids=lambda table: table.kind)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_nothing_is_a_way_around_the_table(tmp_path, table, change):
    store = Store(tmp_path / "store")
    dataset = filled(store.create_dataset("facts", table))
    store.create_dataset("facts_typed", table)
    Store(tmp_path / "store" / "typed_units").create_dataset("events", table)
    before = contents(tmp_path)
    with pytest.raises(RequestError, match="nothing would hold these rows to it"):
        CHANGES[change](dataset.path)
    assert contents(tmp_path) == before


def test_facts_do_not_leave_their_table(facts):
    with pytest.raises(RequestError, match="facts are only ever added"):
        Repartitioner(facts.path, f"{facts.path}_new", ["split"]).repartition(delete_source=True)
    assert facts.count() == 18
    assert not Path(f"{facts.path}_new").exists()


def test_a_backup_is_no_way_to_double_a_key(tmp_path):
    dataset = filled(Store(tmp_path / "store").create_dataset("opinions", OPINIONS))
    crud = ParquetCRUD(dataset.path, backup_dir=tmp_path / "backups")
    done = crud.delete(pl.col("step") == 1)
    dataset.append([row for row in rows(0) if row["step"] == 1])
    with pytest.raises(RequestError, match="restore"):
        crud.restore_backup(done["backup"])
    keys = dataset.scan().select(OPINIONS.primary_key).collect()
    assert keys.height == 17
    assert not keys.is_duplicated().any()


def test_the_function_of_a_new_dataset_may_change_facts_there(facts, tmp_path):
    told = content_hash(facts.files())
    Repartitioner(facts.path, tmp_path / "doubled", ["split"]).repartition(
        transform_fn=lambda frame: frame.with_columns(pl.col("value") * 2)
    )
    assert content_hash(facts.files()) == told
    assert Dataset(tmp_path / "doubled").table is None


def test_a_table_is_never_repartitioned_by_what_must_not_name_folders(facts):
    with pytest.raises(LayoutError, match="'step'"):
        facts.repartition(["step"])
    with pytest.raises(LayoutError, match="'value'"):
        facts.plan_repartition(["run_id", "value"])
    assert facts.partition_by == ("run_id",)
