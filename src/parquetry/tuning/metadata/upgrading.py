"""Bringing a database to the present tables, and refusing one that is not ours to touch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import sqlalchemy as sa

from parquetry.errors import FormatVersionError, RequestError
from parquetry.tuning.metadata.tables import HEAD, TABLES, VERSION_TABLE

if TYPE_CHECKING:
    from parquetry.tuning.metadata.connecting import Database

_MIGRATIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations")
_UPGRADE_LOCK = 7_261_909_330_421_118_005  # a number of ours among PostgreSQL's advisory locks


def upgrade(database: Database) -> None:
    """Bring a database to the present tables; an empty one gets all of them.

    **Guarantees:** it has the old tables or the new ones, never some of each; of several processes that
    upgrade at once, one does.

    **Cost:** one small query where nothing is to be done. Alembic, which takes longer to load than all
    else here, is only asked for tables of an older revision.

    Raises:
        FormatVersionError: A newer parquetry made the tables.
        RequestError: It holds tables of the same names that are not ours.
    """
    with database.reading() as connection:
        if _version(connection, database.place) == HEAD:
            return
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        version = _version(connection, database.place)
        if version is None:
            _refuse_others(connection, database.place)
            _make_tables(connection)
        elif version != HEAD:
            run_revisions(connection)


def _version(connection: sa.Connection, place: str) -> str | None:
    """Return the revision of the tables, None if there are none yet."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    chosen = sa.select(sa.column("version_num", sa.Text)).select_from(sa.table(VERSION_TABLE))
    version: str | None = connection.execute(chosen).scalar_one_or_none()
    if version is not None and (not version.isdigit() or version > HEAD):
        raise FormatVersionError(
            f"The metadata database {place} has tables of revision {version}; this parquetry knows "
            f"revisions up to {HEAD}. Nothing was changed. Update parquetry, or name another database.",
            path=place,
        )
    return version


def _refuse_others(connection: sa.Connection, place: str) -> None:
    taken = sorted(set(sa.inspect(connection).get_table_names()) & set(TABLES.tables))
    if taken:
        raise RequestError(
            f"{place} has a table {taken[0]!r} that parquetry did not make. Nothing was changed. Name "
            "another database for what tuning remembers."
        )


def _make_tables(connection: sa.Connection) -> None:
    """Make the present tables at once: what all revisions make one after the other."""
    TABLES.create_all(connection)
    number = sa.Column("version_num", sa.String(32), primary_key=True)
    versions = sa.Table(VERSION_TABLE, sa.MetaData(), number)
    versions.create(connection)
    connection.execute(versions.insert().values(version_num=HEAD))


def run_revisions(connection: sa.Connection) -> None:
    """Run the revisions that a database has not seen yet."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _MIGRATIONS.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
