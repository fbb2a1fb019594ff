"""`parquetry demo`: a small, honest sweep, asked, broken and found whole."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from parquetry.store import Store

_BEST = """
select function, algo, dimensions, count(distinct seed) as seeds,
       median(final_regret) as median_regret, min(final_regret) as best
from seeds_from_events join grids using (grid_id)
group by all order by function, dimensions, median_regret
"""
_CURVE = """
select algo, event_id // 25 * 25 as evaluations, median(regret) as median_regret
from events where function = 'rosenbrock' and dimensions = 10
group by all order by algo, evaluations
"""
_UNITS = """
select count(*) as units, sum(total_events) as events,
       count(*) filter (total_events not in (100, 200)) as broken
from seeds_from_events
"""
_OUTLIER = 10_000


def demo(
    out: Annotated[
        Path, typer.Option(help="Where to make the store; must be absent or empty.")
    ] = Path("parquetry-demo"),
) -> None:
    """Show all of it in under a minute, with nothing prepared.

    Four processes write a sweep of two optimisers at once; SQL asks it; a writer is killed in the
    middle of its commits, and everything is still there; rows and layout are changed and changed back;
    and a dataset is laid out anew for the questions it was asked.
    """
    from parquetry.cli.rendering import say
    from parquetry.store import Store

    folder = _free_folder(out)
    say(f" in {folder}\n", lead="parquetry demo")
    _sweep(str(folder))
    store = Store(folder)
    _show_folder(folder)
    _ask(store)
    _kill(store)
    _change(store)
    _tune(store)
    _next_steps(folder)


def _free_folder(wanted: Path) -> Path:
    """Return the folder, or the first numbered one beside it that is free: nothing is overwritten."""
    numbered = (wanted.with_name(f"{wanted.name}-{number}") for number in itertools.count(2))
    candidates = itertools.chain([wanted], numbered)
    return next(path for path in candidates if not path.exists() or _is_empty(path))


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _sweep(base_out: str) -> None:
    from parquetry.cli.progress import tracked
    from parquetry.cli.rendering import say
    from parquetry.demo.sweep import PROCESSES, SEEDS, parameter_sets, run_sweep

    sets = len(parameter_sets())
    say(f" {sets} parameter sets x {SEEDS} seeds, {PROCESSES} processes at once", lead="1. Write.")
    events = sum(tracked(run_sweep(base_out), total=sets, text="running"))
    say(
        f"   {events:,} events in {sets * SEEDS} units, each a file of its own, each written whole\n"
    )


def _show_folder(folder: Path) -> None:
    from parquetry.cli.rendering import say

    say(" It is a plain folder; any Parquet reader can have it", lead="2. Look.")
    grids = sorted((folder / "events").iterdir())
    say(f"   {folder}/")
    say("   ├── events/")
    say(f"   │   ├── {grids[0].name}/seed=0/data.parquet")
    say(f"   │   └── … {len(grids) - 1} more grids")
    say("   ├── grids/")
    say(f"   │   └── {grids[0].name}/params.json")
    say("   └── .parquetry/   what a folder cannot say; delete it and the data is whole\n")


def _ask(store: Store) -> None:
    from parquetry.cli.rendering import say, show_table

    say(" SQL, with the parameters as columns, nothing loaded before", lead="3. Ask.")
    best = store.sql(_BEST)
    show_table(best.columns, best.fetchall(), title="which optimiser is better where?")
    say(f"   {best.stats.files:,} files read in {best.stats.latency_seconds * 1000:.0f} ms\n")
    curves: dict[str, list[float]] = {}
    for algo, _, value in store.sql(_CURVE).fetchall():
        curves.setdefault(algo, []).append(value)
    say("   learning curves on rosenbrock in 10 dimensions, median regret, logarithmic")
    for algo, values in curves.items():
        say(f"   {algo:>22} {_sparkline(values)}  {values[0]:.3g} → {values[-1]:.3g}")
    say()


def _sparkline(values: list[float]) -> str:
    import math

    bars = "▁▂▃▄▅▆▇█"
    logs = [math.log10(max(value, 1e-12)) for value in values]
    low, high = min(logs), max(logs)
    return "".join(bars[round((x - low) / ((high - low) or 1) * (len(bars) - 1))] for x in logs)


def _kill(store: Store) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.demo.sweep import kill_a_writer

    say(" A writer replaces every unit by one of another length, and is killed", lead="4. Break.")
    events = store.dataset("events")
    log_folder = f"{store.path}/.parquetry/datasets/events/log"
    rows = []
    for attempt in range(3):
        murder = kill_a_writer(store.path, log_folder, commits=5 + 7 * attempt)
        history = len(events.history())
        units, count, broken = store.sql(_UNITS).fetchall()[0]
        died = f"after {murder.seconds:.1f} s, exit {murder.exit_code}"
        rows.append((died, history, units, f"{int(count):,}", broken))
    show_table(["killed", "commits so far", "units", "events", "units cut in half"], rows)
    report = events.check()
    verdict = "sound" if report.is_sound else f"{len(report.of('error'))} errors"
    say(f"   parquetry check: {report.files} files, {report.rows:,} rows: {verdict}\n")


def _change(store: Store) -> None:
    import polars as pl

    from parquetry.cli.rendering import say, show_table

    say(" Rows and layout, each in one commit, and all of it undone again", lead="5. Change.")
    events = store.dataset("events")
    start = events.snapshot().version
    rows: list[tuple[str, str, int]] = []

    def note(what: str) -> None:
        rows.append((what, f"{events.count():,}", len(events.files())))

    note("as it is")
    events.delete(pl.col("value") > _OUTLIER)
    note(f"delete where value > {_OUTLIER}")
    events.update(pl.col("op") == "delete", {"op": pl.lit("reject")})
    note("update op = 'reject' where op = 'delete'")
    events.repartition(["grid_id"])
    note("repartition by grid_id")
    events.restore(start)
    note(f"restore version {start}")
    show_table(["", "events", "files"], rows)
    say()


def _tune(store: Store) -> None:
    from parquetry.cli.rendering import say, show_table
    from parquetry.demo.tuning import TABLE, ask, write_visits
    from parquetry.model.wording import bytes_text

    say(" Questions are watched, and rows are laid out for what is asked", lead="6. Tune.")
    visits = write_visits(store)
    tuning = store.tune([TABLE])
    before = ask(store)
    layout = tuning.optimize(TABLE).layout_id
    after = ask(store)
    asked = [
        (f"{visits:,} visits as they came", before),
        (f"with {layout or 'no other layout'}", after),
    ]
    rows = [
        (what, f"{one.row_groups_read:.1f}", bytes_text(one.bytes_read), f"{one.milliseconds:.1f}")
        for what, one in asked
    ]
    show_table(["one customer of", "row groups read", "bytes read", "ms"], rows)
    same = "the same" if before.answers == after.answers else "DIFFERENT, which is a bug"
    say(f"   all {len(after.answers)} answers are {same}; the folder is as plain as before\n")


def _next_steps(folder: Path) -> None:
    from parquetry.cli.rendering import say

    say(lead="7. Go on.")
    say(f"   parquetry info {folder}")
    say(f"   parquetry query {folder} events --where \"algo = 'one_plus_one' and regret < 0.1\"")
    say(f"   parquetry log {folder}/events")
    say(f"   parquetry delete {folder}/events --where 'value > 10000' --dry-run")
    say(f"   parquetry tune status {folder}")
    say("   parquetry convert MY_CSV_FOLDER MY_STORE --dry-run")
