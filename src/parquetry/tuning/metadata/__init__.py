"""The metadata database: what was asked, which layouts there are, what is to be done, what was learnt.

One module a table, each with functions of a connection; `store` puts them behind `MetadataStore`, and
`connecting` knows the two databases, SQLite and PostgreSQL. `migrations` has the tables' history.
"""
