"""How well a dataset tunes itself, beside what others do, in one run.

    python benchmarks/tuning/run.py FOLDER sales|trips [--length 40000] [--clock cpu]
    python benchmarks/tuning/run.py FOLDER sales --only W2,W6,W8 --real --length 1000

FOLDER is where `data.py` wrote the table. Every layout is really written, and that is timed; every
question of the pool is really asked in every layout (the fastest run counts, after one that warms up),
and its answer compared with that of the raw files. A workload is a sequence of the pool's questions;
what it costs is the sum of these times, and of the rewriting. So all strategies are compared on the
same measurements, and a day of questions need not last a day.

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

import numpy as np
from baselines import Oreo, best_static, offline_optimum, static
from measuring import Bench, Built
from ours import Brains, Outcome, Player
from questions import make_pool
from real import really_ask, report_stores
from workloads import SELECTIVE, Workload, make_workloads

from parquetry.model.layouts import Layout, PartitionKey
from parquetry.tuning.candidates.situation import Situation, Wish
from parquetry.tuning.costs.constants import Constants

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
EAGER = {"theta": 0.01, "share_looking": 1e3}
"""Settings with which stores move long before it pays, so that most questions go to replicas."""
TIMES = {"sales": "ordered", "trips": "pickup"}


def main() -> None:
    args = _arguments()
    began = time.perf_counter()
    work = Path(args.folder) / f"layouts-{args.table}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    pool = make_pool(args.table, args.each)
    bench = Bench(
        args.table, Path(args.folder) / args.table, work, pool, CLOCKS[args.clock], args.repeats
    )
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
    """Let all strategies play the workloads, by what each question was measured to take."""
    statics = build_baselines(bench, brains)
    for workload in make_workloads(bench.pool, args.length, args.phase):
        if not workload.writes and (not args.only or workload.name in args.only):
            report(compare(bench, brains, workload, statics), workload, bench)
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
    parser.add_argument("--repeats", type=int, default=2, help="runs of a question that count")
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
    for one in found:
        print(
            f"  {one.name:<60} written in {one.rewrite_seconds:5.1f} s, pool asked in "
            f"{one.seconds.sum():6.2f} s"
        )
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


def compare(
    bench: Bench, brains: Brains, workload: Workload, statics: list[Built]
) -> list[Outcome]:
    """Return what each strategy pays for a workload."""
    numbers = workload.numbers
    mine = Player(brains, 2, "parquetry, two replicas").play(numbers)
    single = Player(brains, 0, "parquetry, one layout").play(numbers)
    random = Oreo(brains).play(numbers)
    every = list({one.name: one for one in (*statics, *bench.built.values())}.values())
    sorts = [one for one in statics if one.name.startswith("sort by")]
    best_sort = min((static(one, numbers) for one in sorts), key=lambda one: one.total)
    best_sort.name = f"best single sort ({best_sort.name.removeprefix('sort by ')})"
    delta = next(one for one in statics if one.name.startswith("delta-rs"))
    return [
        static(bench.initial, numbers),
        static(statics[1], numbers),
        best_sort,
        static(delta, numbers, "delta-rs Z-order"),
        random,
        best_static(every, numbers),
        offline_optimum(every, numbers),
        single,
        mine,
    ]


def report(outcomes: list[Outcome], workload: Workload, bench: Bench) -> None:
    """Print a table, with ratios to the best static layout and to the offline optimum."""
    by_name = {one.name: one for one in outcomes}
    best = next(one for one in outcomes if one.name.startswith("best static"))
    optimum = by_name["offline optimum"]
    arrival = by_name["arrival order"]
    oracle = oracle_row_groups(bench, workload.numbers)
    print(f"\n{workload.name} {workload.title}: {len(workload.numbers):,} questions")
    print(
        f"  {'':<34}{'total s':>9}{'rewriting':>10}{'moves':>6}{'/ static':>9}{'/ optimum':>10}"
        f"{'groups/oracle':>14}{'of arrival':>11}"
    )
    for one in outcomes:
        groups = (
            f"{one.row_groups / oracle:>14.2f}{one.row_groups / arrival.row_groups:>11.3f}"
            if one.row_groups
            else ""
        )
        print(
            f"  {one.name:<34}{one.total:9.1f}{one.rewrite_seconds:10.1f}{len(one.moves):6}"
            f"{one.total / best.total:9.2f}{one.total / optimum.total:10.2f}{groups}"
        )
    for one in outcomes:
        for at, what in one.moves:
            print(f"    {one.name} at {at}: {what[:100]}")


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
