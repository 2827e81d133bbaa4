"""Copies of a service that reach Postgres, AWS and NATS through proxies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.server_process import HOST
from tests.chaos.nursery import Nursery, nursery
from tests.chaos.shim import Shim
from tests.chaos.taps import HttpTap, NatsTap, PostgresTap, known_statements
from tests.e2e.conftest import World

NATS_NAMES = frozenset({"publish", "ack"})


@dataclass(frozen=True)
class Shims:
    """The three proxies of one service."""

    postgres: Shim
    aws: Shim
    nats: Shim

    def of(self, name: str) -> Shim:
        """Return the proxy that sees requests of this name."""
        if name in NATS_NAMES:
            return self.nats
        return self.aws if name[0].isupper() else self.postgres


@asynccontextmanager
async def shimmed(
    world: World, service: str, home: Path, *, copies: int = 1, **settings: str
) -> AsyncIterator[tuple[Nursery, Shims]]:
    """Run copies of a service behind proxies; yield both."""
    known = known_statements(service)
    postgres = Shim(world.stack.addresses["postgres"], lambda: PostgresTap(known))
    aws = Shim(world.stack.addresses["ses"].removeprefix("http://"), HttpTap)
    nats = Shim(world.stack.addresses["nats"], NatsTap)
    async with postgres.serving(), aws.serving(), nats.serving():
        url = home.with_suffix(".url")
        url.write_text(f"postgresql://letterhead_{service}@127.0.0.1:{postgres.port}/letterhead")
        more = {
            "LETTERHEAD_DATABASE_URL_FILE": str(url),
            "LETTERHEAD_AWS_ENDPOINT_URL": f"http://{HOST}:{aws.port}",
            "LETTERHEAD_NATS_URL": f"nats://{HOST}:{nats.port}",
        }
        async with nursery(world, service, home, copies=copies, **more, **settings) as running:
            yield running, Shims(postgres, aws, nats)
