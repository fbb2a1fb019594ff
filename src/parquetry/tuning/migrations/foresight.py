"""Whether new files, before they come into use, read as little as was predicted of their layout."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError
from parquetry.tuning.evaluation.gates import GateVerdict, shows_prediction
from parquetry.tuning.evaluation.replaying import predicted_volume, written_volume
from parquetry.tuning.evaluation.verifying import Verification, remember_verification
from parquetry.tuning.proposing import propose_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parquetry.commits.home import Home
    from parquetry.model.layouts import Layout
    from parquetry.tuning.candidates.situation import Situation
    from parquetry.tuning.config import Config
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.replicas.manifest import Piece


class Foresight:
    """Holds the footers of new files against what was predicted for the logged questions.

    **Cost:** the dataset's footers and its sample, once; and the footers of the new files.

    Args:
        home: The dataset.
        metadata: Where questions are logged.
        config: The settings.
        layout: The layout that is being written.
    """

    def __init__(self, home: Home, metadata: MetadataStore, config: Config, layout: Layout) -> None:
        self._home, self._metadata, self._config = home, metadata, config
        self._layout = layout

    def __call__(self, folder: str, pieces: Sequence[Piece]) -> None:
        """Look at pieces whose files stand in a folder; where nothing was asked yet, nothing is said.

        Raises:
            CorruptionError: They read more than was predicted.
        """
        situation = self._situation
        if situation is None:
            return
        files = [f"{folder}/{file.name}" for piece in pieces for file in piece.files]
        rows = [piece.rows for piece in pieces if piece.rows]
        listing = self._dataset.source.listing_of(files)
        found = shows_prediction(
            written_volume(situation, self._layout, listing),
            predicted_volume(situation, self._layout, rows),
        )
        if not found.passed:
            self._refuse(found)

    def _refuse(self, found: GateVerdict) -> None:
        name, layout_id = self._dataset.name, self._layout.layout_id
        unknown = GateVerdict(passed=False, reason="it was discarded before it came into use")
        verdict = Verification(found, unknown)
        remember_verification(self._metadata, name, layout_id, verdict)
        raise CorruptionError(
            f"The new files of {self._home.root} do not keep apart what {layout_id} is to keep apart: "
            f"{found.reason}. They were discarded and the dataset is as it was. Look at what rewrites "
            f"the files, or take a new sample of the dataset by deleting {self._home.state}/sample.pq.",
            path=self._home.root,
        )

    @cached_property
    def _dataset(self) -> Dataset:
        return Dataset(self._home.root)

    @cached_property
    def _situation(self) -> Situation | None:
        """What was asked of the dataset, None if nothing was."""
        if not self._metadata.count_queries(self._home.name):
            return None
        proposal = propose_for(self._dataset, self._metadata, self._config, rules=())
        return proposal.situation
