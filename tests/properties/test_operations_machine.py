"""Deletes, updates, upserts, appends, restores and crashes in any order, against a list of rows."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from doubles.faulty import Died, FaultyStorage
from operations.folders import Folder
from parquetry.commits.history import read_history
from parquetry.commits.restoring import restore
from parquetry.errors import KeyViolationError
from parquetry.operations import bundled_rewriting, rewriting, rewriting_together
from parquetry.operations.backups import restore_backup
from parquetry.operations.deleting import delete
from parquetry.operations.updating import update
from parquetry.operations.upserting import upsert

KINDS = {"day": pl.String, "k": pl.Int64, "v": pl.Float64, "t": pl.String}
Row = tuple[str | None, int, float | None, str | None]

days = st.sampled_from(["a", "b", None, "ü/%"])
keys = st.integers(0, 9)
values = st.sampled_from([None, 0.0, 1.5, -2.0, float("nan")])
texts = st.sampled_from([None, "", "x", "y"])
some_rows = st.lists(st.tuples(days, keys, values, texts), min_size=1, max_size=6)
distinct_rows = st.lists(
    st.tuples(days, keys, values, texts), min_size=1, max_size=6, unique_by=lambda row: row[1]
)
conditions = st.one_of(
    keys.map(lambda k: pl.col("k") >= k),
    keys.map(lambda k: pl.col("k") == k),
    st.sampled_from(["a", "b"]).map(lambda d: pl.col("day") == d),
    st.tuples(st.sampled_from(["a", "b"]), keys).map(
        lambda both: (pl.col("day") == both[0]) & (pl.col("k") < both[1])
    ),
    st.sampled_from(
        [
            pl.col("v") > 0,
            ~(pl.col("v") > 0),
            pl.col("t").is_null(),
            pl.col("day").is_null(),
            pl.col("t").is_in(["x", ""]),
            pl.col("k").is_duplicated(),
        ]
    ),
)
settings_of = st.sampled_from(
    [
        {"v": 7.0},
        {"v": pl.col("k").cast(pl.Float64), "t": "set"},
        {"day": "b"},
        {"t": None, "day": "moved"},
    ]
)


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, KINDS, orient="row")


def bag(rows: list[Row]) -> Counter[Any]:
    return Counter(map(repr, rows))  # in which NaN is equal to NaN


class OperationsMachine(RuleBasedStateMachine):
    """The model is a list of rows."""

    @initialize(rows=some_rows, small=st.sampled_from([1, 32_768]))
    def start(self, rows: list[Row], small: int) -> None:
        self.store = Path(tempfile.mkdtemp(prefix="machine-"))
        self.usual, rewriting.SMALL_GROUP_ROWS = rewriting.SMALL_GROUP_ROWS, small
        self.worth = bundled_rewriting.WORTH_A_BUNDLE
        bundled_rewriting.WORTH_A_BUNDLE = rewriting_together.WORTH_A_BUNDLE = 2
        self.folder = Folder(self.store, FaultyStorage())  # which spares the real syncs
        self.rows: list[Row] = []
        self.past: list[list[Row]] = [[]]
        self.backup: str | None = None
        self.lost: list[Row] = []  # what that backup brings back
        self.append(rows)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            rewriting.SMALL_GROUP_ROWS = self.usual
            bundled_rewriting.WORTH_A_BUNDLE = rewriting_together.WORTH_A_BUNDLE = self.worth
            shutil.rmtree(self.store)

    def _became(self, rows: list[Row], version: int | None) -> None:
        if version is None:
            assert bag(rows) == bag(self.rows)
            return
        self.rows = rows
        self.past.append(rows)
        assert version == len(self.past) - 1

    @rule(rows=some_rows)
    def append(self, rows: list[Row]) -> None:
        self.folder.append(frame(rows), "day")
        self._became(self.rows + rows, len(self.past))

    @rule(condition=conditions, backed=st.booleans())
    def delete(self, condition: pl.Expr, backed: bool) -> None:
        target = self.store / "backups" if backed else None
        result = delete(*self.folder.parts, condition, backup_dir=target)
        left = frame(self.rows).filter(~condition.fill_null(value=False)).rows()
        assert result.rows_deleted == len(self.rows) - len(left)
        self.lost = frame(self.rows).filter(condition.fill_null(value=False)).rows()
        self._became(left, result.version)
        self.backup = result.backup

    @rule(condition=conditions, new=settings_of)
    def update(self, condition: pl.Expr, new: dict[str, Any]) -> None:
        result = update(*self.folder.parts, condition, new)
        hit = condition.fill_null(value=False)
        wanted = frame(self.rows).with_columns(
            pl.when(hit)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value))
            .otherwise(pl.col(name))
            .alias(name)
            for name, value in new.items()
        )
        changed = [
            a != b for a, b in zip(map(repr, self.rows), map(repr, wanted.rows()), strict=True)
        ]
        assert result.rows_updated == sum(changed)
        self._became(wanted.rows(), result.version)
        self.backup = None if result.version else self.backup

    @rule(rows=distinct_rows, columns=st.sampled_from([None, ["v"], ["day", "t"], []]))
    def upsert(self, rows: list[Row], columns: list[str] | None) -> None:
        new = {row[1]: row for row in rows}
        there = Counter(row[1] for row in self.rows)

        def call(how: Any) -> Any:
            return upsert(
                *self.folder.parts,
                frame(rows),
                ["k"],
                update_columns=columns,
                on_duplicate_target=how,
            )

        if any(there[key] > 1 for key in new):
            try:
                call("error")
            except KeyViolationError:
                pass
            else:
                raise AssertionError("a key stands twice")
            self._replace(new, there, call("update_all"), columns)
            return
        self._replace(new, there, call("error"), columns)

    def _replace(self, new: dict[int, Row], there: Counter[int], result, columns) -> None:
        names = list(KINDS)
        chosen = [
            n for n in range(4) if names[n] != "k" and (columns is None or names[n] in columns)
        ]
        became = []
        for row in self.rows:
            source = new.get(row[1], row)
            became.append(tuple(source[n] if n in chosen else row[n] for n in range(4)))
        added = [row for key, row in new.items() if not there[key]]
        assert result.rows_inserted == len(added)
        assert result.rows_updated == sum(
            repr(a) != repr(b) for a, b in zip(self.rows, became, strict=True)
        )
        self._became(became + added, result.version)
        self.backup = None if result.version else self.backup

    @rule(rows=distinct_rows)
    def upsert_over_duplicates(self, rows: list[Row]) -> None:
        new = {row[1]: row for row in rows}
        result = upsert(*self.folder.parts, frame(rows), ["k"], on_duplicate_target="replace")
        self._became([r for r in self.rows if r[1] not in new] + rows, result.version)
        self.backup = None if result.version else self.backup

    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, len(self.past) - 1))
        record = restore(self.folder.home, self.folder.disk, version)
        self._became(self.past[version], record and record.version)
        self.backup = None if record else self.backup

    @rule()
    def restore_the_last_backup(self) -> None:
        if self.backup is None:
            return
        record = restore_backup(self.backup, storage=self.folder.disk)
        self._became(self.rows + self.lost, record.version)
        self.backup = None

    @rule(condition=conditions, call=st.integers(1, 60))
    def die_while_deleting(self, condition: pl.Expr, call: int) -> None:
        other = Folder(self.store, FaultyStorage(call, "die"))
        left = frame(self.rows).filter(~condition.fill_null(value=False)).rows()
        died = False
        try:
            delete(*other.parts, condition)
        except Died:
            died = True
        done = len(read_history(self.folder.home, self.folder.disk)) == len(self.past)
        assert died or done == (len(left) < len(self.rows))
        if done:
            self._became(left, len(self.past))
            self.backup = None

    @invariant()
    def a_glob_finds_the_rows(self) -> None:
        if hasattr(self, "folder") and self.folder.files():
            found = self.folder.frame().select(list(KINDS)).rows()
            assert bag(found) == bag(self.rows)
        elif hasattr(self, "folder"):
            assert not self.rows


TestOperationsMachine = OperationsMachine.TestCase
TestOperationsMachine.settings = settings(
    max_examples=100,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
