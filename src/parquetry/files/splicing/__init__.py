"""Row groups and column chunks copied from Parquet file to Parquet file as bytes, undecoded.

`Source` opens a file, `Splicer` writes a new one from row groups of sources, and `find_refusals`
and `find_differences` tell beforehand what cannot be copied, and why. `concatenate` and
`drop_row_groups` are whole uses of them.
"""

from parquetry.files.splicing.compatibility import (
    Reason,
    Refusal,
    find_differences,
    find_refusals,
)
from parquetry.files.splicing.concatenating import concatenate, drop_row_groups
from parquetry.files.splicing.copying import Sink
from parquetry.files.splicing.extending import is_extendable
from parquetry.files.splicing.footer import Chunk, Footer, Group
from parquetry.files.splicing.source import Source
from parquetry.files.splicing.splicer import Spliced, Splicer
from parquetry.files.splicing.terms import FloatBounds
from parquetry.files.splicing.writers import find_distrust

__all__ = [
    "Chunk",
    "FloatBounds",
    "Footer",
    "Group",
    "Reason",
    "Refusal",
    "Sink",
    "Source",
    "Spliced",
    "Splicer",
    "concatenate",
    "drop_row_groups",
    "find_differences",
    "find_distrust",
    "find_refusals",
    "is_extendable",
]
