"""Tuning lays the folder of a table's facts out anew only with a proof that they are the same facts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from parquetry import Store
from parquetry.model.layouts import Layout
from parquetry.storage.local import LocalStorage
from parquetry.tables.content import content_hash
from parquetry.tuning import Config, MetadataStore
from parquetry.tuning.migrations.enqueuing import enqueue_migration
from parquetry.tuning.migrations.worker import Worker
from parquetry.tuning.rewriting.local import LocalRewriter
from parquetry.tuning.rewriting.task import WrittenPart
from tables.test_reshaping_tables import FACTS, WRONG, contents, filled

LAYOUT = Layout(sort_by=("step",), row_group_rows=5)
WRONG_HERE = WRONG | {
    "the sign of a zero": lambda table: (
        pl.DataFrame(pl.from_arrow(table))
        .with_columns(pl.when(pl.col("value") == 0).then(-pl.col("value")).otherwise("value"))
        .to_arrow()
        .cast(table.schema)
    ),
}


class Cheat:
    """A rewriter that writes something else than it was asked for."""

    def __init__(self, change):
        self.change = change

    def __call__(self, task):
        for part in LocalRewriter(LocalStorage())(task):
            for path in part.paths:
                rows = pq.ParquetFile(path).read()
                pq.write_table(self.change(rows), path, row_group_size=5)
            yield WrittenPart(part.number, part.total, part.paths)


@pytest.fixture
def facts(tmp_path):
    return filled(Store(tmp_path / "store").create_dataset("facts", FACTS))


@pytest.fixture
def metadata(tmp_path):
    found = MetadataStore(tmp_path / "metadata.db")
    yield found
    found.close()


def lay_out(facts, metadata, mode, rewriter=None):
    place = str(Path(facts.path).parent)
    enqueue_migration(metadata, place, "facts", LAYOUT, role="active", mode=mode)
    return Worker(metadata, Config(data_dir=place), rewriter=rewriter).run_once()


@pytest.mark.parametrize("mode", ["full", "incremental"])
@pytest.mark.parametrize("wrong", WRONG_HERE, ids=str)
def test_a_wrong_rewrite_of_facts_is_caught_and_discarded(facts, metadata, wrong, mode):
    store = Path(facts.path).parent
    before = contents(store)
    done = lay_out(facts, metadata, mode, Cheat(WRONG_HERE[wrong]))
    assert done.state == "failed"
    assert "hold other rows" in done.message
    assert contents(store) == before


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_right_one_keeps_the_content(facts, metadata, mode):
    told, files = content_hash(facts.files()), set(facts.files())
    done = lay_out(facts, metadata, mode)
    assert done.state == "done", done.message
    assert content_hash(facts.files()) == told
    assert not files & set(facts.files())
