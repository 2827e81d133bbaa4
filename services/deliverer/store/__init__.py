"""Database access of deliverer. The SQL of each module is in the .sql file beside it."""
