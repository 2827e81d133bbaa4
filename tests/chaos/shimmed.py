"""Copies of a service whose way to Postgres and AWS leads through shims."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.server_process import HOST
from tests.chaos.nursery import Nursery, nursery
from tests.chaos.shim import Shim
from tests.chaos.taps import HttpTap, PostgresTap, known_statements
from tests.e2e.conftest import World


@dataclass(frozen=True)
class Shims:
    """The two that stand around one service."""

    postgres: Shim
    aws: Shim

    def of(self, name: str) -> Shim:
        """Which of them sees the request of that name."""
        return self.aws if name[0].isupper() else self.postgres


@asynccontextmanager
async def shimmed(
    world: World, service: str, home: Path, *, copies: int = 1, **settings: str
) -> AsyncIterator[tuple[Nursery, Shims]]:
    """Copies of a service that reach Postgres and AWS through shims."""
    known = known_statements(service)
    postgres = Shim(world.stack.addresses["postgres"], lambda: PostgresTap(known))
    aws = Shim(world.stack.addresses["ses"].removeprefix("http://"), HttpTap)
    async with postgres.listening(), aws.listening():
        url = home.with_suffix(".url")
        url.write_text(f"postgresql://letterhead_{service}@127.0.0.1:{postgres.port}/letterhead")
        more = {
            "LETTERHEAD_DATABASE_URL_FILE": str(url),
            "LETTERHEAD_AWS_ENDPOINT_URL": f"http://{HOST}:{aws.port}",
        }
        async with nursery(world, service, home, copies=copies, **more, **settings) as born:
            yield born, Shims(postgres, aws)
