"""Options that the commands of tuning share."""

from __future__ import annotations

from typing import Annotated

import typer

TableName = Annotated[
    str, typer.Option("--table-name", help="The dataset: its folder in DATA_DIR.")
]
NumQueries = Annotated[int, typer.Option("--num-queries", min=1, help="How many questions.")]
Explore = Annotated[
    bool,
    typer.Option("--explore", help="Answer some questions from other layouts, to learn of them."),
]
ExplorationRate = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        max=1.0,
        help="The share of such questions at most; EXPLORATION_RATE if left out. Implies --explore.",
        show_default=False,
    ),
]
Seed = Annotated[int | None, typer.Option(help="What all chance depends on.", show_default="0")]
Append = Annotated[bool, typer.Option("--append", help="Add to the rows that are there.")]
