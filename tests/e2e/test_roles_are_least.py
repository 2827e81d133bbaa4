"""The role of each process allows every AWS call that the process makes, and nothing that it does not use."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
import pytest_asyncio

from cli.aws.policies import ROLES, role_policy
from cli.aws.setup import set_up
from cli.aws.target import Target
from cli.doctor.aws import Way, check_aws
from cli.doctor.findings import PartStatus
from cli.environments import ACCOUNT, REGION, access_key
from cli.server_process import HOST, free_port
from letterhead.identity.v1.domains_pb2 import DeleteDomainRequest
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from sandbox.aws.policies import AccessRequest, permits
from services import PROCESSES
from tests.e2e.conftest import World, a_world
from tests.e2e.ready_domains import a_ready_domain
from tests.integration.sender.callers import a_request
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

TARGET = Target(
    partition="aws", account=ACCOUNT, region=REGION, event_rule=True, https_url="https://example.com/sns"
)
MINUTES = timedelta(minutes=2)
RULE = TARGET.feedback

Authorization = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recorded(workspace: Path) -> AsyncIterator[dict[str, list[Authorization]]]:
    """Yield what AWS authorized in a domain's life, by process."""
    port = free_port()
    settings = {"LETTERHEAD_FEEDBACK_RULE": RULE, "LETTERHEAD_SNS_PORT": str(port)}
    async with a_world(workspace / "roles", 1, webhooks=settings) as world:
        await _receive_by_every_way(world, port)
        await _visit_everything(world)
        await _live_and_die(world)
        yield await _complete(world)


async def _receive_by_every_way(world: World, port: int) -> None:
    """Let SES's events arrive by EventBridge too, and SNS ask webhooks to confirm a subscription."""
    session = boto3.Session("sandbox", "sandbox", region_name=REGION)
    url = world.installation.ses
    await asyncio.to_thread(set_up, session, account=ACCOUNT, endpoint_url=url, event_rule=True)
    sns = session.client("sns", endpoint_url=url)
    endpoint = f"http://{HOST}:{port}/sns"
    await asyncio.to_thread(sns.subscribe, TopicArn=TARGET.topic_arn, Protocol="http", Endpoint=endpoint)


async def _visit_everything(world: World) -> None:
    """Let doctor check AWS with its own credentials."""
    session = boto3.Session(access_key("doctor"), "sandbox", region_name=REGION)
    way = Way(ACCOUNT, TARGET.configuration_set, TARGET.feedback, TARGET.feedback, rule=RULE)
    found = await asyncio.to_thread(check_aws, session, world.installation.ses, way)
    assert PartStatus.UNSEEN not in {each.status for each in found}


async def _live_and_die(world: World) -> None:
    """Let a domain become READY, send, fail at SES, be repaired, and be deleted."""
    domain = await a_ready_domain(world)
    await world.services.sender.SendEmail(a_request(f"agent@{domain.name}", f"{uuid4().hex}@example.com"))
    await _until_called(world, "ses:SendRawEmail")
    await world.sandbox.call("PATCH", f"/ses/identities/{domain.name}", {"dkim_status": "FAILED"})
    await world.services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))
    await _until_called(world, "ses:PutEmailIdentityDkimSigningAttributes")
    await world.services.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
    await _until_called(world, "ses:DeleteEmailIdentity")


async def _until_called(world: World, action: str) -> None:
    async def called() -> bool:
        return any(each["action"] == action for each in await _authorizations(world))

    await eventually(called, MINUTES)


async def _complete(world: World) -> dict[str, list[Authorization]]:
    """Return what was authorized once every process has made all its calls, or after two minutes."""
    names = {*ROLES, *(each.name for each in PROCESSES)}
    wanted = {(role, action) for role in ROLES for action, _ in _rights(role)}

    async def seen() -> dict[str, list[Authorization]] | None:
        found = await _authorizations(world)
        done = {(process, each["action"]) for process in ROLES for each in _of(process, found)}
        return {name: _of(name, found) for name in names} if wanted <= done else None

    try:
        return await eventually(seen, MINUTES)
    except AssertionError:
        found = await _authorizations(world)
        return {name: _of(name, found) for name in names}


async def _authorizations(world: World) -> list[Authorization]:
    found: list[Authorization] = (await world.sandbox.call("GET", "/iam/authorizations"))["authorizations"]
    return found


def _of(process: str, found: list[Authorization]) -> list[Authorization]:
    return [each for each in found if each["access_key"] == access_key(process)]


def _rights(role: str) -> list[tuple[str, str]]:
    """Return each action and resource pattern that a role's policy allows."""
    statements = role_policy(TARGET, role)["Statement"]
    return [
        (action, resource)
        for each in statements
        for action in each["Action"]
        for resource in each["Resource"]
    ]


@pytest.mark.parametrize("role", ROLES)
async def test_every_call_of_a_process_is_allowed(
    recorded: dict[str, list[Authorization]], role: str
) -> None:
    policy = json.dumps(role_policy(TARGET, role))

    missing = [
        (each["action"], each["resource"], each["context"])
        for each in recorded[role]
        if not permits(policy, _request(each))
    ]

    assert recorded[role]
    assert missing == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_process_uses_everything_that_its_role_allows(
    recorded: dict[str, list[Authorization]], role: str
) -> None:
    used = [(each["action"], each["resource"]) for each in recorded[role]]

    unused = [
        (action, pattern)
        for action, pattern in _rights(role)
        if not any(action == called and fnmatchcase(resource, pattern) for called, resource in used)
    ]

    assert unused == []


async def test_processes_without_a_role_call_no_aws_service(
    recorded: dict[str, list[Authorization]],
) -> None:
    assert [name for name, calls in recorded.items() if calls and name not in ROLES] == []


def _request(authorization: Authorization) -> AccessRequest:
    return AccessRequest(
        action=authorization["action"],
        resource=authorization["resource"],
        account=ACCOUNT,
        context=authorization["context"],
    )
