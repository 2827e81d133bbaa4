"""The resolver's freshness, its limits, and the servers it refuses to query."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from sandbox.dns import Internet
from sandbox.dns.faults import FaultKind
from services.verifier.config import ResolverSettings
from services.verifier.model.records import Outcome, Purpose, RecordStatus
from services.verifier.resolver.resolver import Resolver
from services.verifier.worker.dns_checks import inspect
from tests.integration.verifier.situations import publish_all
from tests.unit.verifier.cases import DOMAIN, SEND, shown_records

EXPECTED = [record.expected for record in shown_records()]
FOUND = {RecordStatus.FOUND}


async def test_a_zone_is_found_as_soon_as_it_is_registered(
    name_servers: Internet, resolver: Resolver
) -> None:
    before = await inspect(resolver, EXPECTED)

    publish_all(name_servers)

    assert {check.status for check in before} == {RecordStatus.MISSING}
    assert {check.status for check in await inspect(resolver, EXPECTED)} == FOUND


async def test_a_record_is_found_as_soon_as_it_is_published(
    name_servers: Internet, resolver: Resolver
) -> None:
    """The first answer is NXDOMAIN; negative answers are not cached, whatever the zone's SOA allows."""
    publish_all(name_servers)
    name_servers.withdraw(SEND)
    missing = [check.status for check in await inspect(resolver, EXPECTED)]

    publish_all(name_servers)

    assert missing[3:5] == [RecordStatus.MISSING] * 2
    assert {check.status for check in await inspect(resolver, EXPECTED)} == FOUND


async def test_a_check_of_a_cached_zone_queries_each_server_once_per_record(
    name_servers: Internet, resolver: Resolver
) -> None:
    publish_all(name_servers)
    await inspect(resolver, EXPECTED)
    name_servers.packets.queries.clear()

    await inspect(resolver, EXPECTED)

    queries = sorted((query.name, query.type.name, query.server) for query in name_servers.packets.queries)
    servers = ("ns1.dns-host.com", "ns2.dns-host.com")
    assert queries == sorted((each.name, each.type.value, server) for each in EXPECTED for server in servers)


async def test_only_the_shown_records_are_queried_when_all_are_correct(
    name_servers: Internet, resolver: Resolver
) -> None:
    publish_all(name_servers)

    await inspect(resolver, EXPECTED)

    below = {query.name for query in name_servers.packets.queries if query.name.endswith(DOMAIN)}
    assert below == {each.name for each in EXPECTED}


async def test_each_missing_record_has_at_most_five_follow_up_queries(
    name_servers: Internet, resolver: Resolver
) -> None:
    """They explain why it is missing. They run at once, and any one server may answer each."""
    publish_all(name_servers)
    for record in EXPECTED:
        name_servers.withdraw(record.name)

    await inspect(resolver, EXPECTED)

    queries = name_servers.packets.queries
    asked = {(query.name, query.type.name) for query in queries if query.name.endswith("mnexa.ai")}
    follow_up = asked - {(each.name, each.type.value) for each in EXPECTED}
    per_purpose = {Purpose.DKIM: 3 * 4, Purpose.RETURN_PATH: 3, Purpose.SPF: 5, Purpose.DMARC: 3}
    about_inbound = 1  # which is also asked for RETURN_PATH
    assert len(follow_up) == sum(per_purpose.values()) + about_inbound


async def test_servers_in_private_networks_are_not_queried(name_servers: Internet) -> None:
    """The customer's name servers are at 127.0.0.13 and 127.0.0.14; only root and registries are allowed."""
    publish_all(name_servers)
    allowed = ("127.0.0.10/32", "127.0.0.11/32", "127.0.0.12/32")
    settings = ResolverSettings(
        dns_roots=(name_servers.root,), dns_port=name_servers.port, dns_allowed_networks=allowed
    )

    checks = await inspect(Resolver(settings), EXPECTED)

    assert {check.status for check in checks} == {RecordStatus.UNREACHABLE}
    assert "private or reserved address" in checks[0].why.message
    hosts = {query.server for query in name_servers.packets.queries}
    assert hosts <= {"a.root-servers.net", "a.gtld-servers.net", "b.gtld-servers.net"}


async def test_a_check_ends_at_its_deadline_whatever_the_servers_do(
    name_servers: Internet, resolver: Resolver
) -> None:
    publish_all(name_servers)
    for server in ("ns1.dns-host.com", "ns2.dns-host.com"):
        name_servers.inject_fault(FaultKind.DELAY, server=server, delay_ms=60_000)

    async with asyncio.timeout(2):
        answer = await resolver.lookup(seconds=0.5).ask(EXPECTED[0].name, "CNAME")

    assert {seen.outcome for seen in answer.observations} == {Outcome.TIMEOUT}


async def test_an_unreachable_root_server_is_not_evidence(name_servers: Internet) -> None:
    settings = ResolverSettings(
        dns_roots=("127.0.0.99",),
        dns_port=name_servers.port,
        dns_allowed_networks=("127.0.0.0/8",),
        dns_timeout=timedelta(seconds=0.1),
    )

    checks = await inspect(Resolver(settings), EXPECTED)

    assert {check.status for check in checks} == {RecordStatus.UNREACHABLE}


async def test_a_cname_chain_is_followed_for_at_most_eight_links(
    name_servers: Internet, resolver: Resolver
) -> None:
    policy = EXPECTED[-1]
    publish_all(name_servers)
    name_servers.withdraw(policy.name)
    chain = [policy.name, *(f"hop{n}.host{n}.com" for n in range(1, 9))]
    for name, target in pairwise(chain):
        name_servers.publish(name, "CNAME", target)
    name_servers.publish(chain[-1], "TXT", policy.value)

    (eight,) = await inspect(resolver, [policy])
    name_servers.withdraw(chain[-1])
    name_servers.publish(chain[-1], "CNAME", "hop9.host9.com")
    name_servers.publish("hop9.host9.com", "TXT", policy.value)
    (nine,) = await inspect(resolver, [replace(policy)])

    assert eight.status is RecordStatus.FOUND
    assert nine.status is RecordStatus.UNREACHABLE
