"""How well a dataset tunes itself, beside what others do, in one run.

    python benchmarks/tuning/run.py FOLDER sales|trips [--length 40000] [--clock cpu]
    python benchmarks/tuning/run.py FOLDER sales --only W2,W6,W8 --real --length 1000

FOLDER is where `data.py` wrote the table. Every layout is really written, and that is timed; every
question of the pool is really asked in every layout, and its answer compared with that of the raw files.
When all strategies have played, each question is timed in all layouts in turns (the median of the runs
counts), so that load of others hits all alike. A workload is a sequence of the pool's questions; what it
costs is the sum of these times, and of the rewriting. So all strategies are compared on the same
measurements, and a day of questions need not last a day.

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
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from baselines import Oreo, best_static, chosen_sort, offline_optimum, static
from measuring import Bench, Built
from ours import Brains, Outcome, Player
from questions import make_pool
from real import really_ask, report_stores
from workloads import SELECTIVE, Workload, make_workloads

from parquetry.model.layouts import Layout, PartitionKey
from parquetry.tuning.candidates.situation import Situation, Wish
from parquetry.tuning.costs.constants import Constants

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    pool = make_pool(args.table, args.each)
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
        (one, play(brains, one.numbers))
        for one in make_workloads(bench.pool, args.length, args.phase)
        if not one.writes and (not args.only or one.name in args.only)
    ]
    bench.time_all()
    report_layouts([bench.initial, *bench.built.values()])
    for workload, outcomes in played:
        report([*by_hand(bench, statics, workload.numbers), *outcomes], workload, bench)
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


def report_layouts(layouts: Sequence[Built]) -> None:
    """Print what was written, and how long that took."""
    for one in layouts:
        print(
            f"  {one.name[:90]:<90} written in {one.rewrite_seconds:5.1f} s, pool asked in "
            f"{one.seconds.sum():6.2f} s, {one.bytes / 1e6:5.0f} MB"
        )


def hot_columns(bench: Bench, brains: Brains) -> tuple[str, ...]:
    """Return the columns that the selective templates ask about most."""
    names = list(dict.fromkeys(question.template for question in bench.pool))[SELECTIVE]
    wishes = tuple(
        Wish(brains.asked[n], question.template)
        for n, question in enumerate(bench.pool)
        if question.template in names
    )
    return Situation(brains.sample, wishes, Constants()).hot_columns


def play(brains: Brains, numbers: np.ndarray) -> list[Outcome]:
    """Return what those do who see one question after the other."""
    return [
        chosen_sort(brains, numbers),
        Oreo(brains).play(numbers),
        Player(brains, 0, "parquetry, one layout").play(numbers),
        Player(brains, 2, "parquetry, two replicas").play(numbers),
    ]


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


def report(outcomes: list[Outcome], workload: Workload, bench: Bench) -> None:
    """Print a table, with ratios to the best static layout and to the offline optimum."""
    arrival, *_, best = outcomes[:5]
    optimum = offline_optimum([bench.initial, *bench.built.values()], workload.numbers)
    oracle = oracle_row_groups(bench, workload.numbers)
    print(f"\n{workload.name} {workload.title}: {len(workload.numbers):,} questions")
    print(
        f"  {'':<38}{'total s':>9}{'rewriting':>10}{'moves':>6}{'/ static':>9}{'/ optimum':>10}"
        f"{'groups/oracle':>14}{'of arrival':>11}"
    )
    for one in outcomes:
        print(
            f"  {one.name:<38}{one.total:9.1f}{one.rewrite_seconds:10.1f}{len(one.moves):6}"
            f"{one.total / best.total:9.2f}{one.total / optimum:10.2f}"
            f"{one.row_groups / oracle:14.2f}{one.row_groups / arrival.row_groups:11.3f}"
        )
    print(f"  {'offline optimum':<38}{optimum:9.1f}{'':16}{optimum / best.total:9.2f}{1:10.2f}")
    for one in outcomes:
        for at, built in one.moves:
            if one is best or at:
                print(f"    {one.name} at {at}: {built.name[:100]}")


def oracle_row_groups(bench: Bench, numbers: np.ndarray) -> float:
    """Return the row groups that the rows of the answers would fill, if they stood together."""
    counts = matching_rows(bench)
    return float(np.ceil(counts / 61_440).clip(1)[numbers].sum())


def matching_rows(bench: Bench) -> np.ndarray:
    """Return how many rows fulfil the conditions of each question."""
    if not hasattr(bench, "matching"):
        counts = []
        for question in bench.pool:
            after = question.sql.split(f"FROM {bench.table}")[1]
            condition = after.split("GROUP BY")[0].split("ORDER BY")[0]
            sql = f"SELECT count(*) FROM {bench.table}{condition}"
            counts.append(bench.ask(sql, bench.raw).fetchall()[0][0])
        bench.matching = np.array(counts, float)
    return bench.matching


def report_prediction(bench: Bench, brains: Brains) -> None:
    """Print how the what-if agrees with the layouts that were written."""
    known = [one for one in bench.built.values() if one.layout is not None]
    templates = list(dict.fromkeys(question.template for question in bench.pool))
    predicted, measured = {}, {}
    for one in known:
        work = brains.work(one.layout.layout_id, one.layout)
        for name in templates:
            members = [n for n, q in enumerate(bench.pool) if q.template == name]
            predicted[one.name, name] = sum(work[n].rows for n in members) / 61_440
            measured[one.name, name] = float(one.row_groups[members].sum())
    errors = [abs(predicted[at] - measured[at]) / max(measured[at], 1) for at in measured]
    agree = Counter()
    for name in templates:
        for number, one in enumerate(known):
            for other in known[:number]:
                a, b = measured[one.name, name], measured[other.name, name]
                if abs(a - b) > 0.1 * max(a, b):
                    c, d = predicted[one.name, name], predicted[other.name, name]
                    agree[(a < b) == (c < d)] += 1
    print(
        f"\nwhat-if: median error of row groups read {100 * np.median(errors):.1f} % over "
        f"{len(known)} layouts x {len(templates)} templates; ranking agrees in "
        f"{100 * agree[True] / max(agree.total(), 1):.1f} % of {agree.total()} pairs"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
