"""The scenes in which every event happens on a running installation, for scripts/record_events.py."""
