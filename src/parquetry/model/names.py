"""Names of columns as callers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Sequence


def refuse_text(names: Sequence[str] | None, what: str) -> None:
    """Raise `ParameterError` for one text in the place of names: it would be read letter by letter."""
    if isinstance(names, str):
        raise ParameterError(
            f"{what} are a list of names, and {names!r} is one text. Nothing was changed. Write "
            f"[{names!r}]."
        )
