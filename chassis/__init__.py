"""What every service stands on: server, errors, config, access, database, events, worker, telemetry.

It knows no business noun; the one exception is `access`, which knows keys and tenants.
"""
