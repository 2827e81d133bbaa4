"""Sender's data in Postgres and all of its SQL: each module has its statements in a .sql file beside it."""
