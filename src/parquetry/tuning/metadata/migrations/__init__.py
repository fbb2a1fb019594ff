"""How the tables of the metadata database came to be, revision by revision; Alembic runs them."""
