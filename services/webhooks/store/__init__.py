"""Database access of webhooks. The SQL of each module is in the .sql file beside it."""
