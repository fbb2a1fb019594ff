"""How well a dataset tunes itself, beside what others do, in one run.

    python benchmarks/tuning/run.py FOLDER sales|trips [--length 40000] [--clock cpu]
    python benchmarks/tuning/run.py FOLDER sales --only W2,W6,W8 --real --length 1000

FOLDER is where `data.py` wrote the table. Every layout is really written, and that is timed; every
question of the pool is really asked in every layout, and its answer compared with that of the raw files.
When all strategies have played, each question is timed in all layouts in turns (the median of the runs
counts), so that load of others hits all alike. A workload is a sequence of the pool's questions; what it
costs is the sum of these times, and of the rewriting. So all strategies are compared on the same
measurements, and a day of questions need not last a day.

`groups/oracle` are the row groups that a strategy read of its layouts, beside those of the same size
that the rows of each answer would have filled had they stood together, at least one a question; both
are sums over all questions, those before the first move among them. W1 to W5 ask selective templates
only.
`rows of arrival` are the rows of the row groups that were read, beside those of arrival order: of larger
row groups fewer are read, but not fewer rows.

With `--real` stores are asked instead, one question after the other, with tuning on and off; W6, in
which rows come, change and go between the questions, is played in no other way. There every answer is
compared, and the rounds of the loop, the writes, observing and routing are charged as they come. Few
thousand questions seldom pay for a rewriting; with `--eager` as well, stores move long before that pays,
keep every replica and ask them whenever they can answer: then most of the answers that are compared come
from replicas, and times mean nothing.

On a machine that others use as well, `--clock cpu` counts the time of all of this process's threads
instead of the clock's on the wall.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from baselines import Oreo, best_static, chosen_sort, static
from fewest import report_fewest
from measuring import Bench, Built
from ours import Brains, Player
from questions import make_pool
from real import really_ask, report_stores
from reporting import matching_rows, report_layouts, report_outcomes, report_prediction
from workloads import SELECTIVE, make_workloads

from parquetry.model.layouts import Layout, PartitionKey
from parquetry.tuning.candidates.situation import Situation, Wish
from parquetry.tuning.costs.constants import Constants

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from outcome import Outcome

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
EAGER = {"theta": 0.01, "share_looking": 1e3}
"""Settings with which stores move long before it pays, so that most questions go to replicas."""
TIMES = {"sales": "ordered", "trips": "pickup"}


def main() -> None:
    args = _arguments()
    raw = Path(args.folder) / args.table
    if not raw.is_dir():
        sys.exit(
            f"There is no table at {raw}. Write it first, with its rows in millions:\n"
            f"  python benchmarks/tuning/data.py {args.folder} {args.table} 6"
        )
    began = time.perf_counter()
    work = Path(args.folder) / f"layouts-{args.table}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    rows = sum(pq.read_metadata(path).num_rows for path in raw.glob("*.parquet"))
    pool = make_pool(args.table, rows / 1e6, args.each)
    bench = Bench(args.table, raw, work, pool, CLOCKS[args.clock], args.repeats)
    try:
        brains = Brains(bench)
        print(
            f"{args.table}: {brains.extent.rows:,} rows, {bench.initial.total} row groups, "
            f"{bench.initial.bytes / 1e6:,.0f} MB, {len(pool)} questions",
            flush=True,
        )
        if args.real:
            ask_stores(args, bench, brains)
        else:
            run_contest(args, bench, brains)
        print(f"\nanswers compared: {bench.checked:,}, all equal to those of the raw files")
    finally:
        bench.clear()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"took {time.perf_counter() - began:.0f} s; peak memory {peak:,.0f} MB")


def run_contest(args: argparse.Namespace, bench: Bench, brains: Brains) -> None:
    """Let all strategies play, time all that they wrote together, and tell what they paid."""
    statics = build_baselines(bench, brains)
    played = [
        (one, play(brains, one.numbers, args.replicas))
        for one in make_workloads(bench.pool, args.length, args.phase)
        if not one.writes and (not args.only or one.name in args.only)
    ]
    bench.time_all()
    report_layouts([bench.initial, *bench.built.values()])
    for workload, outcomes in played:
        report_outcomes([*by_hand(bench, statics, workload.numbers), *outcomes], workload, bench)
        report_fewest(brains, workload.numbers, matching_rows(bench))
    report_prediction(bench, brains)


def ask_stores(args: argparse.Namespace, bench: Bench, brains: Brains) -> None:
    """Ask stores, with tuning on and off; those of W6 also stand in layouts made by hand."""
    for workload in make_workloads(bench.pool, args.length, args.phase):
        if args.only and workload.name not in args.only:
            continue
        statics = build_baselines(bench, brains) if workload.writes else []
        stores = really_ask(workload, bench, statics, args.every, EAGER if args.eager else {})
        report_stores(stores, workload)
        bench.checked += sum(one.truth.checked for one in stores)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("table", choices=sorted(TIMES))
    parser.add_argument("--length", type=int, default=40_000)
    parser.add_argument("--phase", type=int, default=400)
    parser.add_argument("--each", type=int, default=5, help="questions of a template")
    parser.add_argument("--repeats", type=int, default=3, help="runs of a question that count")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument(
        "--real", action="store_true", help="ask stores instead, with tuning on and off"
    )
    parser.add_argument(
        "--eager",
        action="store_true",
        help="let stores move long before that pays, keep every replica and ask them all that they can "
        "answer: to compare answers, not times",
    )
    parser.add_argument(
        "--every", type=int, default=100, help="questions between rounds of a store"
    )
    parser.add_argument(
        "--replicas",
        type=lambda text: [int(one) for one in text.split(",")],
        default=[0, 2, 4],
        help="how many replicas parquetry may keep, one contender each; 0: the folder is rewritten",
    )
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    return parser.parse_args()


def build_baselines(bench: Bench, brains: Brains) -> list[Built]:
    """Write the layouts that somebody would choose by hand."""
    hot = hot_columns(bench, brains)
    month = Layout((PartitionKey(TIMES[bench.table], "month"),))
    found = [bench.initial, bench.build(month, "partition by month")]
    found += [bench.build(Layout(sort_by=(column,)), f"sort by {column}") for column in hot[:4]]
    found.append(bench.build_delta(hot[:3]))
    return found


def hot_columns(bench: Bench, brains: Brains) -> tuple[str, ...]:
    """Return the columns that the selective templates ask about most."""
    names = list(dict.fromkeys(question.template for question in bench.pool))[SELECTIVE]
    wishes = tuple(
        Wish(brains.asked[n], question.template)
        for n, question in enumerate(bench.pool)
        if question.template in names
    )
    return Situation(brains.sample, wishes, Constants()).hot_columns


def play(brains: Brains, numbers: np.ndarray, replicas: Sequence[int]) -> list[Outcome]:
    """Return what those do who see one question after the other."""
    return [
        chosen_sort(brains, numbers),
        Oreo(brains).play(numbers),
        *(Player(brains, most, _name(most)).play(numbers) for most in replicas),
    ]


def _name(most: int) -> str:
    return f"parquetry, {most} replicas" if most else "parquetry, one layout"


def by_hand(bench: Bench, statics: Sequence[Built], numbers: np.ndarray) -> list[Outcome]:
    """Return what layouts pay that are written before the first question."""
    _, month, *sorts, delta = statics
    best = best_static(sorts, numbers)
    column = best.answered[0][0].name.removeprefix("sort by ")
    best.name = f"best single sort ({column}) in hindsight"
    every = [bench.initial, *bench.built.values()]
    return [
        static(bench.initial, numbers),
        static(month, numbers),
        static(delta, numbers, "delta-rs Z-order"),
        best,
        best_static(every, numbers),
    ]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
