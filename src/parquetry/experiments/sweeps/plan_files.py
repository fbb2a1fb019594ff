"""Plans on disk: one immutable file a declaration, so that an index means the same unit for ever."""

from __future__ import annotations

import json
import posixpath
import uuid
from typing import TYPE_CHECKING, Any

from parquetry.commits.log import author, now
from parquetry.errors import AlreadyExistsError, CorruptionError, FormatVersionError, NotFoundError
from parquetry.experiments.sweeps.plan import Plan, PlannedGrid, PlanPart
from parquetry.storage.folders import make_folders, write_file

if TYPE_CHECKING:
    from parquetry.experiments.sweeps.places import Places
    from parquetry.storage.protocol import Storage

_FORMAT = 1


class PlanFiles:
    """The declarations of one sweep; each is read once, as it never changes."""

    def __init__(self, places: Places, storage: Storage) -> None:
        self._places, self._storage = places, storage
        self._parts: list[PlanPart] = []
        self._plan: Plan | None = None

    def find_plan(self) -> Plan | None:
        """Return the plan as it is now, or None if nothing was declared."""
        before = len(self._parts)
        while (part := self._find_part(len(self._parts) + 1)) is not None:
            self._parts.append(part)
        if self._parts and (self._plan is None or len(self._parts) > before):
            self._plan = Plan.of(self._parts)
        return self._plan

    def extend(self, declared: PlanPart) -> None:
        """Add to the plan what it does not have yet; if that is nothing, write nothing.

        **Guarantees:** the declaration is there whole and for good when this returns, and not at all
        if the process dies before. Others that declare at the same time lose nothing.
        """
        while (new := self._not_planned(declared)) is not None:
            if self._publish(len(self._parts) + 1, new):
                return

    def _not_planned(self, declared: PlanPart) -> PlanPart | None:
        plan = self.find_plan()
        known = set(plan.keys) if plan else set()
        grids = tuple(
            grid
            for grid in declared.grids
            if any((grid.grid_id, seed) not in known for seed in declared.seeds)
        )
        return PlanPart(grids, declared.seeds) if grids else None

    def _publish(self, number: int, part: PlanPart) -> bool:
        """Give a part its name once its bytes are safe; return whether nobody was faster."""
        places, storage = self._places, self._storage
        made = make_folders(storage, places.drafts) + make_folders(storage, places.folder)
        draft = f"{places.drafts}/{uuid.uuid4().hex}"
        write_file(storage, draft, _to_json(places.name, part))
        storage.sync(draft)
        try:
            storage.link(draft, places.plan_part(number))
        except AlreadyExistsError:
            return False
        finally:
            storage.unlink(draft)
        parents = {posixpath.dirname(folder) for folder in made}
        storage.sync_all(sorted({*parents, places.folder}))
        return True

    def _find_part(self, number: int) -> PlanPart | None:
        path = self._places.plan_part(number)
        try:
            content = self._storage.read_bytes(path)
        except NotFoundError:
            return None
        return _from_json(content, path)


def _to_json(name: str, part: PlanPart) -> bytes:
    document = {
        "format": _FORMAT,
        "name": name,
        "declared": now(),
        "author": author(),
        "seeds": list(part.seeds),
        "grids": [
            {"grid_id": grid.grid_id, "digest": grid.digest, "params": grid.params}
            for grid in part.grids
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False).encode()


def _from_json(content: bytes, path: str) -> PlanPart:
    try:
        document: dict[str, Any] = json.loads(content)
        if document["format"] > _FORMAT:
            raise FormatVersionError(
                f"The plan {path} was written by a newer parquetry. Nothing was changed. "
                "Update parquetry.",
                path=path,
            )
        grids = [PlannedGrid(g["grid_id"], g["digest"], g["params"]) for g in document["grids"]]
        return PlanPart(tuple(grids), tuple(document["seeds"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptionError(
            f"The plan {path} cannot be read. No rows were touched. Restore the file from a backup, "
            "or move it and the later parts away and declare the sweep again; what is done stays done.",
            path=path,
        ) from error
