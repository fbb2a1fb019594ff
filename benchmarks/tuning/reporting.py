"""What the contest prints: the layouts that were written, what strategies paid, how predictions did."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from baselines import offline_optimum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measuring import Bench, Built
    from ours import Brains
    from outcome import Outcome
    from workloads import Workload


def report_layouts(layouts: Sequence[Built]) -> None:
    """Print what was written, and how long that took."""
    for one in layouts:
        print(
            f"  {one.name[:90]:<90} written in {one.rewrite_seconds:5.1f} s, pool asked in "
            f"{one.seconds.sum():6.2f} s, {one.bytes / 1e6:5.0f} MB"
        )


def report_outcomes(outcomes: list[Outcome], workload: Workload, bench: Bench) -> None:
    """Print a table, with ratios to the best static layout and to the offline optimum."""
    arrival, *_, best = outcomes[:5]
    optimum = offline_optimum([bench.initial, *bench.built.values()], workload.numbers)
    outcomes = [*outcomes, optimum]
    matching = matching_rows(bench)
    print(f"\n{workload.name} {workload.title}: {len(workload.numbers):,} questions")
    print(
        f"  {'':<38}{'total s':>9}{'rewriting':>10}{'moves':>6}{'/ static':>9}{'/ optimum':>10}"
        f"{'groups/oracle':>14}{'rows of arrival':>16}"
    )
    for one in outcomes:
        print(
            f"  {one.name:<38}{one.total:9.1f}{one.rewrite_seconds:10.1f}{len(one.moves):6}"
            f"{one.total / best.total:9.2f}{one.total / optimum.total:10.2f}"
            f"{one.row_groups / one.oracle_row_groups(matching):14.2f}{one.rows / arrival.rows:16.3f}"
        )
    for one in outcomes:
        if one.name.startswith("parquetry"):
            settled = one.second_half()
            ratio = settled.row_groups / settled.oracle_row_groups(matching)
            share = settled.rows / arrival.second_half().rows
            print(
                f"    {one.name}, second half: groups/oracle {ratio:.2f}, rows of arrival {share:.3f}"
            )
    for one in outcomes:
        for at, built in one.moves:
            if one is best or at:
                print(f"    {one.name} at {at}: {built.name[:100]}")


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
            measured[one.name, name] = (
                float(one.row_groups[members].sum()) * one.group_rows / 61_440
            )
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
