"""identity's Postgres stores. Only this package contains SQL; each module has its .sql file beside it."""
