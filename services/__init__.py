"""The processes of an installation, and what each of them needs.

Everything that enumerates processes reads PROCESSES. Manifests, SQL and pages cannot import it, so
tests/contract/test_processes.py holds them to it. CONTRIBUTING.md lists the steps to add a process.
Every service imports this module, so it imports only the standard library, and what does so too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.roles import DEFAULT_PREFIX, role_of


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process, with its own Deployment, ServiceAccount, Secret and TLS certificate.

    A process with a `schema` connects to Postgres and NATS. Every process resolves names in DNS.
    """

    name: str
    # Its schema in Postgres, which no other process writes.
    schema: str | None = None
    # The NOTIFY channels that wake it, besides that of its outbox; each keeps a connection open.
    listens: tuple[str, ...] = ()
    grpc_port: int | None = None
    http_port: int | None = None
    # For the kubelet's probes, which cannot use TLS or a key.
    health_port: int | None = None
    metrics_port: int = 9464
    # The port that `letterhead up` uses; more replicas use higher ones.
    local_port: int
    # The files of its Secret. LETTERHEAD_ADMIN_KEY_FILE is the path of `admin-key`.
    secrets: tuple[str, ...]
    # The processes that it calls over gRPC.
    calls: tuple[str, ...] = ()
    # AWS endpoints that it calls, by the name before the region: email.us-east-1.amazonaws.com is SES.
    aws: tuple[str, ...] = ()
    # Ports to which it connects at any public address.
    internet_ports: tuple[int, ...] = ()

    @property
    def module(self) -> str:
        """Return the module to run with `python -m`."""
        return f"services.{self.name}"

    def role(self, prefix: str = DEFAULT_PREFIX) -> str | None:
        """Return its role in Postgres; None without a database."""
        return role_of(self.schema, prefix) if self.schema else None

    def connections(self, pool_size: int) -> int:
        """Return how many connections to Postgres it opens at most: its pool, LISTENs, and health checks."""
        return pool_size + len(self.listens) + 2 if self.schema else 0

    @property
    def ports(self) -> dict[str, int]:
        """Return the ports that it listens on, by their names in the manifests."""
        ports = {
            "grpc": self.grpc_port,
            "http": self.http_port,
            "health": self.health_port,
            "metrics": self.metrics_port,
        }
        return {name: port for name, port in ports.items() if port is not None}


PROCESSES: tuple[Process, ...] = (
    Process(
        name="identity",
        schema="identity",
        listens=("identity_work", "verifier_changes"),
        grpc_port=50051,
        health_port=50060,
        local_port=50051,
        secrets=("database-url", "nats-seed", "admin-key", "service-key"),
        aws=("email",),
    ),
    Process(
        name="verifier",
        schema="verifier",
        listens=("identity_work", "verifier_changes"),
        grpc_port=50052,
        health_port=50060,
        local_port=50052,
        secrets=("database-url", "nats-seed", "service-key"),
        calls=("identity",),
        aws=("email",),
        internet_ports=(53,),  # the authoritative name servers of customers' domains
    ),
    Process(
        name="sender",
        schema="sender",
        listens=("sender_emails", "webhooks_feedback"),
        grpc_port=50053,
        health_port=50060,
        local_port=50053,
        secrets=("database-url", "nats-seed", "service-key"),
        calls=("identity",),
        aws=("email",),
    ),
    Process(
        name="webhooks",
        schema="webhooks",
        grpc_port=50054,
        health_port=50060,
        local_port=50054,
        secrets=("database-url", "nats-seed", "webhook-keys"),
        aws=("sqs", "sns"),
    ),
    Process(
        name="deliverer",
        schema="deliverer",
        listens=("deliverer_messages", "webhooks_delivery_requests"),
        grpc_port=50055,
        health_port=50060,
        local_port=50055,
        secrets=("database-url", "nats-seed", "webhook-keys"),
        internet_ports=(443, 8443),  # customers' endpoints
    ),
    Process(
        name="console",
        http_port=8080,
        local_port=8080,
        secrets=("session-secret",),
        calls=("identity", "verifier", "sender", "webhooks"),
    ),
)


def with_grpc(processes: Iterable[Process] = PROCESSES) -> tuple[Process, ...]:
    """Return the processes that serve gRPC."""
    return tuple(each for each in processes if each.grpc_port)


def schemas(processes: Iterable[Process] = PROCESSES) -> tuple[str, ...]:
    """Return the schemas in Postgres. Each has the event tables and belongs to the process of that name."""
    return tuple(each.schema for each in processes if each.schema)
