"""An event is posted to the endpoints that want it, signed, and every attempt is listed."""

from datetime import timedelta

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.factories import a_provisioned_domain
from tests.integration.deliverer.conftest import Hooks, verified
from tests.integration.deliverer.emails import ADDRESS, a_bounce, a_delivery
from tests.waiting import eventually


async def test_a_bounce_arrives_signed_and_is_listed(hooks: Hooks) -> None:
    endpoint = await hooks.create("/hooks", "EMAIL_BOUNCED")

    await hooks.publish(a_bounce())

    [post] = await hooks.posts("/hooks")
    payload = verified(post, endpoint.secret)
    event = await hooks.becomes(endpoint, "DELIVERED")
    [attempt] = await hooks.attempts(endpoint, event.id)
    assert payload["type"] == "email.bounced"
    assert payload["data"]["to"] == [ADDRESS]
    assert post["headers"]["webhook-id"] == post["headers"]["svix-id"] == event.id
    assert (attempt.status, event.attempts) == (200, 1)


async def test_an_event_goes_only_to_endpoints_of_its_tenant_and_type(hooks: Hooks) -> None:
    await hooks.create("/bounces", "EMAIL_BOUNCED")
    await hooks.create("/deliveries", "EMAIL_DELIVERED", "EMAIL_SENT")

    await hooks.publish(a_delivery())

    assert await hooks.posts("/deliveries")
    assert await hooks.internet.control.posts("/bounces") == []


async def test_a_test_event_is_posted_whatever_types_the_endpoint_chose(hooks: Hooks) -> None:
    endpoint = await hooks.create("/tested", "EMAIL_SENT")
    request = pb.SendTestRequest(endpoint_id=endpoint.id, request_id="test-1")

    sent = [(await hooks.stub.SendTest(request, metadata=hooks.key)).event_id for _ in range(2)]

    [post] = await hooks.posts("/tested")
    assert verified(post, endpoint.secret)["type"] == "webhook.test"
    assert [post["headers"]["webhook-id"]] * 2 == sent


async def test_an_endpoint_can_choose_domains(hooks: Hooks) -> None:
    mine = await a_provisioned_domain(hooks.database, hooks.tenant_id)
    await hooks.create("/mine", "EMAIL_BOUNCED", domain_ids=[str(mine.claim_id)])

    await hooks.publish(a_bounce(), a_bounce(domain_id=str(mine.claim_id), subject="Mine"))

    [post] = await hooks.posts("/mine")
    assert '"subject":"Mine"' in post["body"]


async def test_an_event_applied_twice_is_stored_once(hooks: Hooks) -> None:
    """As after a restored database, whose inbox has lost the event."""
    endpoint = await hooks.create("/once", "EMAIL_BOUNCED")
    await hooks.publish(a_bounce())
    first = await hooks.becomes(endpoint, "DELIVERED")
    await hooks.database.execute("DELETE FROM deliverer.inbox")
    await hooks.database.execute("UPDATE sender.outbox SET published_at = NULL, leased_until = NULL")
    await hooks.stream.lose()
    await hooks.stream.create()

    await hooks.publish(a_delivery())

    await eventually(lambda: applied(hooks, 2), within=timedelta(seconds=30))
    assert await hooks.event(endpoint) == first


async def applied(hooks: Hooks, count: int) -> bool:
    rows = await hooks.database.fetch("SELECT FROM deliverer.inbox")
    return len(rows) == count
