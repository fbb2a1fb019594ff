"""The group of all commands; called `dbopt`, it shows those that tune, and still knows the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from parquetry.cli.tuning.registering import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

_DBOPT_HELP = (
    "Layouts of Parquet folders that tune themselves: questions are observed, layouts proposed, "
    "written, routed to and judged. This is `parquetry`, which has more commands."
)


class Commands(TyperGroup):
    """All commands, in the order in which they were added."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names that help shows."""
        names: Sequence[str] = super().list_commands(ctx)
        return [name for name in names if name in NAMES or ctx.info_name != "dbopt"]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, which begins with what the program is for."""
        own = self.help
        try:
            if ctx.info_name == "dbopt":
                self.help = _DBOPT_HELP
            super().format_help(ctx, formatter)
        finally:
            self.help = own
