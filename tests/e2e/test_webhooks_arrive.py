"""An email that bounces reaches its customer's endpoint, signed, through every service.

Resend's own SDK creates the endpoint and reads what was posted.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import resend as sdk
from standardwebhooks import Webhook

from sandbox.client import Json
from tests.e2e.conftest import World
from tests.factories import a_name
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SOON = timedelta(seconds=60)
TYPES = ["email.sent", "email.bounced"]


@pytest.fixture
def resend(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return Resend's SDK, pointed at this installation."""
    monkeypatch.setattr(sdk, "api_url", world.installation.console)
    monkeypatch.setattr(sdk, "api_key", world.installation.api_key)
    return sdk


async def called(method: Callable[..., Any], *arguments: Any) -> Any:
    """Call the SDK in a thread; the sandbox runs in this one's loop."""
    return await asyncio.to_thread(method, *arguments)


async def test_a_bounce_arrives_and_the_official_libraries_verify_it(world: World, resend: Any) -> None:
    path = f"/{uuid4().hex}"
    await world.sandbox.publish("A", "hooks.letterhead-mailbox.com", "127.0.0.1")
    port = world.installation.receiver.rpartition(":")[2]
    url = f"https://hooks.letterhead-mailbox.com:{port}{path}"
    created = await called(resend.Webhooks.create, {"endpoint": url, "events": TYPES})
    domain = await called(resend.Domains.create, {"name": a_name()})
    email = {
        "from": f"agent@{domain['name']}",
        "to": "bounce@simulator.amazonses.com",
        "subject": "Hello",
        "text": "x",
        "tags": [{"name": "order", "value": "1042"}],
    }

    sent = await called(resend.Emails.send, email)

    posts = await eventually(lambda: all_of(world, path, len(TYPES)), within=SOON)
    secret = created["signing_secret"]
    events = {each["type"]: each["data"] for each in (verified(post, secret) for post in posts)}
    assert events.keys() == set(TYPES)
    bounced = events["email.bounced"]
    assert bounced["email_id"] == events["email.sent"]["email_id"] == sent["id"]
    assert bounced["to"] == ["bounce@simulator.amazonses.com"]
    assert bounced["tags"] == {"order": "1042"}
    await everything_else(resend, created["id"], secret)


async def all_of(world: World, path: str, count: int) -> list[Json]:
    posts = await world.sandbox.posts(path)
    return posts if len(posts) >= count else []


def verified(post: Json, secret: str) -> Any:
    """Return the event that a post carries, verified by the official library and by Resend's."""
    names = ("id", "timestamp", "signature")
    headers: Any = {name: post["headers"][f"svix-{name}"] for name in names}
    sdk.Webhooks.verify({"payload": post["body"], "headers": headers, "webhook_secret": secret})
    return Webhook(secret).verify(post["body"], post["headers"])


async def everything_else(resend: Any, webhook_id: str, secret: str) -> None:
    """Call every other method of the SDK's webhooks."""
    webhooks = resend.Webhooks
    shown = await called(webhooks.get, webhook_id)
    assert (shown["signing_secret"], shown["status"], shown["events"]) == (secret, "enabled", TYPES)
    assert webhook_id in [each["id"] for each in (await called(webhooks.list))["data"]]
    listed = (await called(webhooks.list_events, webhook_id))["data"]
    assert {each["status"] for each in listed} == {"success"}
    event = await called(webhooks.get_event, webhook_id, listed[0]["id"])
    assert event["payload"]["type"] == event["type"]
    attempts = (await called(webhooks.list_event_attempts, webhook_id, event["id"]))["data"]
    assert [each["http_status_code"] for each in attempts] == [200]
    replayed = await called(webhooks.replay_event, webhook_id, event["id"])
    assert replayed["id"] == event["id"]
    rotated = await called(webhooks.rotate_signing_secret, webhook_id)
    assert rotated["signing_secret"] != secret
    await called(webhooks.update, {"webhook_id": webhook_id, "status": "disabled"})
    assert (await called(webhooks.get, webhook_id))["status"] == "disabled"
    assert (await called(webhooks.remove, webhook_id))["deleted"] is True
