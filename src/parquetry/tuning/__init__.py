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
    from parquetry.tuning.config import Config
    from parquetry.tuning.executor import QueryExecutor
    from parquetry.tuning.metadata.store import MetadataStore
    from parquetry.tuning.migrations.enqueuing import enqueue_migration
    from parquetry.tuning.migrations.worker import Worker
    from parquetry.tuning.query_log import QueryLogger
    from parquetry.tuning.rewriting.local import LocalRewriter
    from parquetry.tuning.rewriting.task import Rewriter, RewriteTask, WrittenPart
    from parquetry.tuning.routing.router import ReplicaRouter

_HOMES = {
    "parquetry.tuning.config": ("Config",),
    "parquetry.tuning.executor": ("QueryExecutor",),
    "parquetry.tuning.metadata.store": ("MetadataStore",),
    "parquetry.tuning.migrations.enqueuing": ("enqueue_migration",),
    "parquetry.tuning.migrations.worker": ("Worker",),
    "parquetry.tuning.query_log": ("QueryLogger",),
    "parquetry.tuning.rewriting.local": ("LocalRewriter",),
    "parquetry.tuning.rewriting.task": ("RewriteTask", "Rewriter", "WrittenPart"),
    "parquetry.tuning.routing.router": ("ReplicaRouter",),
}
__getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = [
    "Config",
    "LocalRewriter",
    "MetadataStore",
    "QueryExecutor",
    "QueryLogger",
    "ReplicaRouter",
    "RewriteTask",
    "Rewriter",
    "Worker",
    "WrittenPart",
    "enqueue_migration",
]
