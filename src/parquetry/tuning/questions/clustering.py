"""Clustering: which questions are of one kind. One can bring one's own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from parquetry.tuning.questions.asked import Asked
from parquetry.tuning.questions.context import ShapeExtractor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from parquetry.access.observing import Question
    from parquetry.tuning.questions.context import ContextExtractor
    from parquetry.tuning.records import ColumnName, Shape


class Clusterer(Protocol):
    """Somebody who tells kinds of question apart."""

    def cluster_id(self, shape: Shape) -> str:
        """Return the name of the kind of question, always the same for the same context."""


class ShapeClusterer:
    """Questions are of one kind if they use the same columns in the same way.

    The name is a digest of tables, predicate columns with the class of their operators, projected,
    grouping, ordering and join columns; it is the same in every process and on every machine.
    """

    def cluster_id(self, shape: Shape) -> str:
        """Return the digest of what the shape says, `c_` and twelve digits."""
        return _digest(shape)


@lru_cache(maxsize=4_096)
def _digest(shape: Shape) -> str:
    document: list[Any] = [
        sorted(map(str.lower, shape.tables)),
        sorted({(*_pair(use.name), use.operator) for use in shape.predicates}),
        _sorted_pairs(shape.projected),
        _sorted_pairs(shape.grouped),
        list(map(_pair, shape.ordered)),
        _sorted_pairs(shape.joined),
        shape.template,
    ]
    text = json.dumps(document, separators=(",", ":"))
    return f"c_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _sorted_pairs(names: Iterable[ColumnName]) -> list[tuple[str, str]]:
    return sorted(set(map(_pair, names)))


def _pair(name: ColumnName) -> tuple[str, str]:
    """Return a column as SQL's names go, without case."""
    return name.table.lower(), name.column.lower()


class Classifier:
    """Tells the kind of a question: context first, cluster then.

    Args:
        extractor: What says what a question is about.
        clusterer: What names its kind.
    """

    def __init__(
        self, extractor: ContextExtractor | None = None, clusterer: Clusterer | None = None
    ) -> None:
        self._extractor = extractor or ShapeExtractor()
        self._clusterer = clusterer or ShapeClusterer()

    def classify(self, asked: Asked) -> Shape:
        """Return what a question is about, with the name of its kind."""
        shape = self._extractor.extract(asked)
        return replace(shape, cluster_id=self._clusterer.cluster_id(shape))

    def cluster_of(self, question: Question) -> str:
        """Return the kind of a question that is about to be answered."""
        return self._clusterer.cluster_id(self._extractor.extract(Asked.before(question)))
