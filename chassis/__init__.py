"""Shared runtime of every service: server, errors, config, access, database, events, worker, telemetry.

It contains no business concepts, except that `access` knows API keys and tenants.
"""
