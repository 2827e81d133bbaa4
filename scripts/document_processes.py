"""Print docs/processes.md, generated from the list of processes: ports, connections and secrets of each."""

import sys
from collections.abc import Iterable

from chassis.config import Database
from services import PROCESSES, Process

HEADER = """# Processes

Generated from `PROCESSES` in `services/__init__.py` by `make docs`. Edit it there.

Run each process with `python -m services.NAME`, in as many replicas as you want. Its gRPC certificate is in
the Secret `letterhead-NAME-tls`, its other secrets are in `letterhead-NAME`. Its role in Postgres is
`letterhead_SCHEMA`, or with another `LETTERHEAD_DATABASE_ROLE_PREFIX` that prefix and the schema.
"""
CONNECTIONS = """Every process also resolves names in DNS. With credentials from IRSA, a process that calls
AWS also calls `sts.<region>.amazonaws.com`. `deploy/components/network-policies` allows these connections,
to Postgres, NATS and AWS at any address.
"""
SESSIONS = """One replica opens at most these connections to Postgres: those of its pool, one for each channel
of LISTEN (its outbox has one too), and one for health checks.
"""
NOTHING = "-"
PORTS = ("grpc", "http", "health", "metrics")


def document(processes: Iterable[Process] = PROCESSES) -> str:
    """Return the page."""
    processes = tuple(processes)
    ports = _table(
        ("process", *PORTS, "`letterhead up`"),
        ((_code(each.name), *_ports(each), str(each.local_port)) for each in processes),
    )
    connections = _table(
        ("process", "gRPC", "Postgres and NATS", "AWS, port 443", "public addresses"),
        ((_code(each.name), *_connections(each)) for each in processes),
    )
    sessions = _table(
        ("process", "connections to Postgres", "by default"),
        ((_code(each.name), *_sessions(each)) for each in processes if each.schema),
    )
    secrets = _table(
        ("process", "files in its Secret"),
        ((_code(each.name), ", ".join(map(_code, each.secrets))) for each in processes),
    )
    sections = [HEADER, "## Ports\n", ports, "## Connections\n", CONNECTIONS, connections, SESSIONS, sessions]
    return "\n".join([*sections, "## Secrets\n", secrets])


def _ports(process: Process) -> tuple[str, ...]:
    return tuple(str(process.ports.get(name, NOTHING)) for name in PORTS)


def _connections(process: Process) -> tuple[str, ...]:
    return (
        ", ".join(map(_code, process.calls)) or NOTHING,
        f"schema {_code(process.schema)}" if process.schema else NOTHING,
        ", ".join(_code(f"{name}.<region>.amazonaws.com") for name in process.aws) or NOTHING,
        ", ".join(f"port {port}" for port in process.internet_ports) or NOTHING,
    )


def _sessions(process: Process) -> tuple[str, str]:
    size = Database.database_pool_size
    others = process.connections(size) - size
    return f"`LETTERHEAD_DATABASE_POOL_SIZE` + {others}", str(process.connections(size))


def _code(text: str) -> str:
    return f"`{text}`"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
