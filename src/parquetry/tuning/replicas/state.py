"""How much of a dataset each of its replicas stands for at this moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parquetry.commits.snapshots import take_snapshot
from parquetry.errors import NotFoundError, ParquetryError
from parquetry.tuning.replicas.folder import find_manifest, list_replicas

if TYPE_CHECKING:
    from parquetry.commits.home import Home
    from parquetry.model.changes import Snapshot
    from parquetry.storage.protocol import Storage
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutState
    from parquetry.tuning.replicas.manifest import Manifest

_LEAST_COVERED = 0.75
"""A replica that stands for less of the dataset's bytes is made anew like one that is not there."""


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """A replica beside its dataset.

    Args:
        layout_id: Its layout.
        files: The dataset's files.
        covered: How many of them it stands for.
        covered_bytes_share: The share of their size that these make up.
        stale_pieces: Pieces that stand for nothing any more, because a file of theirs has changed.
        rows: Its rows, in all pieces.
        bytes: The size of its files.
    """

    layout_id: str
    files: int
    covered: int
    covered_bytes_share: float
    stale_pieces: int
    rows: int
    bytes: int

    @property
    def is_fresh(self) -> bool:
        """Whether it stands for every file, and for nothing else."""
        return self.covered == self.files and not self.stale_pieces


def replica_states(home: Home, storage: Storage) -> dict[str, ReplicaState]:
    """Return the state of each replica of a dataset that can be read, by its layout.

    **Cost:** one `stat` a file of the dataset.
    """
    snapshot = take_snapshot(home, storage)
    found = {}
    for layout_id in list_replicas(home, storage):
        try:
            manifest = find_manifest(home, storage, layout_id)
        except ParquetryError:
            continue
        if manifest is not None:
            found[layout_id] = _state(layout_id, manifest, snapshot)
    return found


def _state(layout_id: str, manifest: Manifest, snapshot: Snapshot) -> ReplicaState:
    there = set(snapshot.files)
    valid = [piece for piece in manifest.pieces if there.issuperset(piece.sources)]
    sources = [file for piece in valid for file in piece.sources]
    size = sum(file.bytes for file in there)
    return ReplicaState(
        layout_id,
        len(snapshot.files),
        len(sources),
        sum(file.bytes for file in sources) / size if size else 1.0,
        len(manifest.pieces) - len(valid),
        manifest.rows,
        manifest.size_bytes,
    )


def settle_records(metadata: MetadataStore, table: str, home: Home, storage: Storage) -> bool:
    """Bring what the metadata database says of a dataset's replicas in line with the disk.

    A replica whose files were taken away is `retired`; one that stands for less than three quarters of
    the dataset, because files have changed or come, is `stale`; and one that was and is right again is
    `ready`. Return whether one is ready no more.

    **Cost:** one `stat` a file of the dataset if there are replicas, otherwise nothing.
    """
    known = [
        record
        for record in metadata.layouts(table)
        if record.role == "replica" and record.state in {"ready", "stale"}
    ]
    if not known:
        return False
    try:
        states = replica_states(home, storage)
    except NotFoundError:
        states = {}
    is_lost = False
    for record in known:
        now = _state_of(states.get(record.layout_id))
        if now != record.state:
            metadata.save_layout(replace(record, state=now, message=_MESSAGES[now]))
            is_lost |= record.state == "ready"
    return is_lost


def _state_of(found: ReplicaState | None) -> LayoutState:
    if found is None:
        return "retired"
    return "stale" if found.covered_bytes_share < _LEAST_COVERED else "ready"


_MESSAGES: dict[LayoutState, str] = {
    "ready": "",
    "stale": "many files of the dataset have changed or come since it was made; refresh it",
    "retired": "its files are gone",
}
