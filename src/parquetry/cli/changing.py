"""What the commands that change rows share: filters as SQL, the plan first, a question, the result."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parquetry.errors import ConflictError, RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

    from parquetry.dataset import Dataset
    from parquetry.operations.plans import OperationResult, Plan

Where = Annotated[
    str, typer.Option("--where", help="Which rows, as SQL: \"price > 500 and side = 'offer'\".")
]
Partition = Annotated[
    list[str] | None,
    typer.Option("--partition", "-p", help="Only this partition, key=value; can be repeated."),
]
BackupDir = Annotated[
    str | None, typer.Option("--backup-dir", help="Keep a copy of the files that leave here.")
]


def predicate_of(where: str) -> pl.Expr:
    """Return an SQL condition as a Polars expression."""
    return expression_of(where, "--where")


def expression_of(text: str, option: str) -> pl.Expr:
    """Return an SQL expression as a Polars expression.

    Raises:
        RequestError: It cannot be understood.
    """
    import polars as pl

    try:
        return pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        raise RequestError(
            f"{option} {text!r} is no SQL expression that can be used here: {error}. "
            "Nothing was changed."
        ) from error


def pairs_of(given: list[str] | None, option: str) -> dict[str, str]:
    """Return `key=value` options as a dict.

    Raises:
        typer.BadParameter: One has no `=`.
    """
    pairs = {}
    for one in given or ():
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{option} {one!r}: write key=value")
        pairs[key.strip()] = value
    return pairs


def carry_out(
    handle: Dataset,
    look: Callable[[], Plan],
    again: Callable[[], OperationResult],
    *,
    dry_run: bool,
    yes: bool,
    backup_dir: str | None = None,
) -> None:
    """Show a plan, ask, run that plan, and say what was done; bars move while it takes.

    Args:
        handle: The dataset.
        look: Makes the plan.
        again: Plans and runs, for those who did not want to see the plan, where others were faster.
        dry_run: Whether to show the plan only.
        yes: Whether not to ask.
        backup_dir: A folder for a backup of the files that leave.
    """
    from parquetry.cli.asking import confirm
    from parquetry.cli.rendering import say, show_table

    with _watched("looking at files"):
        plan = look()
    say(plan.explain())
    if plan.is_empty:
        return
    if dry_run or not confirm("Go on?", yes=yes):
        say("nothing was changed")
        return
    with _watched("changing files"):
        try:
            result = handle.run(plan, backup_dir=backup_dir)
        except ConflictError:
            if not yes:  # what was seen and agreed to is not what would be done now
                raise
            result = again()
    shown: dict[str, Any] = {
        name: value for name, value in result.to_dict().items() if value not in {0, None}
    }
    show_table(["what", "count"], list(shown.items()))
    if result.version is not None:
        say(f"undo it with: parquetry restore {plan.root} {result.version - 1}")


@contextmanager
def _watched(text: str) -> Iterator[None]:
    from parquetry.cli.progress import counted
    from parquetry.operations.working import watched

    with counted(text) as move, watched(move and (lambda done, total: move(done, total, ""))):
        yield
