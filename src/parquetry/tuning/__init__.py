"""Learning from questions how a dataset is best laid out, and laying it out so.

Every question through a store that has tuning switched on is logged (`query_log`), understood
(`workload`), answered with proposals (`candidates`) that are priced without rewriting anything
(`costs`); a layout is moved to when that pays (`deciding`, `migrations`), and watched (`evaluation`,
`routing`). `loop` shows the whole round on one screen. The names below are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parquetry.lazy import lazy_names

if TYPE_CHECKING:
    from parquetry.tuning.bandits.policy import Choice, Option, Policy
    from parquetry.tuning.candidates.proposing import RULES, Rule
    from parquetry.tuning.config import Config
    from parquetry.tuning.executor import QueryExecutor
    from parquetry.tuning.explorer import LayoutExplorer
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.migrations.enqueuing import enqueue_migration
    from parquetry.tuning.migrations.worker import Worker
    from parquetry.tuning.query_log import QueryLogger
    from parquetry.tuning.questions.clustering import Classifier, Clusterer, ShapeClusterer
    from parquetry.tuning.questions.context import ContextExtractor, ShapeExtractor
    from parquetry.tuning.rewriting.local import LocalRewriter
    from parquetry.tuning.rewriting.task import Rewriter, RewriteTask, WrittenPart
    from parquetry.tuning.round import Round
    from parquetry.tuning.routing.router import ReplicaRouter

_HOMES = {
    "parquetry.tuning.bandits.policy": ("Choice", "Option", "Policy"),
    "parquetry.tuning.candidates.proposing": ("RULES", "Rule"),
    "parquetry.tuning.config": ("Config",),
    "parquetry.tuning.executor": ("QueryExecutor",),
    "parquetry.tuning.explorer": ("LayoutExplorer",),
    "parquetry.tuning.metadata.store": ("MetadataStore",),
    "parquetry.tuning.migrations.enqueuing": ("enqueue_migration",),
    "parquetry.tuning.migrations.worker": ("Worker",),
    "parquetry.tuning.query_log": ("QueryLogger",),
    "parquetry.tuning.questions.clustering": ("Classifier", "Clusterer", "ShapeClusterer"),
    "parquetry.tuning.questions.context": ("ContextExtractor", "ShapeExtractor"),
    "parquetry.tuning.rewriting.local": ("LocalRewriter",),
    "parquetry.tuning.rewriting.task": ("RewriteTask", "Rewriter", "WrittenPart"),
    "parquetry.tuning.round": ("Round",),
    "parquetry.tuning.routing.router": ("ReplicaRouter",),
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "RULES",
    "Choice",
    "Classifier",
    "Clusterer",
    "Config",
    "ContextExtractor",
    "LayoutExplorer",
    "LocalRewriter",
    "MetadataStore",
    "Option",
    "Policy",
    "QueryExecutor",
    "QueryLogger",
    "ReplicaRouter",
    "RewriteTask",
    "Rewriter",
    "Round",
    "Rule",
    "ShapeClusterer",
    "ShapeExtractor",
    "Worker",
    "WrittenPart",
    "enqueue_migration",
]
