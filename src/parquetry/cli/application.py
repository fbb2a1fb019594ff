"""The application: which commands there are, in the order of their help."""

from __future__ import annotations

import inspect
import re
from typing import Annotated, Any

import typer

from parquetry.cli import (
    check,
    compact,
    convert,
    create,
    delete,
    demo,
    info,
    log,
    query,
    repartition,
    restore,
    rollup,
    schema,
    series,
    sweep,
    update,
    upsert,
    vacuum,
)
from parquetry.cli.commands import Commands
from parquetry.cli.tuning.registering import add_tuning_commands
from parquetry.version import __version__

typer_app = typer.Typer(
    name="parquetry",
    cls=Commands,
    help="Plain folders of Parquet files: written safely, queried at once, reshaped without loss.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"parquetry {__version__}")
        raise typer.Exit


@typer_app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    del version


_START = "Start here"
_EXPERIMENTS = "Experiments"
_DATASETS = "Datasets"
_ROWS = "Rows"
_SERIES = "Series"
_TABLES = "Tables"

typer_app.command("demo", rich_help_panel=_START)(demo.demo)
typer_app.command("info", rich_help_panel=_START)(info.info)
typer_app.command("query", rich_help_panel=_START)(query.query)
typer_app.command("convert", rich_help_panel=_EXPERIMENTS)(convert.convert)
typer_app.command("rollup", rich_help_panel=_EXPERIMENTS)(rollup.rollup)
typer_app.add_typer(sweep.sweep, name="sweep", rich_help_panel=_EXPERIMENTS)
typer_app.command("create", rich_help_panel=_TABLES)(create.create)
typer_app.add_typer(schema.schema, name="schema", rich_help_panel=_TABLES)
typer_app.add_typer(series.series, name="series", rich_help_panel=_SERIES)
typer_app.command("log", rich_help_panel=_DATASETS)(log.log)
typer_app.command("restore", rich_help_panel=_DATASETS)(restore.restore)
typer_app.command("delete", rich_help_panel=_ROWS)(delete.delete)
typer_app.command("update", rich_help_panel=_ROWS)(update.update)
typer_app.command("upsert", rich_help_panel=_ROWS)(upsert.upsert)
typer_app.command("compact", rich_help_panel=_DATASETS)(compact.compact)
typer_app.command("repartition", rich_help_panel=_DATASETS)(repartition.repartition)
typer_app.command("check", rich_help_panel=_DATASETS)(check.check)
typer_app.command("vacuum", rich_help_panel=_DATASETS)(vacuum.vacuum)
add_tuning_commands(typer_app)


def _flow(command: Any) -> None:
    """Let the help of a command fill the terminal, where its docstring was wrapped for the source."""
    command.help = re.sub(r"(?<=\S)\n(?=[^\s*-])", " ", inspect.cleandoc(command.help or ""))
    for inner in getattr(command, "commands", {}).values():
        _flow(inner)


application = typer.main.get_command(typer_app)
_flow(application)
