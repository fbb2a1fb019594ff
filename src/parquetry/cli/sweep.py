"""`parquetry sweep`: how far a sweep is, what is missing, what failed."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import BaseOut, StoreArgument, one_store

sweep = typer.Typer(help="How far a sweep is, what is missing, what failed.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="The sweep's name in its store.")]


@sweep.command()
def status(store: StoreArgument = None, base_out: BaseOut = None, name: Name = "sweep") -> None:
    """Count the units of a sweep by state, and show the grids that are not done."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.experiments.sweeps.places import find_sweeps
    from parquetry.storage.local import LocalStorage
    from parquetry.store import Store

    found = Store(one_store(store, base_out), create=False).sweep(name).status()
    states = ("done", "running", "stale", "failed", "missing")
    show_table(["total", *states], [(found.total, *(getattr(found, state) for state in states))])
    if not found.is_declared:
        others = ", ".join(find_sweeps(LocalStorage(), found.store))
        declared = f"; declared here: {others}" if others else ""
        say(f"{name!r} is not declared: the units are all grids with all seeds seen{declared}")
    open_grids = [grid for grid in found.grids if grid.done < grid.total]
    if open_grids:
        show_table(
            ["grid_id", "total", *states],
            [(g.grid_id, g.total, *(getattr(g, state) for state in states)) for g in open_grids],
        )


@sweep.command()
def missing(
    store: StoreArgument = None,
    base_out: BaseOut = None,
    name: Name = "sweep",
    array: Annotated[
        bool, typer.Option("--array", help="Print the indices as SLURM's array list: 1-7,12.")
    ] = False,
) -> None:
    """List the units that somebody has to run, or print them as a SLURM array list.

    [bold]sbatch --array=$(parquetry sweep missing STORE --array) job.sh[/bold]
    """
    from parquetry.cli.rendering import say, show_table
    from parquetry.store import Store

    found = Store(one_store(store, base_out), create=False).sweep(name)
    if array:
        say(found.missing_array())
        return
    units = found.missing()
    if not units:
        say("nothing is missing")
        return
    show_table(["index", "grid_id", "seed"], [(u.index, u.grid_id, u.seed) for u in units])


@sweep.command()
def retry(store: StoreArgument = None, base_out: BaseOut = None, name: Name = "sweep") -> None:
    """Show why units failed, and make them missing again, so that workers take them."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import count_text
    from parquetry.store import Store

    found = Store(one_store(store, base_out), create=False).sweep(name)
    failures = found.failures()
    if failures:
        rows = [(str(failure.unit), failure.worker, failure.error) for failure in failures]
        show_table(["unit", "worker", "error"], rows)
    say(f"{count_text(len(found.retry()), 'unit')} to be run again")
