"""Layouts, changes of every kind and questions in any order: a routed answer is the dataset's own."""

from __future__ import annotations

import datetime as dt
import math
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from doubles.faulty import FaultyStorage
from parquetry.access.polars_scan import scan
from parquetry.commits.dead_layouts import remove_dead_layouts
from parquetry.commits.home import Home
from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError, UnknownColumnError
from parquetry.model.layouts import Cut, Layout, PartitionKey, Quantiles
from parquetry.tuning.replicas.folder import list_replicas, retire_replica
from tuning.replicas import ask, bag, eager_router, make_replica

SCHEMA = pa.schema(
    {
        "k": pa.string(),
        "n": pa.int64(),
        "x": pa.float64(),
        "s": pa.string(),
        "seen": pa.timestamp("us"),
        "tags": pa.list_(pa.int64()),
    }
)
MOMENTS = [dt.datetime(2024, 1, 1), dt.datetime(2024, 2, 29, 12), dt.datetime(2025, 1, 1)]
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "ü/%", None]),
        st.sampled_from([None, *range(8)]),
        st.sampled_from([None, -1.5, 0.0, 2.5, math.nan, math.inf]),
        st.sampled_from([None, "", "ab", "abc", "b"]),
        st.sampled_from([None, *MOMENTS]),
        st.sampled_from([None, [], [1, 2]]),
    ),
    min_size=1,
    max_size=12,
)
small = {"row_group_rows": 3}
layouts = st.sampled_from(
    [
        Layout(sort_by=("n",), **small),
        Layout(sort_by=("x", "n"), bloom_columns=("s",), **small),
        Layout(partition_by=(PartitionKey("seen", "month"),), sort_by=("s",), **small),
        Layout(
            partition_by=(PartitionKey("k"),), sort_by=("seen",), target_file_bytes=100, **small
        ),
        Layout(
            sort_by=("n", "x"),
            curve="hilbert",
            quantiles=(Quantiles("n", (2, 4, 6)), Quantiles("x", (0.0, 2.0))),
            **small,
        ),
        Layout(cuts=(Cut("s", "=", "ab", ~0, 1), Cut("n", "<", 4, ~1, ~2)), **small),
        Layout(**small),
    ]
)
conditions = st.sampled_from(
    [
        "n = 3",
        "n < 2 OR n > 6",
        "n IN (1, 5, NULL)",
        "n IS NULL",
        "NOT (n >= 4)",
        "x > 1",
        "x = 'NaN'",
        "x <= 0.0",
        "x IS NOT NULL AND x <> 2.5",
        "s LIKE 'ab%'",
        "s = 'b' AND n > 2",
        "k = 'a'",
        "k IN ('b', 'ü/%')",
        "k IS NULL AND n < 5",
        "seen >= TIMESTAMP '2024-02-01'",
        "seen < '2024-06-01' AND k <> 'a'",
        "true",
        "false",
    ]
)


def table_of(found: list[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*found, strict=True))
    return pa.table(
        [pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)],
        schema=SCHEMA,
    )


class RoutingMachine(RuleBasedStateMachine):
    """One router sees everything that happens to one dataset."""

    @initialize(found=rows, is_ours=st.booleans())
    def start(self, found: list[tuple[Any, ...]], is_ours: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="routing-"))
        self.path = str(self.folder / "t")
        self.storage = FaultyStorage()  # which spares the real syncs
        self.dataset = Dataset(self.path, storage=self.storage)
        self.router = eager_router()
        self.versions = 0
        if is_ours:
            self.dataset.append(table_of(found), partition_by=["k"])
        else:
            self.put_foreign(found, "first")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def put_foreign(self, found: list[tuple[Any, ...]], name: str) -> None:
        frame = pl.DataFrame(pl.from_arrow(table_of(found)))
        for (key,), part in frame.group_by("k"):
            text = "__HIVE_DEFAULT_PARTITION__" if key is None else str(key).replace("/", "%2F")
            folder = Path(self.path) / f"k={text.replace('ü%2F%', '%C3%BC%2F%25')}"
            folder.mkdir(parents=True, exist_ok=True)
            part.drop("k").write_parquet(folder / f"{name}-{len(os.listdir(folder))}.parquet")

    def files(self) -> list[str]:
        return sorted(self.dataset.files())

    @rule(found=rows, ours=st.booleans())
    def append(self, found: list[tuple[Any, ...]], ours: bool) -> None:
        if ours:
            self.dataset.append(table_of(found), partition_by=["k"])
        else:
            self.put_foreign(found, "dropped")

    @rule(n=st.integers(0, 7))
    def delete(self, n: int) -> None:
        self.dataset.delete(pl.col("n") == n)

    @rule(n=st.integers(0, 7), x=st.sampled_from([math.nan, 1.0]))
    def update(self, n: int, x: float) -> None:
        self.dataset.update(pl.col("n") == n, {"x": x})

    @rule()
    def compact(self) -> None:
        self.dataset.compact()

    @precondition(lambda self: self.dataset.history())
    @rule(back=st.integers(1, 3))
    def restore(self, back: int) -> None:
        with suppress(CorruptionError):  # of a file that was overwritten in place
            self.dataset.restore(max(0, len(self.dataset.history()) - back))

    @rule(number=st.integers(0, 20), found=rows, keeps_size=st.booleans())
    def overwrite_in_place(
        self, number: int, found: list[tuple[Any, ...]], keeps_size: bool
    ) -> None:
        """As no one should, and some do: other rows under the same name, in the same inode."""
        files = self.files()
        if not files:
            return
        path = files[number % len(files)]
        held = pq.ParquetFile(path).schema_arrow
        table = table_of(found).select([name for name in SCHEMA.names if name in held.names])
        if "k" in held.names:
            key = pq.read_table(path, columns=["k"], partitioning=None)["k"]
            table = table.set_column(0, "k", pa.array([key[0].as_py()] * len(table), pa.string()))
        content = pa.BufferOutputStream()
        pq.write_table(table, content)
        with open(path, "r+b") as file:
            if not keeps_size:
                file.truncate()
            file.write(content.getvalue())
            file.truncate()

    @rule(number=st.integers(0, 20))
    def remove_a_file(self, number: int) -> None:
        files = self.files()
        if len(files) > 1:
            os.unlink(files[number % len(files)])

    @rule(
        layout=layouts,
        mode=st.sampled_from(["full", "incremental"]),
        memory=st.sampled_from([1 << 30, 1]),
    )
    def lay_out(self, layout: Layout, mode: str, memory: int) -> None:
        with suppress(UnknownColumnError):  # no file is left to have it
            make_replica(
                self.path,
                layout,
                storage=self.storage,
                mode=mode,
                memory_bytes=max(memory, 4_000),
                batch_bytes=2_000,
            )

    @rule(number=st.integers(0, 5))
    def lose_a_replica_file(self, number: int) -> None:
        """Somebody clears up where he should not."""
        found = sorted(self.folder.glob(".parquetry/datasets/t/layouts/*/*.pq"))
        if found:
            found[number % len(found)].unlink()

    @rule()
    def vacuum_layouts(self) -> None:
        remove_dead_layouts(Home.of(self.path), self.storage)

    @rule()
    def retire(self) -> None:
        home = Home.of(self.path)
        for layout_id in list_replicas(home, self.storage)[:1]:
            retire_replica(home, self.storage, layout_id)

    @rule(asked=st.lists(conditions, min_size=1, max_size=3))
    def ask(self, asked: list[str]) -> None:
        for condition in asked:
            self.same(f"SELECT * FROM t WHERE {condition}")
            self.same(
                "SELECT a.k, count(*) FROM t a "
                f"LEFT JOIN (FROM t WHERE {condition}) b ON a.n = b.n GROUP BY a.k"
            )
        self.same("SELECT a.n, b.s FROM t a LEFT JOIN t b ON a.n = b.n WHERE b.s IS NULL")

    @invariant()
    def everything_is_there(self) -> None:
        if hasattr(self, "dataset"):
            self.same("SELECT * FROM t")
            self.same("SELECT count(*), count(x), max(n) FROM t WHERE n > 2")
            found = scan(self.dataset.source, router=self.router).filter(pl.col("n") > 2).collect()
            plain = scan(self.dataset.source).filter(pl.col("n") > 2).collect()
            assert found.schema == plain.schema
            assert bag(found.to_arrow()) == bag(plain.to_arrow())

    def same(self, sql: str) -> None:
        own_schema, own, _ = ask(self.dataset.source, sql)
        schema, found, layouts = ask(self.dataset.source, sql, self.router)
        assert schema == own_schema, sql
        assert found == own, (sql, layouts)


RoutingMachine.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestRouting = RoutingMachine.TestCase
