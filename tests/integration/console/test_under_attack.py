"""console under attack: health checks and other tenants' emails succeed, within the manifest's memory limit.

`make test` runs a sample; all of it: `make test-integration T='console/test_under_attack.py --whole-attack'`.
"""

import resource
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import yaml

from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from tests.contract.sources import ROOT
from tests.e2e.conftest import World, a_world
from tests.figures import Figure
from tests.integration.console.attackers import Attack, Watch, forget_peak, long_to, peak_memory

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ELSEWHERE, SAME = "127.0.0.2", "127.0.0.1"
BOUND = 20.0  # seconds; a request that takes longer counts as hanging
SECONDS = 8.0  # longer than the idle timeout of connections


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(workspace: Path) -> AsyncIterator[World]:
    """Yield a separate installation, with a file limit that is high enough for all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    async with a_world(workspace / "attacked", 1) as world:
        yield world
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> float:
    """Return the fraction of each attack to run."""
    return 1.0 if request.config.getoption("--whole-attack", default=False) else 0.1


def limit() -> float:
    """Return the memory limit of console in its manifest, in MiB."""
    documents = yaml.safe_load_all((ROOT / "deploy/base/console.yaml").read_text())
    deployment = next(each for each in documents if each["kind"] == "Deployment")
    given: str = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    return float(given.removesuffix("Mi"))


async def a_watch(world: World) -> Watch:
    """Return a watch on another tenant that can send."""
    console, headers = world.installation.console, {"authorization": f"Bearer {world.installation.api_key}"}
    async with httpx.AsyncClient(base_url=console, headers=headers, timeout=30) as client:
        name = (await client.post("/domains", json={"name": f"d{uuid4().hex[:10]}.com"})).json()["name"]
    email = {"from": f"agent@{name}", "to": f"reader@r{uuid4().hex[:8]}.com", "subject": "s", "text": "t"}
    return Watch(console, headers, email)


async def a_tenants_key(world: World) -> str:
    """Return a key of an attacking tenant."""
    tenant = await world.admin.tenants.CreateTenant(CreateTenantRequest(name=f"attacks-{uuid4().hex[:8]}"))
    request = CreateApiKeyRequest(tenant_id=tenant.tenant.id, name="a", scope=scope_pb2.SCOPE_FULL_ACCESS)
    token: str = (await world.admin.api_keys.CreateApiKey(request)).token
    return token


def attacks(world: World, scale: float, key: str) -> dict[str, Attack]:
    host = httpx.URL(world.installation.console).netloc
    form = (
        b"POST /app/sign-in HTTP/1.1\r\nhost: %s\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        b"content-length: 60000\r\n\r\nkey=" % host
    )
    slow = (
        b"POST /emails HTTP/1.1\r\nhost: %s\r\nauthorization: Bearer %s\r\ncontent-length: 40000000\r\n\r\n{"
        % (host, key.encode())
    )
    return {
        each.name: each
        for each in (
            Attack("idle connections", int(5000 * scale)),
            Attack("half requests", int(500 * scale), b"GET / HTTP/1.1\r\nhost: %s\r\n" % host, b"a: b\r\n"),
            Attack("slow anonymous bodies", int(200 * scale), form, b"x"),
            Attack("slow bodies of a tenant", int(200 * scale), slow, b"x"),
            Attack("60 kB `to` of unknown keys", int(40 * scale), long_to(host)),
            Attack("60 kB `to` of a tenant", int(40 * scale), long_to(host, key)),
        )
    }


@pytest.mark.parametrize(
    "name",
    ["idle connections", "half requests", "slow anonymous bodies", "slow bodies of a tenant",
     "60 kB `to` of unknown keys", "60 kB `to` of a tenant"],
)  # fmt: skip
@pytest.mark.parametrize("address", [ELSEWHERE, SAME], ids=["elsewhere", "same-address"])
async def test_other_tenants_are_served_during_an_attack(
    attacked: World, scale: float, figure: Figure, name: str, address: str
) -> None:
    attack, url = (
        attacks(attacked, scale, await a_tenants_key(attacked))[name],
        httpx.URL(attacked.installation.console),
    )
    pid = attacked.stack.parts["console"].pid
    assert pid
    before, during = await a_watch(attacked), await a_watch(attacked)
    await before.measure(SECONDS / 2)
    forget_peak(pid)

    async with attack.under_way(url.host, url.port or 80, address):
        await during.measure(SECONDS)

    memory = peak_memory(pid)
    where = "another address" if address == ELSEWHERE else "the same address"
    figure(
        f"{attack.count:,} {name} from {where}: alone {before.summary()}; attacked {during.summary()};"
        f" memory {memory:.0f} MiB of {limit():.0f}"
    )
    assert max(during.health + during.sends) < BOUND
    assert memory < limit()
    assert attacked.stack.parts["console"].starts == 1
