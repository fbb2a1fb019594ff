"""Whether a layout that was just written is what was hoped for: both gates, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.model.layouts import INITIAL
from parquetry.tuning.evaluation.gates import GateVerdict, gate_b
from parquetry.tuning.evaluation.racing import race
from parquetry.tuning.evaluation.replaying import replay
from parquetry.tuning.proposing import propose_for
from parquetry.tuning.replicas.folder import find_manifest, replica_folder

if TYPE_CHECKING:
    from parquetry.access.listing import Listing
    from parquetry.dataset import Dataset
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.records import LayoutRecord

_QUERIES = 1_000


@dataclass(frozen=True, slots=True)
class Verification:
    """What the two gates say: A of what is read, B of how long it takes."""

    gate_a: GateVerdict
    gate_b: GateVerdict

    @property
    def passed(self) -> bool:
        """Whether both let the layout through."""
        return self.gate_a.passed and self.gate_b.passed


def verify_replica(
    dataset: Dataset, metadata: MetadataStore, config: Config, record: LayoutRecord
) -> Verification | None:
    """Return what the gates say of a replica, None if there is no question to ask or no replica.

    The verdict is remembered; see `find_verification`. Nothing is given up.

    **Cost:** up to sixty logged questions are asked three times in both layouts.

    Args:
        dataset: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        record: The layout.
    """
    after = _listing(dataset, record.layout_id)
    proposal = propose_for(dataset, metadata, config, rules=())
    if after is None or record.layout is None or not proposal.queries:
        return None
    own = metadata.active_layout(dataset.name)
    old = own.layout_id if own is not None else INITIAL
    queries = metadata.queries(dataset.name, limit=_QUERIES)
    store = dataset.path.rpartition("/")[0]
    found = Verification(
        replay(proposal.situation, record.layout, dataset.source.listing(), after),
        gate_b(race(store, queries, old, record.layout_id, seed=config.seed), seed=config.seed),
    )
    document = {
        name: {"passed": gate.passed, "reason": gate.reason}
        for name, gate in (("gate_a", found.gate_a), ("gate_b", found.gate_b))
    }
    metadata.save_state(dataset.name, document, _key(record.layout_id))
    return found


def find_verification(metadata: MetadataStore, table: str, layout_id: str) -> Verification | None:
    """Return what the gates said of a layout, None if they were never asked."""
    kept = metadata.state(table, _key(layout_id))
    return kept and Verification(*(GateVerdict(**kept[name]) for name in ("gate_a", "gate_b")))


def _listing(dataset: Dataset, layout_id: str) -> Listing | None:
    home, storage = dataset.source.home, dataset.source.storage
    manifest = find_manifest(home, storage, layout_id)
    if manifest is None:
        return None
    folder = replica_folder(home, layout_id)
    return dataset.source.listing_of([f"{folder}/{file.name}" for file in manifest.files])


def _key(layout_id: str) -> str:
    return f"gates {layout_id}"
