"""What a seed is, and rows that are of one."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from parquetry.errors import ParameterError
from parquetry.model.frames import iterate_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from parquetry.model.frames import Rows

_LIMIT = 2**63


def check_seed(seed: Any, done: str) -> int:
    """Return the seed as a plain int.

    Args:
        seed: What was given.
        done: What is not done if it is none: "written".

    Raises:
        ParameterError: It is no whole number of 64 bits.
    """
    try:
        number = operator.index(seed)
    except TypeError:
        number = None
    if number is None or isinstance(seed, bool) or not -_LIMIT <= number < _LIMIT:
        raise ParameterError(
            f"{seed!r:.80} is no seed: expected a whole number of 64 bits. Nothing was {done}."
        )
    return number


def rows_of_seed(rows: Rows, seed: int) -> Iterator[pa.Table]:
    """Yield the rows, batch by batch, unless they say that they are of another seed.

    Raises:
        ParameterError: They do.
    """
    for table in iterate_tables(rows):
        if "seed" in table.column_names:
            found = pc.unique(table["seed"]).to_pylist()
            other = next((value for value in found if value != seed), seed)
            if other != seed:
                raise ParameterError(
                    f"These rows say seed={other!r} and are to be written as seed {seed}. Nothing was "
                    "written. Leave the seed out of one of the two, or write the rows of each seed "
                    "in a call of its own."
                )
        yield table
