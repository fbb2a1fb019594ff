"""The table `migration_job`: a queue that several workers share.

A job belongs to one owner at a time, and a dataset to one running job: an index of the database sees to
the second, whoever is in a hurry.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from parquetry.errors import NotFoundError
from parquetry.model.layouts import Layout
from parquetry.tuning.metadata.tables import migration_job
from parquetry.tuning.records import OPEN_STATES, MigrationJob

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parquetry.tuning.records import JobState

_JOB = migration_job.c


def enqueue_job(connection: sa.Connection, job: MigrationJob) -> MigrationJob:
    """Add a job to the queue; the one that does the same, if it is there already, is returned."""
    same = sa.select(migration_job).where(
        _JOB.table_name == job.table,
        _JOB.layout_id == job.layout.layout_id,
        _JOB.role == job.role,
        _JOB.state.in_(OPEN_STATES),
    )
    known = connection.execute(same.order_by(_JOB.job_id).limit(1)).one_or_none()
    if known is not None:
        return _job(known)
    row = {
        "table_name": job.table,
        "layout_id": job.layout.layout_id,
        "layout": job.layout.to_json(),
        "mode": job.mode,
        "role": job.role,
        "state": "queued",
        "progress": 0.0,
        "estimate_seconds": job.estimate_seconds,
        "created_at": _now(),
        "message": job.message,
        "resume": dict(job.resume),
    }
    added = connection.execute(sa.insert(migration_job).returning(migration_job), row).one()
    return _job(added)


def claim_job(
    connection: sa.Connection, owner: str, stale_after_seconds: float, table: str | None
) -> MigrationJob | None:
    """Take the oldest job that waits, or whose owner gives no sign of life, for a new owner.

    Nobody else can have taken it: SQLite lets one writer in at a time, and in PostgreSQL rows that
    another claimant looks at are skipped.
    """
    now = _now()
    dead = sa.and_(
        _JOB.state == "running",
        _JOB.heartbeat_at < now - dt.timedelta(seconds=stale_after_seconds),
    )
    other = migration_job.alias("other")
    busy = (
        sa.select(other.c.job_id)
        .where(other.c.table_name == _JOB.table_name, other.c.state == "running")
        .exists()
    )
    waiting = sa.and_(_JOB.state == "queued", ~busy)
    chosen = sa.select(_JOB.job_id).where(sa.or_(dead, waiting))
    if table is not None:
        chosen = chosen.where(_JOB.table_name == table)
    found = connection.execute(
        chosen.order_by(_JOB.job_id).limit(1).with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if found is None:
        return None
    changes = {
        "state": "running",
        "owner": owner,
        "heartbeat_at": now,
        "started_at": sa.func.coalesce(
            _JOB.started_at, sa.bindparam("now", now, _JOB.started_at.type)
        ),
    }
    taken = sa.update(migration_job).where(_JOB.job_id == found).values(changes)
    try:
        with connection.begin_nested():
            return _job(connection.execute(taken.returning(migration_job)).one())
    except sa.exc.IntegrityError:  # somebody took a job of the same dataset in this moment
        return None


def heartbeat_job(
    connection: sa.Connection, job_id: int, owner: str, news: Mapping[str, Any]
) -> bool:
    """Give a sign of life, with news; return whether the job is still this owner's."""
    values = {name: value for name, value in news.items() if value is not None}
    return _change(connection, job_id, owner, {**values, "heartbeat_at": _now()})


def finish_job(
    connection: sa.Connection, job_id: int, owner: str, state: JobState, message: str
) -> bool:
    """End a job; return whether it was still this owner's."""
    values: dict[str, Any] = {"state": state, "message": message, "finished_at": _now()}
    if state == "done":
        values["progress"] = 1.0
    return _change(connection, job_id, owner, values)


def release_job(connection: sa.Connection, job_id: int, owner: str) -> bool:
    """Give a job back to the queue, with what is needed to go on."""
    return _change(connection, job_id, owner, {"state": "queued", "owner": None})


def cancel_job(connection: sa.Connection, job_id: int) -> MigrationJob:
    """Cancel a job that waits or runs; who runs it learns so at the next sign of life.

    Raises:
        NotFoundError: There is no such job.
    """
    ended = {"state": "cancelled", "finished_at": _now(), "message": "cancelled"}
    where = sa.and_(_JOB.job_id == job_id, _JOB.state.in_(OPEN_STATES))
    connection.execute(sa.update(migration_job).where(where).values(ended))
    return select_job(connection, job_id)


def select_job(connection: sa.Connection, job_id: int) -> MigrationJob:
    """Return a job.

    Raises:
        NotFoundError: There is no such job.
    """
    found = connection.execute(sa.select(migration_job).where(_JOB.job_id == job_id)).one_or_none()
    if found is None:
        raise NotFoundError(
            f"There is no migration job {job_id}. Nothing was changed. The status lists the jobs."
        )
    return _job(found)


def select_jobs(
    connection: sa.Connection, table: str | None, state: JobState | None = None
) -> list[MigrationJob]:
    """Return the jobs, oldest first."""
    chosen = sa.select(migration_job).order_by(_JOB.job_id)
    if table is not None:
        chosen = chosen.where(_JOB.table_name == table)
    if state is not None:
        chosen = chosen.where(_JOB.state == state)
    return list(map(_job, connection.execute(chosen)))


def _change(connection: sa.Connection, job_id: int, owner: str, values: Mapping[str, Any]) -> bool:
    mine = sa.and_(_JOB.job_id == job_id, _JOB.owner == owner, _JOB.state == "running")
    changed = connection.execute(sa.update(migration_job).where(mine).values(dict(values)))
    return changed.rowcount == 1


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _job(row: sa.Row[Any]) -> MigrationJob:
    return MigrationJob(
        table=row.table_name,
        layout=Layout.from_json(row.layout),
        mode=row.mode,
        role=row.role,
        job_id=row.job_id,
        state=row.state,
        owner=row.owner,
        heartbeat_at=row.heartbeat_at,
        progress=float(row.progress),
        estimate_seconds=row.estimate_seconds,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        message=row.message,
        resume=row.resume,
    )
