"""Context extraction: what a question is about, apart from its values. One can bring one's own."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from parquetry.tuning.questions.polars_shapes import shape_of_scan
from parquetry.tuning.questions.sql_shapes import shape_of_sql
from parquetry.tuning.questions.templates import template_of
from parquetry.tuning.records import Shape

if TYPE_CHECKING:
    from parquetry.tuning.questions.asked import Asked

_REMEMBERED = 1_024


class ContextExtractor(Protocol):
    """Somebody who knows what a question is about; threads share one."""

    def extract(self, asked: Asked) -> Shape:
        """Return what a question is about; its `cluster_id` is left empty."""


class ShapeExtractor:
    """The context of a question: the columns that it uses, and what for.

    **Cost:** a text whose template was seen before takes some microseconds, others a millisecond.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, tuple[str, ...]], Shape] = OrderedDict()
        self._guard = Lock()

    def extract(self, asked: Asked) -> Shape:
        """Return what a question is about; its `cluster_id` is left empty."""
        if asked.language == "polars":
            return shape_of_scan(asked)
        key = (template_of(asked.text), asked.tables)
        shape = self._known.get(key)
        if shape is None:
            shape = shape_of_sql(asked.text, asked.tables)
            if shape is None:
                shape = Shape(cluster_id="", tables=asked.tables, template=key[0])
            shape = replace(shape, example=asked.text)
            self._remember(key, shape)
        return shape

    def _remember(self, key: tuple[str, tuple[str, ...]], shape: Shape) -> None:
        with self._guard:
            self._known[key] = shape
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
