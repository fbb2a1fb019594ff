"""What a rewriter is asked to do, as values that can be sent anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from parquetry.model.layouts import Layout
    from parquetry.operations.surveying import Survey

MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class RewriteTask:
    """Rows to write in a layout. It can be pickled.

    Args:
        survey: The files whose rows are to be written, and how the dataset sees them: what the
            folders say of the keys, and the type of each column.
        schema: The columns of the new files, as they are declared there.
        layout: How the rows are to be laid out.
        folder: Where the new files go; it exists, and everybody who works on the task reaches it.
        name: What the names of the new files begin with; nobody else uses it there.
        memory_bytes: The memory to keep to, about.
        skip: The numbers of parts that an earlier attempt has written.
    """

    survey: Survey
    schema: pa.Schema
    layout: Layout
    folder: str
    name: str
    memory_bytes: int = MEMORY_BYTES
    skip: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class WrittenPart:
    """The rows of one range of the layout's order, written whole.

    Args:
        number: Which part of the task it is; those with smaller numbers stand before it.
        total: How many parts the task has.
        paths: Its files, in the layout's order: absolute paths that end in `.pq`.
    """

    number: int
    total: int
    paths: tuple[str, ...]


class Rewriter(Protocol):
    """Whoever writes rows in a layout: on this machine, on another one, on a cluster."""

    def __call__(self, task: RewriteTask) -> Iterable[WrittenPart]:
        """Write the rows part by part, and give each part when its files are written whole.

        The same task has the same parts each time it is asked, so that an interrupted one can go on;
        parts come in any order. Whoever asked makes the files durable and proves them. What an error
        leaves in the folder belongs to whoever asked, too. Closing the iterable ends the work.

        Raises:
            StorageError: The disk refused.
            CorruptionError: A source file cannot be decoded.
            NotFoundError: A source file is gone.
            LayoutError: Rows cannot be ordered as the layout says.
        """
