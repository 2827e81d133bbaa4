"""A sender submits, releases, expires and resolves the email of one SES region, and accepts that of all."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.regions import AwsRegion, SesRegion
from letterhead.events.v1.email_reason_pb2 import EmailReason
from services.sender.config import Windows
from services.sender.store.feedback_liveness import FeedbackLivenessStore
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import UpkeepStore
from tests.factories import ACCOUNT, REGION, Domain
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import SHORT, Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

HERE = SesRegion(ACCOUNT, REGION)
THERE = SesRegion("210987654321", "eu-west-1")
STATES = EmailStates(body_retention=timedelta(days=7))


@pytest.fixture
def sender(sender: Sender) -> Sender:
    """Return the service with a second region, whose SES is the same simulated one."""
    second = AwsRegion(
        account=THERE.account,
        region=THERE.region,
        endpoint_url=sender.internet.addresses.ses,
        shared_domain="send-eu.e2a.dev",
    )
    aws = replace(sender.settings.aws, more_regions=(second,))
    return replace(sender, settings=replace(sender.settings, aws=aws))


@pytest.fixture
async def domain(sender: Sender, domain: Domain, database: FreshDatabase) -> Domain:
    """Return a READY domain of the second region, where the account is healthy."""
    await database.execute(
        "INSERT INTO verifier.ses_account"
        " (account, region, state, sending_enabled, enforcement_status, max_send_rate)"
        " VALUES ($1, $2, 'READY', true, 'HEALTHY', 500)",
        THERE.account,
        THERE.region,
    )
    await to_second_region(database, domain)
    return domain


async def to_second_region(database: FreshDatabase, domain: Domain) -> None:
    for table, key in (("identity.claims", "id"), ("verifier.verifications", "claim_id")):
        await database.execute(
            f"UPDATE {table} SET account = $2, region = $3 WHERE {key} = $1",  # noqa: S608 - literals above
            domain.claim_id,
            THERE.account,
            THERE.region,
        )


async def an_email_each(database: FreshDatabase, domain: Domain, state: str, **columns: str) -> list[UUID]:
    """Store an email in a state in the first region and in the second one; return their ids."""
    names, values = ", ".join(["", *columns]), ", ".join(["", *columns.values()])
    ids = [uuid7(), uuid7()]
    for email_id, region in zip(ids, (HERE, THERE), strict=True):
        await database.execute(
            "INSERT INTO sender.emails (id, tenant_id, claim_id, account, region, from_address, subject,"  # noqa: S608 - columns are literals of this file
            f"  text, size, state, expires_at{names})"
            f" VALUES ($1, $2, $3, $4, $5, $6, 'Hello', 'Hi', 2, $7, now() + interval '1 day'{values})",
            email_id, domain.tenant_id, domain.claim_id, region.account, region.region,
            f"agent@{domain.name}", state,
        )  # fmt: skip
    return ids


async def an_attempt_of(database: FreshDatabase, email_ids: list[UUID], state: str) -> list[UUID]:
    """Store an attempt of each email, whose lease has expired; return their ids."""
    rows = await database.fetch(
        "INSERT INTO sender.attempts (id, email_id, tenant_id, claim_id, account, region, number, state,"
        "  worker, leased_until, opened_at)"
        " SELECT gen_random_uuid(), id, tenant_id, claim_id, account, region, 1, $2, 'test',"
        "  now() - interval '1 second', now() - interval '1 minute'"
        " FROM sender.emails WHERE id = ANY ($1) ORDER BY id RETURNING id",
        email_ids,
        state,
    )
    return [row["id"] for row in rows]


async def test_an_email_is_in_the_region_of_its_domain(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    """The sender submits the first region's email, and accepts that of the second."""
    email = await caller.send(f"agent@{domain.name}")

    [row] = await database.fetch("SELECT account, region, state FROM sender.emails")
    assert (row["account"], row["region"]) == (THERE.account, THERE.region)
    assert (await caller.get(email.id)).state == State.STATE_QUEUED


async def test_only_a_sender_of_the_region_submits_an_email(
    sender: Sender, tenant_id: UUID, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    first = await sender.a_ready_domain(tenant_id)
    there = await caller.send(f"agent@{domain.name}")
    await becomes(caller, await caller.send(f"agent@{first.name}"), State.STATE_SENT)
    assert (await caller.get(there.id)).state == State.STATE_QUEUED

    async with sender.start(sending_region=THERE.region):
        await becomes(caller, there, State.STATE_SENT)

    rows = await database.fetch("SELECT account, region FROM sender.attempts ORDER BY opened_at")
    assert [(row["account"], row["region"]) for row in rows] == [
        (HERE.account, HERE.region),
        (THERE.account, THERE.region),
    ]


async def test_a_paused_account_stops_only_its_region(
    sender: Sender, tenant_id: UUID, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    first = await sender.a_ready_domain(tenant_id)
    await database.execute("UPDATE verifier.ses_account SET state = 'PAUSED' WHERE region = $1", THERE.region)

    async with sender.start(sending_region=THERE.region):
        there = await caller.send(f"agent@{domain.name}")
        await becomes(caller, await caller.send(f"agent@{first.name}"), State.STATE_SENT)

        waiting = await caller.get(there.id)
    assert waiting.state == State.STATE_QUEUED
    assert waiting.state_reason == EmailReason.EMAIL_REASON_ACCOUNT_CLOSED


async def test_the_shared_sender_is_that_of_the_region(
    sender: Sender, tenant_id: UUID, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    """Without a shared domain in the second region, its email is rejected; the first region's is not used."""
    await database.execute("UPDATE identity.tenants SET unready_policy = 'SHARED' WHERE id = $1", tenant_id)
    operator = (await sender.a_shared_sender()).tenant_id
    await sender.set_domain_state(domain, "PENDING")
    rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))
    assert rejection.reason == "DOMAIN_NOT_READY"

    await to_second_region(database, await sender.a_ready_domain(operator, "send-eu.e2a.dev"))
    async with sender.start(sending_region=THERE.region):
        email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)

    assert "@send-eu.e2a.dev" in email.sent_from


async def test_the_queue_of_a_region_has_only_its_email(domain: Domain, database: FreshDatabase) -> None:
    _, there = await an_email_each(database, domain, "QUEUED")
    async with database.open("sender") as opened:
        queue = QueueStore(opened, STATES, THERE, shared=None, worker="test")

        await queue.claim(10)

    rows = await database.fetch("SELECT id FROM sender.emails WHERE state <> 'QUEUED'")
    assert [row["id"] for row in rows] == [there]


async def test_upkeep_of_a_region_finds_only_its_email(domain: Domain, database: FreshDatabase) -> None:
    expired = await an_email_each(database, domain, "QUEUED")
    await database.execute("UPDATE sender.emails SET expires_at = now()")
    held = await an_email_each(database, domain, "HELD")
    undecided = await an_email_each(database, domain, "HELD", decision_demanded="true")
    await _report(database, undecided[1], None)
    async with database.open("sender") as opened, opened.transaction() as connection:
        store = UpkeepStore(opened, THERE, "source")

        assert await store.expired_emails(connection) == [(expired[1], False)]
        assert await store.claims_with_held(None) == [domain.claim_id]
        assert [email for email, _ in await store.proven_emails(connection)] == [undecided[1]]

        await database.execute("UPDATE sender.emails SET state = 'SENT' WHERE id = $1", held[1])
        assert await store.claims_with_held(None) == []


async def test_attempts_of_a_region_are_resolved_only_by_it(domain: Domain, database: FreshDatabase) -> None:
    open_ = await an_attempt_of(database, await an_email_each(database, domain, "SENDING"), "OPEN")
    proven = await an_email_each(database, domain, "UNKNOWN")
    lost = await an_attempt_of(database, proven, "UNKNOWN")
    for email_id, attempt_id in zip(proven, lost, strict=True):
        await _report(database, email_id, attempt_id)
    absent = await an_email_each(database, domain, "UNKNOWN", unknown_window="interval '0'")
    silent = await an_attempt_of(database, absent, "UNKNOWN")
    await database.execute("UPDATE sender.attempts SET absent_from = interval '0'")
    await database.execute("INSERT INTO sender.feedback_liveness (source, received_for) VALUES ('s', '1 h')")
    async with database.open("sender") as opened, opened.transaction() as connection:
        store = UpkeepStore(opened, THERE, "s")

        overdue = await store.overdue_attempts(connection)
        evidence = await store.proven_attempts(connection)
        ended = await store.absent_attempts(connection, SHORT)

    assert [each.attempt_id for each in overdue] == [open_[1]]
    assert [attempt for attempt, _, _ in evidence] == [lost[1]]
    assert [attempt for attempt, _, _ in ended] == [silent[1]]


async def test_feedback_of_one_region_proves_nothing_about_another(
    domain: Domain, database: FreshDatabase
) -> None:
    emails = await an_email_each(database, domain, "UNKNOWN")
    attempts = await an_attempt_of(database, emails, "UNKNOWN")
    await database.execute("UPDATE sender.attempts SET opened_at = now()")
    await _report(database, emails[1], attempts[1])
    for region in (HERE, THERE):
        await database.execute(
            "INSERT INTO webhooks.intake (queue, account, region, polled_at)"
            " VALUES ($1, $2, $3, now() - CASE WHEN $3 = 'eu-west-1' THEN interval '0' ELSE '1 hour' END)",
            f"{region}:letterhead-feedback",
            region.account,
            region.region,
        )
    freshness = Windows().liveness_freshness
    async with database.open("sender") as opened, opened.transaction() as connection:
        here, there = (FeedbackLivenessStore(opened, each, str(each)) for each in (HERE, THERE))

        assert (await there.signs(connection, enough=1, freshness=freshness)).live
        signs = await here.signs(connection, enough=1, freshness=freshness)
        assert (signs.received_through, signs.intake_works) == (None, False)

        await database.execute("UPDATE sender.emails SET state = 'SENT' WHERE region = $1", THERE.region)
        assert (await here.anything_unknown(), await there.anything_unknown()) == (True, False)


async def test_rows_of_the_previous_release_get_the_region_of_their_domain(
    domain: Domain, database: FreshDatabase
) -> None:
    """The previous release writes emails and attempts without a region, even while this one runs."""
    [queued, _] = await an_email_each(database, domain, "QUEUED")
    [left, _] = await an_email_each(database, domain, "SENDING")
    await an_attempt_of(database, [left], "OPEN")
    for table in ("emails", "attempts"):
        await database.execute(f"UPDATE sender.{table} SET account = '', region = ''")  # noqa: S608 - literals above
    async with database.open("sender") as opened:
        store = UpkeepStore(opened, HERE, "source")

        await eventually(lambda: _assigned(store, database))

    rows = await database.fetch(
        "SELECT account, region FROM sender.emails WHERE id = ANY ($1)"
        " UNION ALL SELECT account, region FROM sender.attempts",
        [queued, left],
    )
    assert {(row["account"], row["region"]) for row in rows} == {(THERE.account, THERE.region)}


async def _assigned(store: UpkeepStore, database: FreshDatabase) -> bool:
    await store.assign_regions()
    [row] = await database.fetch(
        "SELECT (SELECT count(*) FROM sender.emails WHERE region = '')"
        " + (SELECT count(*) FROM sender.attempts WHERE region = '') AS missing"
    )
    return bool(row["missing"] == 0)


async def _report(database: FreshDatabase, email_id: UUID, attempt_id: UUID | None) -> None:
    """Write SES's event that it accepted an email, as webhooks would."""
    await database.execute(
        "INSERT INTO webhooks.feedback"
        " (id, meaning, kind, email_id, attempt_id, ses_id, detail, occurred_at)"
        " VALUES ($1, $2, 'SEND', $3, $4, 'ses', '{}', now())",
        uuid7(),
        email_id.bytes,
        email_id,
        attempt_id,
    )
