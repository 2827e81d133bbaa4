"""A customer's link gives access to one domain only, until it expires, in a browser and over gRPC."""

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any
from uuid import uuid4

import asyncpg
import grpc
import pytest
import pytest_asyncio
from google.protobuf.message_factory import GetMessageClass
from playwright.async_api import Browser, Page

from cli.stack import DATABASE
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, Domain
from letterhead.identity.v1.links_pb2 import CreateLinkRequest, CreateLinkResponse, RevokeLinkRequest
from services import with_grpc
from tests.contract.protos import files
from tests.e2e.browser import Visit, a_visit
from tests.e2e.conftest import World
from tests.factories import bearer
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

OPEN = {
    "OpenLink", "GetDomain", "GetVerification", "WatchDomain", "VerifyDomain", "SendTestEmail", "GetEmail",
    "SendTestCode", "ConfirmTestAddress", "GetCaller",
}  # fmt: skip


async def a_domain(world: World) -> Domain:
    request = CreateDomainRequest(name=f"inbox.d{uuid4().hex[:10]}.ai")
    domain: Domain = (await world.services.domains.CreateDomain(request)).domain
    return domain


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(world: World) -> tuple[Domain, Domain]:
    """Create two domains of one tenant, once for all tests, because SES is slow to create identities."""
    return await a_domain(world), await a_domain(world)


async def a_link(world: World, domain: Domain) -> CreateLinkResponse:
    return await world.services.links.CreateLink(CreateLinkRequest(domain_id=domain.id))


async def shows(page: Page, address: str, words: str) -> bool:
    await page.goto(address)
    return words in await page.locator("body").inner_text()


async def test_a_link_shows_its_domain_and_its_token_leaves_the_url(
    world: World, visit: Visit, pair: tuple[Domain, Domain]
) -> None:
    domain, _ = pair
    link = await a_link(world, domain)

    await visit.page.goto(f"{visit.console}/d/{link.token}")

    assert visit.page.url == f"{visit.console}/d/{domain.id}"
    assert domain.name in await visit.page.locator("body").inner_text()
    assert link.token not in await visit.page.content()
    assert (visit.complaints, visit.strays) == ([], [])


async def test_a_link_gives_no_access_to_another_domain(
    world: World, visit: Visit, pair: tuple[Domain, Domain]
) -> None:
    mine, other = pair
    await visit.page.goto(f"{visit.console}/d/{(await a_link(world, mine)).token}")

    for path in (
        f"d/{other.id}",
        f"d/{other.id}/records.zone",
        f"d/{other.id}/live",
        f"app/domains/{mine.id}",
    ):
        answer = await visit.page.request.get(f"{visit.console}/{path}", max_redirects=0)
        assert answer.status in (303, 401, 404), path
        assert other.name not in await answer.text()


async def test_two_links_can_be_open_in_one_browser(
    world: World, visit: Visit, pair: tuple[Domain, Domain]
) -> None:
    for domain in pair:
        await visit.page.goto(f"{visit.console}/d/{(await a_link(world, domain)).token}")

    for domain in pair:
        assert await shows(visit.page, f"{visit.console}/d/{domain.id}", domain.name)


async def test_a_revoked_link_stops_working_in_open_sessions_too(
    world: World, visit: Visit, pair: tuple[Domain, Domain]
) -> None:
    domain, _ = pair
    link = await a_link(world, domain)
    await visit.page.goto(f"{visit.console}/d/{link.token}")

    await world.services.links.RevokeLink(RevokeLinkRequest(link_id=link.link.id))

    for address in (f"{visit.console}/d/{domain.id}", f"{visit.console}/d/{link.token}"):
        await eventually(partial(_does_not_work, visit.page, address, domain))


async def test_an_open_page_shows_that_its_link_was_revoked(
    world: World, visit: Visit, pair: tuple[Domain, Domain]
) -> None:
    link = await a_link(world, pair[0])
    await visit.page.goto(f"{visit.console}/d/{link.token}")

    await world.services.links.RevokeLink(RevokeLinkRequest(link_id=link.link.id))
    for console in world.stack.replicas_of("console"):
        console.kill()  # the page reconnects at once instead of after up to a minute

    await visit.page.wait_for_selector("text=This link no longer works", timeout=60_000)


async def test_an_expired_link_does_not_work(
    world: World, browser: Browser, pair: tuple[Domain, Domain]
) -> None:
    domain, _ = pair
    link = await a_link(world, domain)

    connection = await asyncpg.connect(world.stack.postgres.url(database=DATABASE))
    await connection.execute("UPDATE identity.links SET expires_at = now() WHERE id = $1", link.link.id)
    await connection.close()

    async with a_visit(browser, world.installation.console) as visit:
        assert await _does_not_work(visit.page, f"{visit.console}/d/{link.token}", domain)


async def _does_not_work(page: Page, address: str, domain: Domain) -> bool:
    answer = await page.goto(address)
    body = await page.locator("body").inner_text()
    return bool(answer and answer.status in (401, 404)) and domain.name not in body and "link" in body.lower()


def methods() -> Iterator[tuple[str, Any]]:
    """Yield every rpc of the contract with the name of its service."""
    for file in files():
        module = import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            yield from ((service.full_name.split(".")[1], method) for method in service.methods)


async def test_no_other_rpc_accepts_a_link(world: World, pair: tuple[Domain, Domain]) -> None:
    token = (await a_link(world, pair[0])).token
    answers = {}

    for service, method in methods():
        address = getattr(world.installation, service).split(",")[0]
        async with grpc.aio.insecure_channel(address) as channel:
            answers[method.name] = await _answer(channel, method, token)

    accepted = {name for name, code in answers.items() if code is not grpc.StatusCode.PERMISSION_DENIED}
    assert len(answers) > 25
    assert accepted == OPEN
    serving = {each.name for each in with_grpc()} - {"deliverer"}  # which serves only its health
    assert {service for service, _ in methods()} == serving


async def _answer(channel: grpc.aio.Channel, method: Any, token: str) -> grpc.StatusCode:
    """Send an empty request with the link; return the status code."""
    request = GetMessageClass(method.input_type)()
    path = f"/{method.containing_service.full_name}/{method.name}"
    call: Any = channel.unary_stream(path, request_serializer=type(request).SerializeToString)
    answering = call(request, metadata=bearer(token), timeout=10)
    try:
        await answering.read()
    except grpc.aio.AioRpcError as error:
        return error.code()
    answered: grpc.StatusCode = await answering.code()
    return answered
