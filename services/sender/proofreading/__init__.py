"""Reads each email again before it leaves, by two parsers that did not write it."""
