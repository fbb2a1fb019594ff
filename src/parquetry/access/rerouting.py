"""Answering a question from other files than the dataset's own, as long as they can be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parquetry.errors import CorruptionError, NotFoundError, SchemaMismatchError, StorageError

if TYPE_CHECKING:
    from parquetry.access.listing import Listing
    from parquetry.access.observing import Question, Route, Router


@dataclass(frozen=True, slots=True)
class Detour:
    """A question and the route by which it is answered."""

    question: Question
    route: Route
    router: Router

    def give_up(self) -> None:
        """Tell the router that the files could not be read."""
        self.router.failed(self.question, self.route)


def find_detour(router: Router | None, question: Question) -> tuple[Detour, Listing] | None:
    """Return the files that a router knows for a question, or None for the dataset's own.

    **Guarantees:** a route whose files are not whole is none; the router is told.
    """
    if router is None or not question.source.is_present:
        return None
    route = router.route(question)
    if route is None:
        return None
    detour = Detour(question, route, router)
    try:
        return detour, route.listing or question.source.listing_of(route.files)
    except (CorruptionError, NotFoundError, SchemaMismatchError, StorageError):
        detour.give_up()
        return None
