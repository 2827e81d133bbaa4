"""NATS permissions: no user can publish events, use consumers or read replies of another user."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.events.authorization import EVERYTHING, Permissions, permissions
from cli.embedded import NatsServer
from tests.figures import Figure
from tests.integration.chassis.attackers import USERS, Breached, Count, Vault, a_vault
from tests.integration.chassis.attacks import attack
from tests.streams import OPERATOR

pytestmark = pytest.mark.timeout(300)  # over a thousand attempts, each followed by a check of its effects


@asynccontextmanager
async def a_server(workspace: Path, users: Mapping[str, Permissions]) -> AsyncIterator[Vault]:
    """Run a server for one test, with the authorization of an installation."""
    server = NatsServer.start(workspace / uuid4().hex, users={**users, OPERATOR: EVERYTHING})
    try:
        async with a_vault(server) as vault:
            yield vault
    finally:
        server.stop()


async def test_no_user_can_exceed_its_permissions_with_or_without_a_key(
    workspace: Path, figure: Figure
) -> None:
    count = Count()

    async with a_server(workspace, permissions()) as vault:
        for user in USERS:
            await attack(vault, user, count)

    figure(
        f"NATS permissions (events, consumers, inboxes, stream): {count.tries} attempts, "
        f"{len(count.breaches)} breaches"
    )
    assert count.breaches == []


GRANTED = permissions()


def also(user: str, *subjects: str) -> tuple[str, Permissions]:
    """Return a user with permission to publish on additional subjects."""
    return user, replace(GRANTED[user], publish=(*GRANTED[user].publish, *subjects))


TOO_MUCH = {
    "another's subject": also("webhooks", "domain.ready"),
    "every subject": also("sender", ">"),
    "another's consumer": also("verifier", "$JS.API.CONSUMER.*.*.LETTERHEAD.sender-feedback"),
    "another's acknowledgements": also("identity", "$JS.ACK.LETTERHEAD.sender-feedback.>"),
    "the stream's configuration": also("webhooks", "$JS.API.STREAM.UPDATE.LETTERHEAD"),
    "another's inbox": (
        "webhooks",
        replace(GRANTED["webhooks"], subscribe=("_INBOX_webhooks.>", "_INBOX_sender.>")),
    ),
    "a subscriber that may use every consumer": ("subscriber", replace(GRANTED["subscriber"], forbidden=())),
}


@pytest.mark.parametrize("mistake", TOO_MUCH)
async def test_a_mistake_in_the_permissions_is_detected(workspace: Path, mistake: str) -> None:
    user, wrong = TOO_MUCH[mistake]

    async with a_server(workspace, {**GRANTED, user: wrong}) as vault:
        with pytest.raises(Breached):
            await attack(vault, user, Count(stop=True))
