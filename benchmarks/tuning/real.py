"""The product in the contest: a workload that is really asked of stores, and what that took."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
from stores import Contender, Tuned, play

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from measuring import Bench, Built
    from workloads import Workload


def really_ask(
    workload: Workload,
    bench: Bench,
    statics: Sequence[Built],
    every: int,
    settings: Mapping[str, float],
) -> Sequence[Contender]:
    """Return what stores with tuning off and on have spent, and by-hand layouts if there are writes.

    A layout by hand is written before the first question; what is appended later stands as it came.
    """
    place = bench.work / f"stores-{workload.name}"
    shutil.rmtree(place, ignore_errors=True)
    how = {"table": bench.table, "clock": bench.clock}
    stores = [
        Contender("tuning off", place / "off", files=bench.raw, **how),
        Tuned("tuning on", place / "on", files=bench.raw, settings=settings, **how),
    ]
    if workload.writes:
        for number, one in enumerate(_best_by_hand(statics, workload.numbers)):
            folder = place / f"by-hand-{number}"
            stores.append(
                Contender(one.name, folder, files=one.folder, written=one.rewrite_seconds, **how)
            )
    try:
        play(stores, workload, bench, every)
        stores[1].finish()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return stores


def _best_by_hand(statics: Sequence[Built], numbers: np.ndarray) -> list[Built]:
    """Return the partition by month, and the sort that would be best if nothing were written."""
    sorts = [one for one in statics if one.name.startswith("sort by")]
    best = min(sorts, key=lambda one: one.rewrite_seconds + one.seconds[numbers].sum())
    return [statics[1], best]


def report_stores(stores: Sequence[Contender], workload: Workload) -> None:
    """Print what stores have spent, with ratios to the one with tuning off, and what tuning adds."""
    off, on = stores[0], stores[1]
    count = len(workload.numbers)
    kinds = [write.kind for write in workload.writes.values()]
    told = "".join(f", {kinds.count(kind)} {kind}s" for kind in dict.fromkeys(kinds))
    print(f"\n{workload.name} {workload.title}, asked of stores: {count:,} questions{told}")
    print(
        f"  {'':<34}{'total s':>9}{'questions':>10}{'rewriting':>10}{'rounds':>8}{'writes':>8}"
        f"{'moves':>6}{'/ off':>7}"
    )
    for one in stores:
        print(
            f"  {one.name[:34]:<34}{one.total:9.2f}{sum(one.seconds):10.2f}{one.rewrite_seconds:10.2f}"
            f"{one.round_seconds:8.2f}{one.write_seconds:8.2f}{len(one.moves):6}"
            f"{one.total / off.total:7.3f}"
        )
    for at, what in on.moves:
        print(f"    at {at}: {what[:110]}")
    seconds = sum(off.seconds)
    looking = on.round_seconds - on.switching_seconds
    trimmed = 1 + _trimmed_mean(np.subtract(on.seconds, off.seconds)) / _trimmed_mean(off.seconds)
    print(
        f"  questions with tuning on / off: {sum(on.seconds) / seconds:.3f}; by pairs without the "
        f"tenth at either end {trimmed:.3f}\n"
        f"  a question, in the thread that asks: observing {1e3 * on.observing.seconds / count:.3f} ms, "
        f"routing {1e3 * on.routing.seconds / count:.3f} ms (where there are replicas, with the listing "
        f"that every question takes; {1e3 * off.listing_seconds / count:.3f} ms with tuning off); of "
        f"{1e3 * seconds / count:.2f} ms\n"
        f"  answers compared with those of the raw files: {len(on.seconds):,} with tuning on, of which "
        f"{on.routed:,} ({on.routed / count:.1%}) came from replicas, and {on.pinned:,} more, each "
        "question from each replica at the end and after every write; none was wrong\n"
        f"  switching on {on.switching_seconds:.2f} s; {on.looks} looks, of which {on.rounds} were "
        f"rounds of {_mean(looking - on.idle_seconds, on.rounds):.3f} s without rewriting, "
        f"the others took {1e3 * _mean(on.idle_seconds, on.looks - on.rounds):.1f} ms"
    )


def _mean(total: float, count: int) -> float:
    return total / max(1, count)


def _trimmed_mean(values: Sequence[float]) -> float:
    cut = len(values) // 10
    return float(np.sort(values)[cut : len(values) - cut].mean())
