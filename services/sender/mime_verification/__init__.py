"""Verifies each MIME message before it is submitted, with two parsers that did not write it."""
