"""The `letterhead` command line."""
