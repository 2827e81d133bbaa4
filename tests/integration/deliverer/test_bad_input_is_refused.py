"""What an endpoint may be: the errors name the field and tell nothing about our network."""

from typing import Any

import grpc
import pytest

from chassis.client import failure_of
from chassis.ids import uuid7
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.factories import a_provisioned_domain, a_tenant
from tests.integration.deliverer.conftest import Hooks

SENT = pb.EVENT_TYPE_EMAIL_SENT


async def rejection(hooks: Hooks, request: pb.CreateEndpointRequest) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.stub.CreateEndpoint(request, metadata=hooks.key)
    return failure_of(refused.value)


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"url": "", "event_types": [SENT]}, "url", "MISSING"),
        ({"url": "http://hooks.acme.com/", "event_types": [SENT]}, "url", "NOT_A_PUBLIC_URL"),
        ({"url": "https://a:b@hooks.acme.com/", "event_types": [SENT]}, "url", "NOT_A_PUBLIC_URL"),
        ({"url": "https://10.0.0.1/", "event_types": [SENT]}, "url", "NOT_A_PUBLIC_URL"),
        ({"url": "https://hooks.acme.com/", "event_types": []}, "event_types", "MISSING"),
        ({"url": "https://hooks.acme.com/", "event_types": [999]}, "event_types", "UNKNOWN_VALUE"),
        (
            {"url": "https://hooks.acme.com/", "event_types": [pb.EVENT_TYPE_WEBHOOK_TEST]},
            "event_types",
            "UNKNOWN_VALUE",
        ),
    ],
    ids=str,
)
async def test_an_invalid_endpoint_is_refused_by_field(
    idle_hooks: Hooks, fields: dict[str, Any], field: str, reason: str
) -> None:
    failure = await rejection(idle_hooks, pb.CreateEndpointRequest(**fields))

    [violation] = failure.violations
    assert (violation.field, violation.reason) == (field, reason)


async def test_a_tenant_has_twenty_endpoints_at_most(idle_hooks: Hooks) -> None:
    for number in range(20):
        await idle_hooks.create(f"/{number}", "EMAIL_SENT")

    failure = await rejection(
        idle_hooks, pb.CreateEndpointRequest(url="https://hooks.acme.com/", event_types=[SENT])
    )

    assert failure.reason == "TOO_MANY_ENDPOINTS"


async def test_the_domain_of_another_tenant_does_not_exist(idle_hooks: Hooks) -> None:
    theirs = await a_provisioned_domain(idle_hooks.database, await a_tenant(idle_hooks.database))

    failures = [
        await rejection(
            idle_hooks,
            pb.CreateEndpointRequest(
                url="https://hooks.acme.com/", event_types=[SENT], domain_ids=[str(claim_id)]
            ),
        )
        for claim_id in (theirs.claim_id, uuid7())
    ]

    assert failures[0].reason == failures[1].reason == "DOMAIN_NOT_FOUND"


async def test_a_repeated_request_returns_the_same_endpoint(idle_hooks: Hooks) -> None:
    first = await idle_hooks.create("/once", "EMAIL_SENT", request_id="order-1")

    second = await idle_hooks.create("/once", "EMAIL_SENT", request_id="order-1")

    assert (first.id, first.secret) == (second.id, second.secret)
    failure = await rejection(
        idle_hooks,
        pb.CreateEndpointRequest(url="https://hooks.acme.com/", event_types=[SENT], request_id="order-1"),
    )
    assert failure.reason == "REQUEST_ID_REUSED"
