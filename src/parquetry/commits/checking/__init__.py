"""A check of a dataset: everything that could lose rows, mislead a reader or stop one.

`survey` lists what is there, `names`, `links` and `partitions` judge how it is laid out, `contents` and
`columns` what the files hold, `records` whether that fits the log, `guarantee` what this disk can do.
Nothing is changed, nothing is repaired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.commits.checking.columns import column_findings
from parquetry.commits.checking.contents import content_findings, look_inside
from parquetry.commits.checking.guarantee import guarantee_findings, probe_guarantee
from parquetry.commits.checking.leftovers import leftover_findings
from parquetry.commits.checking.links import link_findings
from parquetry.commits.checking.names import name_findings
from parquetry.commits.checking.partitions import partition_findings
from parquetry.commits.checking.records import read_log, record_findings
from parquetry.commits.checking.survey import survey
from parquetry.commits.settling import held_shared
from parquetry.model.findings import CheckReport, sorted_findings

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.storage.protocol import Storage

__all__ = ["CheckReport", "check"]


def check(
    home: Home, storage: Storage, *, deep: bool = False, memory_bytes: int = 4 << 30
) -> CheckReport:
    """Return everything about a dataset that could lose rows, mislead a reader or stop one.

    **Guarantees:** nothing is changed. Files are read in a child process with limits of memory and
    time, so that a broken or hostile file becomes a finding and not the end of this process.

    **Cost:** one walk, and the footer of every file, about half a millisecond each. With `deep` every
    page is decoded and its checksum compared, and files whose SHA-256 is in the log are hashed.

    Args:
        home: The dataset.
        storage: The disk.
        deep: Whether to read all data.
        memory_bytes: The most memory that reading one file may take.

    Raises:
        NotFoundError: There is no such dataset.
    """
    with held_shared(home, storage):
        seen = survey(home, storage)
        log = read_log(home, storage)
        leftovers = leftover_findings(home, storage)
    inside = look_inside(home, storage, seen, deep=deep, memory_bytes=memory_bytes)
    guarantee = probe_guarantee(home, storage)
    findings = [
        *seen.unreadable,
        *name_findings(seen),
        *link_findings(home, storage, seen),
        *partition_findings(seen),
        *content_findings(inside),
        *column_findings(seen, inside),
        *record_findings(home, storage, log, seen, inside, deep=deep),
        *leftovers,
        *guarantee_findings(home, guarantee),
    ]
    return CheckReport(
        home.root,
        max((record.version for record in log.records), default=0),
        len(seen.data),
        sum(file.bytes for file in seen.data),
        sum(examination.rows for examination in inside.values()),
        deep,
        guarantee,
        sorted_findings(findings),
    )
