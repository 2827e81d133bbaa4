"""Two replicas of each process that are replaced by another version, as Kubernetes replaces them."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp

from cli.server_process import HOST, free_port
from cli.supervisor import Part, module
from tests.chaos.conftest import NAMES, a_chaotic_world
from tests.chaos.nursery import serves
from tests.e2e.conftest import World
from tests.previous import PYTHON, check_out, environment_of
from tests.waiting import eventually

REPLICAS = 2
GRACE = 60.0  # seconds; terminationGracePeriodSeconds of the manifests
LEAVES_WITHIN = 2.0  # seconds; the preStop hook of the manifests gives an ingress 5
READY_WITHIN = timedelta(minutes=5)  # only against hanging

Versions = dict[str, dict[str, str]]  # by process: the variables with which it runs its code
CURRENT: Versions = {}


@dataclass
class Ingress:
    """Chooses a ready replica of console for each request, as an ingress controller does."""

    ready: list[str]
    requests: int = 0

    def replica(self) -> str:
        """Return the URL of the replica for the next request."""
        self.requests += 1
        return self.ready[self.requests % len(self.ready)]

    async def remove(self, url: str) -> None:
        """Send no more requests to a replica, and wait as its preStop hook does: long requests go on."""
        self.ready.remove(url)
        await asyncio.sleep(LEAVES_WITHIN)


@dataclass
class Rollout:
    """The replicas of all processes, and how those that were replaced have stopped."""

    world: World
    previous: Versions
    parts: dict[str, list[Part]]  # by process
    ingress: Ingress
    stops: dict[str, list[float]] = field(default_factory=dict)  # seconds, by process
    unclean: list[str] = field(default_factory=list)

    async def all_at_once(self, versions: Versions) -> None:
        """Replace all replicas, at the same time in each Deployment, as `kubectl apply` does."""
        for number in range(REPLICAS):
            await asyncio.gather(*(self.replace(each, number, versions) for each in self.parts))

    async def one_by_one(self, versions: Versions, chance: random.Random) -> None:
        """Replace all replicas, one after the other in a random order."""
        replicas = [(process, number) for process in self.parts for number in range(REPLICAS)]
        for process, number in chance.sample(replicas, len(replicas)):
            await self.replace(process, number, versions)

    async def replace(self, process: str, number: int, versions: Versions) -> None:
        """Stop a replica with SIGTERM, start the other version in its place, and wait until it is ready."""
        part = self.parts[process][number]
        url = _url(part)
        if url:
            await self.ingress.remove(url)
        started = time.monotonic()
        code = await part.stop(GRACE)
        self.stops.setdefault(process, []).append(time.monotonic() - started)
        if code != 0:
            self.unclean.append(f"{part.name} exited with {code}")
        others = {key: part.environ[key] for key in part.environ if key not in PYTHON}
        part.environ = others | versions.get(process, {})
        part.start()
        await self.serving(part)
        if url:
            self.ingress.ready.append(url)

    async def serving(self, part: Part) -> None:
        """Wait until a replica is ready."""
        address = f"{HOST}:{part.environ.get('LETTERHEAD_GRPC_PORT')}"
        key = self.world.stack.admin_key
        await eventually(lambda: _answers(url) if (url := _url(part)) else serves(address, key), READY_WITHIN)

    def __str__(self) -> str:
        count = sum(map(len, self.stops.values()))
        slowest = ", ".join(f"{name} {max(each):.1f}" for name, each in sorted(self.stops.items()))
        return (
            f"{count} replicas replaced, of which {len(self.unclean)} unclean; slowest stops in s: {slowest}"
        )


@asynccontextmanager
async def rolling(home: Path, commit: str) -> AsyncIterator[Rollout]:
    """Run an installation whose processes run the code of a commit, with two replicas of each.

    A process that the commit does not have runs the code of today.
    """
    checkout = home / "previous"
    checkout.mkdir(parents=True)
    tree = await asyncio.to_thread(check_out, commit, checkout)
    version = await asyncio.to_thread(environment_of, tree)
    previous = {name: version for name in NAMES if (tree / "services" / name).is_dir()}
    async with a_chaotic_world(home / "installation", REPLICAS, variables=previous) as world:
        parts = {name: world.stack.replicas_of(name) for name in NAMES}
        second = _second_console(world, home)
        parts["console"].append(second)
        second.start()
        rollout = Rollout(
            world, previous, parts, Ingress([url for each in parts["console"] if (url := _url(each))])
        )
        try:
            await rollout.serving(second)
            yield rollout
        finally:
            await second.stop()


def _second_console(world: World, home: Path) -> Part:
    [first] = world.stack.replicas_of("console")
    environ = {**first.environ, "LETTERHEAD_CONSOLE_PORT": str(free_port())}
    return Part(
        "console-2",
        module("services.console"),
        environ=environ,
        log=home / "console-2.log",
        echo=lambda *_: None,
    )


def _url(part: Part) -> str | None:
    port = part.environ.get("LETTERHEAD_CONSOLE_PORT")
    return f"http://{HOST}:{port}" if port else None


async def _answers(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/healthz") as response:
            return response.ok
    except aiohttp.ClientError:
        return False
