"""An endpoint that is gone or only fails is disabled; what it misses is kept, and posted on request."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.integration.deliverer.conftest import Hooks
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually


async def set_state(hooks: Hooks, endpoint: pb.Endpoint, state: pb.Endpoint.State.ValueType) -> pb.Endpoint:
    request = pb.UpdateEndpointRequest(
        endpoint=pb.Endpoint(id=endpoint.id, state=state), update_mask=FieldMask(paths=["state"])
    )
    changed: pb.Endpoint = (await hooks.stub.UpdateEndpoint(request, metadata=hooks.key)).endpoint
    return changed


async def disabled_for(hooks: Hooks, endpoint: pb.Endpoint) -> str:
    """Wait until an endpoint is disabled, and return why."""

    async def found() -> str | None:
        request = pb.GetEndpointRequest(endpoint_id=endpoint.id)
        now = (await hooks.stub.GetEndpoint(request, metadata=hooks.key)).endpoint
        return pb.Endpoint.DisableReason.Name(now.disable_reason) if now.disable_reason else None

    return await eventually(found, within=timedelta(seconds=15))


async def test_an_endpoint_that_is_gone_is_disabled_at_once(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/gone", status=410)
    endpoint = await hooks.create("/gone", "EMAIL_BOUNCED")

    await hooks.publish(a_bounce())

    assert await disabled_for(hooks, endpoint) == "DISABLE_REASON_GONE"
    [event] = await eventually(lambda: hooks.stream.published("endpoint.disabled"))
    assert event["data"]["endpoint"]["url"] == endpoint.url
    assert event["data"]["lastStatus"] == 410
    await hooks.becomes(endpoint, "UNSENT")


async def test_five_days_of_nothing_but_failures_disable_an_endpoint_and_enabling_it_starts_anew(
    hooks: Hooks,
) -> None:
    await hooks.internet.control.behave("/down", status=500)
    endpoint = await hooks.create("/down", "EMAIL_BOUNCED")
    await hooks.database.execute(
        "INSERT INTO deliverer.endpoint_health (endpoint_id, tenant_id, failing_since, failures)"
        " VALUES ($1, $2, now() - interval '5 days 1 minute', 10)",
        endpoint.id,
        hooks.tenant_id,
    )

    await hooks.publish(a_bounce())

    assert await disabled_for(hooks, endpoint) == "DISABLE_REASON_FAILING"
    enabled = await set_state(hooks, endpoint, pb.Endpoint.STATE_ENABLED)
    assert enabled.disable_reason == pb.Endpoint.DISABLE_REASON_UNSPECIFIED


async def test_a_day_of_nothing_but_failures_warns_once(hooks: Hooks) -> None:
    await hooks.internet.control.behave("/down", status=500)
    endpoint = await hooks.create("/down", "EMAIL_BOUNCED")
    await hooks.database.execute(
        "INSERT INTO deliverer.endpoint_health (endpoint_id, tenant_id, failing_since, failures)"
        " VALUES ($1, $2, now() - interval '25 hours', 2)",
        endpoint.id,
        hooks.tenant_id,
    )

    await hooks.publish(a_bounce(), a_bounce())

    assert len(await hooks.posts("/down", 2)) == 2
    [event] = await eventually(lambda: hooks.stream.published("endpoint.failing"))
    assert event["data"]["endpoint"]["id"] == endpoint.id


async def test_what_an_endpoint_misses_while_disabled_is_posted_on_request(hooks: Hooks) -> None:
    endpoint = await hooks.create("/paused", "EMAIL_BOUNCED")
    await set_state(hooks, endpoint, pb.Endpoint.STATE_DISABLED)
    await hooks.publish(a_bounce())
    missed = await hooks.becomes(endpoint, "UNSENT")
    request = pb.ReplaySinceRequest(endpoint_id=endpoint.id)
    request.since_time.FromJsonString("2020-01-01T00:00:00Z")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await hooks.stub.ReplaySince(request, metadata=hooks.key)

    await set_state(hooks, endpoint, pb.Endpoint.STATE_ENABLED)
    await hooks.stub.ReplaySince(request, metadata=hooks.key)

    [post] = await hooks.posts("/paused")
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert post["headers"]["webhook-id"] == missed.id
