"""verifier in Postgres: the only place with its SQL. Each file has its statements beside it."""
