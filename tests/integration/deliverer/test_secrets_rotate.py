"""Secrets are encrypted in Postgres, and after a rotation both sign for a day."""

import pytest
from standardwebhooks import WebhookVerificationError

from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.integration.deliverer.conftest import Hooks, verified
from tests.integration.deliverer.emails import a_bounce


async def test_both_secrets_sign_for_a_day(hooks: Hooks) -> None:
    old = await hooks.create("/rotated", "EMAIL_BOUNCED")
    request = pb.RotateSecretRequest(endpoint_id=old.id)
    new = (await hooks.stub.RotateSecret(request, metadata=hooks.key)).endpoint
    await hooks.publish(a_bounce())
    [first] = await hooks.posts("/rotated")
    await hooks.database.execute("UPDATE webhooks.endpoints SET previous_secret_expires_at = now()")

    await hooks.publish(a_bounce())

    _, second = await hooks.posts("/rotated", 2)
    assert verified(first, old.secret) == verified(first, new.secret)
    assert verified(second, new.secret)
    with pytest.raises(WebhookVerificationError):
        verified(second, old.secret)


async def test_postgres_has_no_secret_in_clear(idle_hooks: Hooks) -> None:
    endpoint = await idle_hooks.create("/secret", "EMAIL_BOUNCED")

    [row] = await idle_hooks.database.fetch("SELECT secret FROM webhooks.endpoints")

    assert endpoint.secret.startswith("whsec_")
    assert endpoint.secret.removeprefix("whsec_").encode() not in bytes(row["secret"])
