"""Compares SES's ledger with the acknowledged emails and the states shown: lost, twice, false."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import asyncpg

from cli.polling import until
from letterhead.sender.v1.emails_pb2 import Email, ListEmailsRequest, ListEmailsResponse
from tests.e2e.conftest import World

NOT_SENT = frozenset({"QUEUED", "FAILED", "EXPIRED", "SUPPRESSED", "CANCELED"})
# States that show users that the email was not, or perhaps not, sent.
VISIBLE = frozenset({"HELD", "FAILED", "EXPIRED", "SUPPRESSED", "CANCELED"})
IN_FLIGHT = """
    SELECT state, state_note AS note, count(*), max(now() - state_at) AS longest
    FROM sender.emails
    WHERE id = ANY ($1::uuid[]) AND state IN ('QUEUED', 'SENDING', 'UNKNOWN')
    GROUP BY state, note
"""
UNSUBMITTED = """
    SELECT EXISTS (
        SELECT FROM sender.emails AS e LEFT JOIN sender.attempts AS a ON a.email_id = e.id
        WHERE e.id = ANY ($1::uuid[]) AND (a.state = 'OPEN' OR e.state = 'QUEUED')
    )
"""
LONGEST_LEASE = """
    SELECT max(left_at - created_at) FROM (
        SELECT to_state, created_at, lead(created_at) OVER (PARTITION BY email_id ORDER BY id) AS left_at
        FROM sender.email_transitions WHERE email_id = ANY ($1::uuid[])
    ) AS spans
    WHERE to_state = 'SENDING'
"""
POLL_SECONDS = 0.25
LIST_SECONDS = 30
PAGE = 1000


@dataclass(frozen=True)
class Outcome:
    """What became of some emails, by id."""

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
        """Return whether no email was lost, no state is false and no attempt was posted twice."""
        return not (self.lost or self.false or self.posted_twice)

    @property
    def clean(self) -> bool:
        """Return whether, in addition, no email was sent twice."""
        return self.honest and not self.twice


async def shown(world: World, emails: Collection[str]) -> dict[str, str]:
    """Return the state of each email as the tenant sees it; ABSENT if it is not listed."""
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


async def outcome_of(world: World, emails: Collection[str]) -> Outcome:
    """Compare the states shown for these emails with what SES accepted."""
    states = await shown(world, emails)
    ledger = await world.sandbox.ledger()
    accepted = Counter(post["email_tags"].get("lh-email") for post in ledger["accepted"])
    posts = Counter(
        post["attempt"] for post in ledger["posts"] if post["email_tags"].get("lh-email") in states
    )
    sent = {each for each in states if accepted[each]}
    return Outcome(
        emails=len(states),
        lost=frozenset(
            each for each, state in states.items() if each not in sent and state not in VISIBLE | {"SENT"}
        ),
        twice=frozenset(each for each in sent if accepted[each] > 1),
        false=frozenset(
            each
            for each, state in states.items()
            if (state == "SENT" and each not in sent) or (state in NOT_SENT and each in sent)
        ),
        posted_twice=sum(count > 1 for count in posts.values()),
        states=dict(Counter(states.values())),
        held_yet_accepted=sum(states[each] == "HELD" for each in sent),
    )


async def accepted_of(world: World, attempts: Collection[str]) -> int:
    """Return how many of these attempts SES accepted."""
    ledger = await world.sandbox.ledger()
    return sum(post["attempt"] in attempts for post in ledger["accepted"])


async def longest_lease(world: World, emails: Collection[str]) -> timedelta:
    """Return the longest time that one of these emails was leased by a sender, alive or dead."""
    connection = await database(world)
    try:
        longest: timedelta = await connection.fetchval(LONGEST_LEASE, list(emails))
        return longest
    finally:
        await connection.close()


async def all_submitted(world: World, emails: Collection[str]) -> bool:
    """Return whether none of these emails is queued or being submitted, whatever its outcome."""
    await asyncio.sleep(POLL_SECONDS)
    connection = await database(world)
    try:
        return not await connection.fetchval(UNSUBMITTED, list(emails))
    finally:
        await connection.close()


async def all_settled(world: World, emails: Collection[str]) -> bool:
    """Return True if all of these emails are settled; raise AssertionError with the others."""
    await asyncio.sleep(POLL_SECONDS)
    connection = await database(world)
    try:
        in_flight = await connection.fetch(IN_FLIGHT, list(emails))
    finally:
        await connection.close()
    assert not in_flight, [dict(row) for row in in_flight]
    return True


async def database(world: World) -> asyncpg.Connection:
    """Return a superuser's connection to Postgres itself, not through a proxy."""
    return await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
