"""Where Alembic begins: the revisions run in the transaction of whoever upgrades."""

from __future__ import annotations

from alembic import context

from parquetry.tuning.metadata.tables import TABLES, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TABLES,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
