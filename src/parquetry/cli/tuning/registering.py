"""Which commands tune, in the order of their help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.cli.tuning import (
    analyze,
    cancel_migration,
    download_nyc_taxi,
    enqueue_migration,
    evaluate,
    generate,
    history,
    load_dataset,
    migration_worker,
    report,
    run_nyc_taxi_workload,
    run_workload,
    status,
    tune,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

PANEL = "Tuning"
_COMMANDS: dict[str, Callable[..., Any]] = {
    "generate": generate.generate,
    "load-dataset": load_dataset.load_dataset,
    "download-nyc-taxi": download_nyc_taxi.download_nyc_taxi,
    "run-workload": run_workload.run_workload,
    "run-nyc-taxi-workload": run_nyc_taxi_workload.run_nyc_taxi_workload,
    "analyze": analyze.analyze,
    "enqueue-migration": enqueue_migration.enqueue_migration,
    "migration-worker": migration_worker.migration_worker,
    "cancel-migration": cancel_migration.cancel_migration,
    "evaluate": evaluate.evaluate,
    "status": status.status,
    "history": history.history,
    "report": report.report,
}
NAMES = frozenset({*_COMMANDS, "tune"})


def add_tuning_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=PANEL)(command)
    app.add_typer(tune.tune, name="tune", rich_help_panel=PANEL)
