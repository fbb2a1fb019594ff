"""Whether a layout that was just written is what was hoped for: both gates, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from parquetry.errors import NotFoundError
from parquetry.tuning.evaluation.gates import GateVerdict, gate_b
from parquetry.tuning.evaluation.giving_up import give_up, version_before
from parquetry.tuning.evaluation.racing import race_before
from parquetry.tuning.evaluation.replaying import replay, rows_by_folder
from parquetry.tuning.proposing import propose_for
from parquetry.tuning.replicas.folder import find_manifest, replica_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.access.listing import Listing
    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord

_QUERIES = 1_000


@dataclass(frozen=True, slots=True)
class Verification:
    """What the two gates say: A of what is read, B of how long it takes.

    Args:
        gate_a: Does it read less?
        gate_b: Is it faster?
        given_up: What became of a layout that did not pass, in a sentence.
    """

    gate_a: GateVerdict
    gate_b: GateVerdict
    given_up: str = field(default="", compare=False)

    @property
    def passed(self) -> bool:
        """Whether both let the layout through."""
        return self.gate_a.passed and self.gate_b.passed


def verify_layout(
    dataset: Dataset, metadata: MetadataStore, config: Config, record: LayoutRecord
) -> Verification | None:
    """Return what the gates say of a layout, None if there is no question to ask or no such layout.

    A replica is compared with the dataset's own files. A layout of the folder itself is compared with
    the files that it has retired, which are kept as long as it can be undone; where the dataset was
    changed since, there is nothing that it could be compared with.

    The verdict is remembered; see `find_verification`. A layout that does not pass is given up.

    **Cost:** up to sixty logged questions are asked three times in both layouts, fewer where the first
    of them tell already.

    Args:
        dataset: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        record: The layout.
    """
    proposal = propose_for(dataset, metadata, config, rules=())
    sides = _replica(dataset, record) if record.role == "replica" else _active(dataset, record)
    if sides is None or record.layout is None or not proposal.queries:
        return None
    queries = metadata.queries(dataset.name, limit=_QUERIES)
    gate = replay(proposal.situation, record.layout, sides.before, sides.after, sides.pieces)
    pairs = race_before(dataset, metadata, record, queries, seed=config.seed)
    found = Verification(gate, gate_b(pairs, seed=config.seed))
    remember_verification(metadata, dataset.name, record.layout_id, found)
    if found.passed:
        return found
    failed = found.gate_b if found.gate_a.passed else found.gate_a
    return replace(found, given_up=give_up(dataset, metadata, record, failed.reason))


def remember_verification(
    metadata: MetadataStore, table: str, layout_id: str, found: Verification
) -> None:
    """Keep what the gates said of a layout."""
    document = {
        name: {"passed": gate.passed, "reason": gate.reason}
        for name, gate in (("gate_a", found.gate_a), ("gate_b", found.gate_b))
    }
    metadata.save_state(table, document, _key(layout_id))


def find_verification(metadata: MetadataStore, table: str, layout_id: str) -> Verification | None:
    """Return what the gates said of a layout, None if they were never asked."""
    kept = metadata.state(table, _key(layout_id))
    return kept and Verification(GateVerdict(**kept["gate_a"]), GateVerdict(**kept["gate_b"]))


@dataclass(frozen=True, slots=True)
class _Sides:
    """The files of both layouts, and the rows of each part that was laid out for itself."""

    before: Listing
    after: Listing
    pieces: Sequence[int]


def _replica(dataset: Dataset, record: LayoutRecord) -> _Sides | None:
    home, source = dataset.source.home, dataset.source
    manifest = find_manifest(home, source.storage, record.layout_id)
    if manifest is None:
        return None
    folder = replica_folder(home, record.layout_id)
    after = source.listing_of([f"{folder}/{file.name}" for file in manifest.files])
    return _Sides(source.listing(), after, [piece.rows for piece in manifest.pieces if piece.rows])


def _active(dataset: Dataset, record: LayoutRecord) -> _Sides | None:
    version = version_before(dataset, record.layout_id)
    if version is None:
        return None
    try:
        before = dataset.at(version).source.listing()
    except NotFoundError:  # it was vacuumed
        return None
    after = dataset.source.listing()
    return _Sides(before, after, rows_by_folder(after))


def _key(layout_id: str) -> str:
    return f"gates {layout_id}"
