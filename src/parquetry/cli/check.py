"""`parquetry check`: everything that is wrong or odd in a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from parquetry.cli.options import DatasetArgument

_GUARANTEES = {
    "exchange": "commits appear at once to every reader",
    "renames": "commits appear file by file to readers of other tools",
    "unknown": "this user may not write, so how commits appear was not tried",
}


def check(
    dataset: DatasetArgument,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode every page and compare its checksum.")
    ] = False,
) -> int:
    """Look for everything that is wrong or odd in a dataset. Exit code 1 if something is wrong."""
    from parquetry.cli.rendering import say, show_table
    from parquetry.dataset import Dataset
    from parquetry.model.wording import bytes_text, count_text

    report = Dataset.open(dataset).check(deep=deep)
    if report.findings:
        show_table(
            ["severity", "kind", "path", "what", "what to do"],
            [(f.severity, f.kind, f.path, f.message, f.advice) for f in report.findings],
        )
    size = f"{count_text(report.files, 'file')}, {bytes_text(report.bytes)}"
    looked = "every page" if deep else "every footer"
    say(f"{size}, {count_text(report.rows, 'row')}; {looked} was read")
    say(_GUARANTEES[report.guarantee])
    errors = len(report.of("error"))
    say(_verdict(errors, len(report.of("warning"))), style="red" if errors else "")
    return 0 if report.is_sound else 1


def _verdict(errors: int, warnings: int) -> str:
    if errors:
        return f"{errors} wrong, {warnings} to look at"
    return f"sound; {warnings} to look at" if warnings else "sound"
