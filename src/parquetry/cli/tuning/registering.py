"""Which commands tune, in the order of their help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parquetry.cli.tuning import (
    download_nyc_taxi,
    evaluate,
    generate,
    history,
    load_dataset,
    report,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

PANEL = "Tuning"
_COMMANDS: dict[str, Callable[..., Any]] = {
    "generate": generate.generate,
    "load-dataset": load_dataset.load_dataset,
    "download-nyc-taxi": download_nyc_taxi.download_nyc_taxi,
    "evaluate": evaluate.evaluate,
    "status": status.status,
    "history": history.history,
    "report": report.report,
}
NAMES = frozenset(_COMMANDS)


def add_tuning_commands(app: typer.Typer) -> None:
    """Add the commands to an application."""
    for name, command in _COMMANDS.items():
        app.command(name, rich_help_panel=PANEL)(command)
