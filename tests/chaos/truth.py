"""What SES's own list says against what was acknowledged and what is shown: lost, twice, false."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import asyncpg

from cli.until import until
from letterhead.sender.v1.emails_pb2 import Email, ListEmailsRequest, ListEmailsResponse
from tests.e2e.conftest import World

NOT_SENT = frozenset({"QUEUED", "FAILED", "EXPIRED", "SUPPRESSED", "CANCELED"})
# Somebody can see that these were not, or perhaps not, sent.
VISIBLE = frozenset({"HELD", "FAILED", "EXPIRED", "SUPPRESSED", "CANCELED"})
ON_ITS_WAY = """
    SELECT state, state_note AS note, count(*), max(now() - state_at) AS longest
    FROM sender.emails
    WHERE id = ANY ($1::uuid[]) AND state IN ('QUEUED', 'CLAIMED', 'UNKNOWN')
    GROUP BY state, note
"""
WITH_US = """
    SELECT EXISTS (
        SELECT FROM sender.emails AS e LEFT JOIN sender.attempts AS a ON a.email_id = e.id
        WHERE e.id = ANY ($1::uuid[]) AND (a.state = 'OPEN' OR e.state = 'QUEUED')
    )
"""
LONGEST_CLAIM = """
    SELECT max(left_at - created_at) FROM (
        SELECT to_state, created_at, lead(created_at) OVER (PARTITION BY email_id ORDER BY id) AS left_at
        FROM sender.email_transitions WHERE email_id = ANY ($1::uuid[])
    ) AS spans
    WHERE to_state = 'CLAIMED'
"""
LOOK_SECONDS = 0.25
LIST_SECONDS = 30
PAGE = 1000


@dataclass(frozen=True)
class Truth:
    """The verdict over some emails, by id."""

    emails: int
    lost: frozenset[str]
    twice: frozenset[str]
    false: frozenset[str]
    posted_twice: int  # attempts with more than one POST
    states: dict[str, int]
    held_yet_accepted: int

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return (
            f"{self.emails} emails: {len(self.lost)} lost, {len(self.twice)} twice,"
            f" {len(self.false)} in a false state, {self.posted_twice} attempts with a second POST"
            f" ({states}; of those HELD, SES had accepted {self.held_yet_accepted})"
        )

    @property
    def honest(self) -> bool:
        """Whether nothing was lost, no state lies and no attempt was more than one POST."""
        return not (self.lost or self.false or self.posted_twice)

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return self.honest and not self.twice


async def shown(world: World, emails: Collection[str]) -> dict[str, str]:
    """The state of each email as the tenant sees it; ABSENT when it is not listed."""
    states: dict[str, str] = {}
    token = ""
    while True:
        page = await until("emails are listed", partial(_listed, world, token))
        states |= {each.id: Email.State.Name(each.state).removeprefix("STATE_") for each in page.emails}
        token = page.next_page_token
        if not token:
            return {each: states.get(each, "ABSENT") for each in emails}


async def _listed(world: World, token: str) -> ListEmailsResponse:
    request = ListEmailsRequest(page_size=PAGE, page_token=token)
    page: ListEmailsResponse = await world.services.sender.ListEmails(request, timeout=LIST_SECONDS)
    return page


async def truth(world: World, emails: Collection[str]) -> Truth:
    """Holds what is shown of these emails to what SES accepted."""
    states = await shown(world, emails)
    ledger = await world.sandbox.ledger()
    accepted = Counter(post["email_tags"].get("lh-email") for post in ledger["accepted"])
    posts = Counter(
        post["attempt"] for post in ledger["posts"] if post["email_tags"].get("lh-email") in states
    )
    gone = {each for each in states if accepted[each]}
    return Truth(
        emails=len(states),
        lost=frozenset(
            each for each, state in states.items() if each not in gone and state not in VISIBLE | {"SENT"}
        ),
        twice=frozenset(each for each in gone if accepted[each] > 1),
        false=frozenset(
            each
            for each, state in states.items()
            if (state == "SENT" and each not in gone) or (state in NOT_SENT and each in gone)
        ),
        posted_twice=sum(count > 1 for count in posts.values()),
        states=dict(Counter(states.values())),
        held_yet_accepted=sum(states[each] == "HELD" for each in gone),
    )


async def accepted_of(world: World, attempts: Collection[str]) -> int:
    """How many of these attempts SES accepted."""
    ledger = await world.sandbox.ledger()
    return sum(post["attempt"] in attempts for post in ledger["accepted"])


async def longest_claim(world: World, emails: Collection[str]) -> timedelta:
    """For how long one of these emails was with a sender, alive or dead."""
    connection = await database(world)
    try:
        longest: timedelta = await connection.fetchval(LONGEST_CLAIM, list(emails))
        return longest
    finally:
        await connection.close()


async def handed_over(world: World, emails: Collection[str]) -> bool:
    """Whether none of these emails queues or is on its way to SES, whatever became of it."""
    await asyncio.sleep(LOOK_SECONDS)
    connection = await database(world)
    try:
        return not await connection.fetchval(WITH_US, list(emails))
    finally:
        await connection.close()


async def at_rest(world: World, emails: Collection[str]) -> bool:
    """Whether time alone changes nothing more; looked at rarely, so as not to be a load itself."""
    await asyncio.sleep(LOOK_SECONDS)
    connection = await database(world)
    try:
        moving = await connection.fetch(ON_ITS_WAY, list(emails))
    finally:
        await connection.close()
    assert not moving, [dict(row) for row in moving]
    return True


async def database(world: World) -> asyncpg.Connection:
    """A superuser's connection to Postgres itself, past every shim."""
    return await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
