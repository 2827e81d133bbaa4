"""Nothing is posted to an address inside, whatever a name resolves to and whenever it changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer import __main__ as deliverer
from tests.factories import a_name
from tests.integration.deliverer.conftest import Hooks, Settings
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually


def only_public(settings: Settings) -> Settings:
    """Return the settings without the allowed networks, so that the receiver is inside."""
    posting = replace(settings.deliverer.posting, webhook_allowed_networks=())
    return replace(settings, deliverer=replace(settings.deliverer, posting=posting))


async def first_attempt(hooks: Hooks, endpoint: pb.Endpoint) -> pb.Attempt:
    """Wait for the first attempt at the only event of an endpoint."""

    async def made() -> pb.Attempt | None:
        found = await hooks.attempts(endpoint, (await hooks.event(endpoint)).id)
        return found[-1] if found else None

    return await eventually(made, within=timedelta(seconds=15))


async def an_endpoint_at(hooks: Hooks, host: str) -> pb.Endpoint:
    port = hooks.internet.addresses.receiver.rpartition(":")[2]
    request = pb.CreateEndpointRequest(
        url=f"https://{host}:{port}/inside", event_types=[pb.EVENT_TYPE_EMAIL_BOUNCED]
    )
    created: pb.Endpoint = (await hooks.stub.CreateEndpoint(request, metadata=hooks.key)).endpoint
    return created


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ("A", "127.0.0.1"), ("A", "10.0.0.1"), ("A", "169.254.169.254"), ("AAAA", "::1"),
        ("AAAA", "64:ff9b::7f00:1"), ("AAAA", "::ffff:127.0.0.1"),
    ],
)  # fmt: skip
async def test_a_name_that_resolves_inside_is_not_connected_to(
    idle_hooks: Hooks, record: str, value: str
) -> None:
    host = a_name()
    await idle_hooks.internet.control.publish(record, host, value)
    endpoint = await an_endpoint_at(idle_hooks, host)

    async with deliverer.running(only_public(idle_hooks.settings).deliverer):
        await idle_hooks.publish(a_bounce())
        attempt = await first_attempt(idle_hooks, endpoint)

    assert pb.Attempt.Problem.Name(attempt.problem) == "PROBLEM_NOT_PUBLIC"
    assert (attempt.status, attempt.answer) == (0, "")
    answer = await idle_hooks.internet.control.call("GET", "/receiver/posts")
    assert answer["connections"] == 0


async def test_a_literal_that_was_allowed_before_is_not_connected_to(idle_hooks: Hooks) -> None:
    endpoint = await an_endpoint_at(idle_hooks, "127.0.0.1")

    async with deliverer.running(only_public(idle_hooks.settings).deliverer):
        await idle_hooks.publish(a_bounce())
        attempt = await first_attempt(idle_hooks, endpoint)

    assert pb.Attempt.Problem.Name(attempt.problem) == "PROBLEM_NOT_PUBLIC"


async def test_a_certificate_for_another_name_is_refused(hooks: Hooks) -> None:
    host = a_name()
    await hooks.internet.control.publish("A", host, "127.0.0.1")
    endpoint = await an_endpoint_at(hooks, host)

    await hooks.publish(a_bounce())

    attempt = await first_attempt(hooks, endpoint)
    assert pb.Attempt.Problem.Name(attempt.problem) == "PROBLEM_TLS"


async def test_a_name_that_does_not_exist_is_retried(hooks: Hooks) -> None:
    endpoint = await an_endpoint_at(hooks, a_name())

    await hooks.publish(a_bounce())

    attempt = await first_attempt(hooks, endpoint)
    assert pb.Attempt.Problem.Name(attempt.problem) == "PROBLEM_NAME_NOT_FOUND"
