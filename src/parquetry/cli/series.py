"""`parquetry series`: the files that feed simulations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

series = typer.Typer(help="Time x scenario series for simulation workers.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The folder of series.", show_default=False)]


@series.command()
def convert(
    folder: Folder,
    block_length: Annotated[
        int, typer.Option(help="Steps that a simulation solves at once; row groups fit them.")
    ] = 168,
    compression: Annotated[
        Literal["none", "lz4", "zstd"], typer.Option(help="Plain is fastest to read.")
    ] = "none",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also what is up to date.")
    ] = False,
) -> None:
    """Write a Parquet twin of every text series (.txt, .tsv, .csv) of a folder."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import bytes_text, count_text
    from parquetry.series import convert_series

    report = convert_series(folder, block_length, compression=compression, overwrite=overwrite)
    if report.series:
        show_table(
            ["series", "text", "parquet", "written"],
            [
                (
                    s.name,
                    bytes_text(s.source_bytes),
                    bytes_text(s.bytes),
                    "yes" if s.written else "",
                )
                for s in report.series
            ],
        )
    current = len(report.series) - report.written
    say(f"{count_text(report.written, 'twin')} written, {current:,} up to date")


@series.command()
def info(
    path: Annotated[
        Path, typer.Argument(help="A Parquet series, or a folder of them.", show_default=False)
    ],
) -> None:
    """Show steps, scenarios, row groups and sizes of series."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.model.wording import bytes_text
    from parquetry.series import series_info

    found = [series_info(one) for one in _series_below(path)]
    if not found:
        say(f"no Parquet series in {path}: parquetry series convert makes them from text")
        return
    show_table(
        ["series", "steps", "scenarios", "row group", "size", "NaN", "codec"],
        [
            (
                Path(one.path).name.removesuffix(".parquet"),
                one.rows,
                one.columns,
                one.row_group_rows,
                bytes_text(one.bytes),
                "?" if one.nan_values is None else one.nan_values,
                one.compression,
            )
            for one in found
        ],
    )


def _series_below(path: Path) -> list[Path]:
    """Return the series of a folder, or the one that is named; wide ones are folders themselves."""
    if path.suffix == ".parquet" or not path.is_dir():
        return [path]
    return sorted(path.glob("*.parquet"))


@series.command()
def check(
    folder: Folder,
    last_step: Annotated[
        int | None, typer.Option(help="The last step that will be asked for, from 0.")
    ] = None,
    scenarios: Annotated[
        int | None, typer.Option(help="How many scenarios will be asked for.")
    ] = None,
    refuse_nan: Annotated[bool, typer.Option("--refuse-nan", help="Also report NaN.")] = False,
) -> int:
    """Find everything that would stop a simulation. Exit code 1 if there is something."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.series import check_series

    ids = None if scenarios is None else range(scenarios)
    findings = check_series(folder, last_step=last_step, mc_scenario_ids=ids, refuse_nan=refuse_nan)
    if not findings:
        say("sound: nothing would stop a simulation")
        return 0
    show_table(["series", "what", "what to do"], [(f.where, f.problem, f.advice) for f in findings])
    return 1
