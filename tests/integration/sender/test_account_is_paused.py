"""When SES pauses the account, the rest of the queue stays QUEUED and its note says why."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.factories import Domain
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Json, Sender, State, becomes
from tests.waiting import eventually

EMAILS = 120
RATE = 20.0
PAUSED = "SES does not accept email from this account"


async def test_a_queue_stops_when_the_account_is_paused(
    caller: Caller, sender: Sender, domain: Domain, figure: Figure
) -> None:
    await sender.set_account(max_send_rate=RATE)
    emails = await asyncio.gather(*(caller.send(f"agent@{domain.name}") for _ in range(EMAILS)))

    async def started() -> bool:
        return len(await sender.posts()) >= EMAILS // 10

    await eventually(started)
    await sender.set_account(state="PAUSED", sending_enabled=False)
    paused = datetime.now(UTC)

    newest = max(emails, key=lambda email: email.id)  # ids are ordered by time, and so is the queue

    async def says_so() -> bool:
        last = await caller.get(newest.id)
        return last.state == State.STATE_QUEUED and PAUSED in last.state_message

    await eventually(says_so)
    posts = await final_posts(sender)
    last = max(datetime.fromisoformat(post["at"]) for post in posts)
    figure(
        f"account paused with {EMAILS} emails at {RATE:g}/s: last POST "
        f"{max(0.0, (last - paused).total_seconds()):.2f} s later, {EMAILS - len(posts)} wait with a reason"
    )
    assert len(posts) < EMAILS

    await sender.set_account(state="READY", sending_enabled=True, state_note="", max_send_rate=500)
    for email in emails:
        await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=20))
    await sender.one_post_an_attempt()


async def final_posts(sender: Sender) -> list[Json]:
    """Wait until no attempt is open and return all posts."""

    async def resolved() -> bool:
        return not await sender.database.fetch("SELECT FROM sender.attempts WHERE state = 'OPEN'")

    await eventually(resolved)
    return await sender.posts()
