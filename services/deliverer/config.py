"""All settings of the deliverer service."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from chassis import config
from chassis.config import setting
from chassis.destinations import DestinationSettings

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Server(config.Server):
    """The server settings of every service, with time to finish a post."""

    drain: timedelta = setting(
        timedelta(seconds=20), help="seconds that calls and posts get at shutdown", minimum=timedelta(0)
    )


@dataclass(frozen=True, kw_only=True)
class Posting(DestinationSettings):
    """How events are posted."""

    webhook_timeout: timedelta = setting(
        timedelta(seconds=15),
        help="seconds that an endpoint gets for a post, from the DNS query to the answer",
        minimum=timedelta(seconds=1),
        maximum=timedelta(seconds=30),
    )
    webhook_nameserver: str = setting(
        "", help="ip:port of the DNS resolver for the hosts of endpoints; unset: that of /etc/resolv.conf"
    )
    webhook_ca_file: Path | None = setting(
        None, help="PEM file of the root certificates to trust for endpoints, instead of the public roots"
    )
    posts_at_once: int = setting(256, help="concurrent posts of one process", minimum=1, maximum=4096)
    posts_per_endpoint: int = setting(4, help="concurrent posts to one endpoint", minimum=1, maximum=64)

    def __post_init__(self) -> None:
        super().__post_init__()
        host, _, port = self.webhook_nameserver.rpartition(":")
        if self.webhook_nameserver and not (host and port.isdecimal()):
            raise ValueError(f"LETTERHEAD_WEBHOOK_NAMESERVER: {self.webhook_nameserver!r} is not ip:port")


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the deliverer service."""

    server: Server
    database: config.Database
    nats: config.Nats
    webhook_keys: config.Secret = setting(
        help="file with the Fernet keys, one per line, with which webhooks encrypts the secrets of endpoints"
    )
    posting: Posting = field(default_factory=Posting)
    message_retention: timedelta = setting(
        30 * DAY, help="seconds that messages and attempts are kept", minimum=5 * DAY
    )
