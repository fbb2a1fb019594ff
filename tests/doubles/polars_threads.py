"""Work that needs the threads of Polars."""

from __future__ import annotations

import polars as pl


def start_threads() -> int:
    """Let Polars start its threads, if it has not yet, and return a number."""
    frame = pl.DataFrame({"a": range(1000), "b": range(1000)})
    return frame.with_columns(pl.col("a").sort(), pl.col("b").sum()).height


def use_polars(item: int) -> int:
    """Return a number to which Polars has added one thousand."""
    return item + start_threads()
