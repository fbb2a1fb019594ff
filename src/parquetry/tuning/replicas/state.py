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


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """A replica beside its dataset.

    Args:
        layout_id: Its layout.
        files: The dataset's files.
        covered: How many of them it stands for.
        stale_pieces: Pieces that stand for nothing any more, because a file of theirs has changed.
        rows: Its rows, in all pieces.
        bytes: The size of its files.
    """

    layout_id: str
    files: int
    covered: int
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
    return ReplicaState(
        layout_id,
        len(snapshot.files),
        sum(len(piece.sources) for piece in valid),
        len(manifest.pieces) - len(valid),
        manifest.rows,
        manifest.size_bytes,
    )


def settle_records(metadata: MetadataStore, table: str, home: Home, storage: Storage) -> None:
    """Bring what the metadata database says of a dataset's replicas in line with the disk.

    A replica whose files were taken away is `retired`, one that stands for changed files is `stale`,
    and one that was and is right again is `ready`.
    """
    try:
        states = replica_states(home, storage)
    except NotFoundError:
        states = {}
    for record in metadata.layouts(table):
        if record.role != "replica" or record.state not in {"ready", "stale"}:
            continue
        now = _state_of(states.get(record.layout_id))
        if now != record.state:
            metadata.save_layout(replace(record, state=now, message=_MESSAGES[now]))


def _state_of(found: ReplicaState | None) -> LayoutState:
    if found is None:
        return "retired"
    return "stale" if found.stale_pieces else "ready"


_MESSAGES: dict[LayoutState, str] = {
    "ready": "",
    "stale": "files of the dataset that it was made from have changed; refresh it",
    "retired": "its files are gone",
}
