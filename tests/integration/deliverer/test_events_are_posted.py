"""An event is posted to the endpoints that want it, signed, and every attempt is listed."""

from tests.integration.deliverer.conftest import Hooks, verified
from tests.integration.deliverer.emails import ADDRESS, a_bounce, a_delivery


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
