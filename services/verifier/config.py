"""All settings of the verifier service."""

from dataclasses import dataclass
from datetime import timedelta

from chassis import config
from chassis.config import setting

# The root servers' addresses, https://www.iana.org/domains/root/servers
ROOT_HINTS = (
    "198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241",
    "192.112.36.4", "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42",
    "202.12.27.33",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ResolverSettings:
    """Where resolution starts, and which servers it may query."""

    dns_roots: tuple[str, ...] = setting(ROOT_HINTS, help="addresses of the root name servers")
    dns_port: int = setting(53, help="port of every name server", minimum=1, maximum=65535)
    dns_allowed_networks: tuple[str, ...] = setting(
        (), help="private or reserved networks, in CIDR form, in which name servers may be queried"
    )
    dns_timeout: timedelta = setting(
        timedelta(seconds=1.5), help="seconds to wait for a name server's answer", minimum=timedelta(0)
    )
    dns_tries: int = setting(2, help="attempts before a name server counts as timed out", minimum=1)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the verifier service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.AwsControl
    identity_address: str = setting(help="host:port of the identity service, which makes repairs")
    service_key: config.Secret = setting(help="file with the key that services call each other by")
    dns: ResolverSettings
    checks_at_once: int = setting(16, help="domains checked in DNS at once", minimum=1, maximum=200)
