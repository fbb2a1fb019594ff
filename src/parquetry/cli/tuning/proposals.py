"""How priced layouts look in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parquetry.tuning.proposing import Proposal


def show_candidates(proposal: Proposal) -> None:
    """Print the layouts that are there and those that were thought of, with what they would take."""
    from parquetry.cli.rendering import show_table

    own = proposal.own
    rows = []
    for one in (*proposal.present, *proposal.candidates):
        gain = one.seconds / own.seconds - 1 if own.seconds else 0.0
        rows.append(
            (
                one.layout_id,
                "" if one in proposal.present else f"{one.rewrite_seconds:.1f} s",
                f"{one.seconds * 1000:.2f}",
                "" if one is own else f"{gain:+.1%}",
                f"{one.row_groups:.1f}",
                "as it came" if one.layout is None else one.layout.describe(),
            )
        )
    show_table(
        ["layout", "to write", "predicted ms", "vs own", "row groups", "rows stand"],
        rows,
    )
