"""Tenant isolation: every rpc and route answers for another tenant's resources as if they did not exist."""

from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass

import grpc
import httpx
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToJson
from starlette.responses import Response
from starlette.routing import Route

from cli.client import connect
from letterhead.identity.v1.api_keys_pb2 import ListApiKeysRequest
from letterhead.identity.v1.domains_pb2 import Domain, GetDomainRequest
from letterhead.identity.v1.links_pb2 import ListLinksRequest
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from tests.contract.protos import files
from tests.e2e.apart import routes, rpcs
from tests.e2e.apart.things import Stranger, Things, a_stranger, an_owner
from tests.e2e.conftest import World
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

# For a key whose scope the rpc requires; the others are denied in any case.
ABSENT = ("NOT_FOUND", "PERMISSION_DENIED")
DENIED = ("PERMISSION_DENIED",)
# These rpcs answer with another code, but equally for resources of others and for those that do not exist.
OTHERWISE = {
    "SenderService/SendEmail": ("FAILED_PRECONDITION",),  # the From domain is not the caller's
    "SenderService/SendEmails": ("FAILED_PRECONDITION",),
    "SenderService/ListEmails": ("OK",),  # a page after an id: only the caller's own emails
    "DomainService/ListDomains": ("OK",),  # a search: only the caller's own domains
    "WebhookService/ListEndpoints": ("OK",),  # a page after an id: only the caller's own endpoints
    "FeedbackService/ListFeedback": ("OK",),  # of one email: an empty list
}


@dataclass(frozen=True)
class Pair:
    """One tenant's resources and key, and another tenant."""

    things: Things
    key: str
    stranger: Stranger


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(world: World) -> Pair:
    return Pair(*await an_owner(world), await a_stranger(world))


async def owners_state(world: World, pair: Pair) -> str:
    """Return the owner's resources as text, without the times and results of DNS checks."""
    async with connect(world.installation, pair.key) as services:
        things = pair.things
        domain = (await services.domains.GetDomain(GetDomainRequest(domain_id=things.domain_id))).domain
        email = (await services.sender.GetEmail(GetEmailRequest(email_id=things.email_id))).email
        stable = [
            (await services.tenants.GetTenant(GetTenantRequest())).tenant,
            Domain(name=domain.name, mail_from_label=domain.mail_from_label),
            Email(id=email.id, state=email.state, scheduled_time=email.scheduled_time),
            await services.api_keys.ListApiKeys(ListApiKeysRequest()),
            await services.links.ListLinks(ListLinksRequest(domain_id=things.domain_id)),
            await services.suppressions.ListSuppressions(ListSuppressionsRequest()),
        ]
    return "\n".join(MessageToJson(each, sort_keys=True) for each in stable)


async def test_every_rpc_hides_another_tenants_resources(world: World, pair: Pair, figure: Figure) -> None:
    before, asked, leaks, differ, wrong = await owners_state(world, pair), 0, [], [], []
    nonexistent = Things.of_nobody()
    contract = list(rpcs.rpcs_of(files()))
    rpcs.check_covered(contract)

    for rpc in contract:
        async with grpc.aio.insecure_channel(getattr(world.installation, rpc.home)) as channel:
            for case in rpcs.CASES[rpc.case]:
                for kind, token in pair.stranger.tokens.items():
                    theirs = case(pair.things)
                    code, content = await rpcs.answer(channel, rpc, theirs, token)
                    asked += 1
                    if pair.things.reported(content, str(theirs)):
                        leaks.append((rpc.case, kind, content))
                    if (absent := case(nonexistent)) == theirs:
                        continue  # it cannot name another tenant's resource
                    other = await rpcs.answer(channel, rpc, absent, token)
                    if (code, pair.things.hidden(content)) != (other[0], nonexistent.hidden(other[1])):
                        differ.append((rpc.case, kind, (code, content), other))
                    if code not in (ABSENT + OTHERWISE.get(rpc.case, ()) if rpc.admits(kind) else DENIED):
                        wrong.append((rpc.case, kind, code, content))

    assert (leaks, differ, wrong) == ([], [], [])
    assert await owners_state(world, pair) == before
    figure(
        f"isolation: {len(contract)} rpcs x {len(pair.stranger.tokens)} keys of another tenant,"
        f" {asked} requests: leaks {len(leaks)}, answers unlike those for missing resources {len(differ)}"
    )


@pytest_asyncio.fixture(loop_scope="session")
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=world.installation.console, timeout=30) as client:
        yield client


async def test_every_route_hides_another_tenants_resources(
    world: World, pair: Pair, client: httpx.AsyncClient, figure: Figure
) -> None:
    before, asked, leaks, differ = await owners_state(world, pair), 0, [], []
    nonexistent = Things.of_nobody()
    async with routes.routes_of_console() as served:
        names = list(routes.named(served))
    routes.check_covered(names)
    tested = [name for name in names if not name.startswith(routes.ANY)]

    for kind, token in pair.stranger.tokens.items():
        visitor = routes.Visitor(client, token)
        opened = pair.stranger.domain_id if kind == "link" else ""
        assert await visitor.sign_in(domain_id=opened) == (kind != "sending_access")
        for name in tested:
            question, status, content = await visitor.asks(name, pair.things)
            asked += 1
            if pair.things.reported(content, question):
                leaks.append((name, kind, content[:500]))
            if not _names_a_thing(name, pair.things, nonexistent):
                continue
            _, other_status, other = await visitor.asks(name, nonexistent)
            if (status, pair.things.hidden(content)) != (other_status, nonexistent.hidden(other)):
                differ.append((name, kind, status, content[:500], other_status, other[:500]))

    assert (leaks, differ) == ([], [])
    assert await owners_state(world, pair) == before
    figure(
        f"isolation: {len(tested)} routes x {len(pair.stranger.tokens)} keys of another tenant,"
        f" {asked} requests: leaks {len(leaks)}, answers unlike those for missing resources {len(differ)}"
    )


def _names_a_thing(name: str, things: Things, nonexistent: Things) -> bool:
    """Return whether a case's request names a resource."""
    path = name.split()[1]
    if routes.filled(path, things) != routes.filled(path, nonexistent):
        return True
    written = str(routes.CASES[name](things))
    return any(each in written for each in things.names)


async def test_the_owner_can_read_its_own_resources_with_the_same_requests(
    world: World, pair: Pair, client: httpx.AsyncClient
) -> None:
    """Prove that the cases name existing resources; otherwise the tests above would prove nothing."""
    unreadable = []
    for rpc in rpcs.rpcs_of(files()):
        if rpc.name.startswith(("Get", "List")) and rpc.admits("full_access"):
            async with grpc.aio.insecure_channel(getattr(world.installation, rpc.home)) as channel:
                answers = [
                    await rpcs.answer(channel, rpc, case(pair.things), pair.key)
                    for case in rpcs.CASES[rpc.case]
                ]
            if "OK" not in {code for code, _ in answers}:
                unreadable.append((rpc.case, answers))
    owner = routes.Visitor(client, pair.key)
    assert await owner.sign_in()
    for name in routes.CASES:
        others = name.startswith(("GET /d/", "GET /app/operator")) or name.endswith("/live")  # a stream
        if name.startswith("GET") and "_id" in name and not others:
            _, status, content = await owner.asks(name, pair.things)
            if status != "200":
                unreadable.append((name, [(status, content[:300])]))

    assert unreadable == []


async def test_an_rpc_without_a_case_is_found() -> None:
    planted = deepcopy(files())
    service = next(file for file in planted if file.service).service[0]
    service.method.add(name="PeekAtTenant", input_type=".x", output_type=".y")

    with pytest.raises(AssertionError, match="PeekAtTenant"):
        rpcs.check_covered(rpcs.rpcs_of(planted))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_route_without_a_case_is_found(method: str) -> None:
    async with routes.routes_of_console() as served:
        planted = Route("/app/emails/{email_id:uuid}/raw", lambda _: Response(), methods=[method])

        with pytest.raises(AssertionError, match="/raw"):
            routes.check_covered(routes.named([*served, planted]))
