"""The `letterhead` command."""
