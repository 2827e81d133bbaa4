"""Operators decide where evidence cannot, with their key and a reason on record, never against evidence."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from chassis.access import Scope
from chassis.regions import SesRegion
from letterhead.events.v1.email_reason_pb2 import EmailReason
from letterhead.sender.v1 import resolution_pb2 as pb
from letterhead.sender.v1 import resolution_pb2_grpc
from letterhead.sender.v1.emails_pb2 import Email
from services.sender.store.backlog import Backlog
from tests.factories import ACCOUNT, REGION, Domain, a_key
from tests.integration.identity.callers import Keyed
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

Outcome = pb.ResolveEmailRequest.Outcome


async def an_operator(
    database: FreshDatabase, caller: Caller, tenant_id: UUID, scope: Scope = Scope.ADMIN
) -> Any:
    """Return a client with a key of this scope, connected to the caller's replica."""
    stub = resolution_pb2_grpc.ResolutionServiceStub(caller.channel)
    return Keyed(stub, await a_key(database, tenant_id, scope))


@pytest.fixture
async def operator(database: FreshDatabase, caller: Caller, tenant_id: UUID) -> Any:
    return await an_operator(database, caller, tenant_id)


@pytest.fixture
async def lost(caller: Caller, sender: Sender, domain: Domain) -> Email:
    """Return an email whose answer was lost."""
    await sender.fault("accept_then_500", count=1)
    return await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_UNKNOWN)


def decided(email: Email, outcome: "Outcome.ValueType", reason: str = "SES's console says so") -> Any:
    return pb.ResolveEmailRequest(email_id=email.id, outcome=outcome, reason=reason)


@pytest.mark.parametrize(
    ("outcome", "state", "attempt"),
    [
        (Outcome.OUTCOME_SENT, State.STATE_SENT, "ACCEPTED"),
        (Outcome.OUTCOME_NOT_SENT, State.STATE_FAILED, "ABANDONED"),
    ],
)
async def test_a_decision_ends_the_email_and_is_in_its_history(  # noqa: PLR0917 - fixtures
    operator: Any,
    caller: Caller,
    lost: Email,
    sender: Sender,
    database: FreshDatabase,
    outcome: "Outcome.ValueType",
    state: "State.ValueType",
    attempt: str,
) -> None:
    answer = await operator.ResolveEmail(decided(lost, outcome))

    last = (await caller.get(lost.id)).history[-1]
    assert (answer.state, last.state) == (state, state)
    assert last.message == answer.state_message
    assert "operator with key" in last.message
    assert "SES's console says so" in last.message
    decided_by = Outcome.Name(outcome).replace("OUTCOME_", "EMAIL_REASON_OPERATOR_DECIDED_")
    assert EmailReason.Name(last.reason) == decided_by
    assert last.parameters.operator_reason == "SES's console says so"
    assert str(UUID(last.parameters.operator_key)) in last.message
    rows = await database.fetch("SELECT state FROM sender.attempts")
    assert [row["state"] for row in rows] == [attempt]
    assert len(await sender.posts()) == 1


async def test_a_resend_makes_one_more_attempt(
    operator: Any, caller: Caller, lost: Email, sender: Sender
) -> None:
    await operator.ResolveEmail(decided(lost, Outcome.OUTCOME_RESEND))

    await becomes(caller, lost, State.STATE_SENT)
    assert len(await sender.posts()) == 2
    await sender.one_post_an_attempt()


async def test_evidence_overrides_an_earlier_decision(
    operator: Any, caller: Caller, lost: Email, sender: Sender
) -> None:
    await operator.ResolveEmail(decided(lost, Outcome.OUTCOME_NOT_SENT))
    [post] = await sender.posts()

    await sender.receive(post)

    await becomes(caller, lost, State.STATE_SENT)


async def expires(caller: Caller, database: FreshDatabase, email: Email) -> Email:
    """Let the deadline of an email pass and wait until it is EXPIRED."""
    await database.execute("UPDATE sender.emails SET expires_at = now() WHERE id = $1", UUID(email.id))
    return await becomes(caller, email, State.STATE_EXPIRED)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.OUTCOME_SENT, State.STATE_SENT), (Outcome.OUTCOME_NOT_SENT, State.STATE_FAILED)],
)
async def test_an_email_that_expired_undecided_can_still_be_decided(  # noqa: PLR0917 - fixtures
    operator: Any,
    caller: Caller,
    lost: Email,
    database: FreshDatabase,
    outcome: "Outcome.ValueType",
    state: "State.ValueType",
) -> None:
    await expires(caller, database, lost)

    with pytest.raises(grpc.aio.AioRpcError, match="Send a new email"):
        await operator.ResolveEmail(decided(lost, Outcome.OUTCOME_RESEND))
    await operator.ResolveEmail(decided(lost, outcome))

    assert (await caller.get(lost.id)).state == state


async def test_an_email_that_expired_unsent_needs_no_decision(
    operator: Any, caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    await database.execute("UPDATE identity.tenants SET daily_limit = 0")
    email = await expires(caller, database, await caller.send(f"agent@{domain.name}"))

    with pytest.raises(grpc.aio.AioRpcError, match="does not need an operator's decision") as refused:
        await operator.ResolveEmail(decided(email, Outcome.OUTCOME_SENT))

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_decision_is_rejected_if_there_is_evidence(
    operator: Any, caller: Caller, lost: Email, sender: Sender
) -> None:
    [post] = await sender.posts()
    await sender.receive(post)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await operator.ResolveEmail(decided(lost, Outcome.OUTCOME_RESEND))

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    await becomes(caller, lost, State.STATE_SENT)
    assert len(await sender.posts()) == 1


@pytest.mark.parametrize(
    ("outcome", "reason", "field"),
    [
        (Outcome.OUTCOME_UNSPECIFIED, "x", "outcome"),
        (Outcome.OUTCOME_SENT, " ", "reason"),
        (Outcome.OUTCOME_SENT, "two\nlines", "reason"),
        (Outcome.OUTCOME_SENT, "x" * 301, "reason"),
    ],
)
async def test_a_decision_needs_an_outcome_and_a_reason(
    operator: Any, lost: Email, outcome: "Outcome.ValueType", reason: str, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await operator.ResolveEmail(decided(lost, outcome, reason))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in (refused.value.details() or "")


async def test_waiting_emails_are_exported_as_metrics(lost: Email, database: FreshDatabase) -> None:
    assert lost.state == State.STATE_UNKNOWN
    async with database.open("sender") as pool:
        await Backlog(pool, SesRegion(ACCOUNT, REGION)).measure()

    def shown(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"letterhead_sender_{name}", labels)

    assert (shown("waiting_emails", state="UNKNOWN"), shown("waiting_emails", state="HELD")) == (1, 0)
    assert shown("slowed_tenants") == 0
    assert await eventually(lambda: shown("feedback_live") == 0)  # no SES event arrives in this test


async def test_only_operators_decide(
    database: FreshDatabase, caller: Caller, tenant_id: UUID, lost: Email
) -> None:
    tenant = await an_operator(database, caller, tenant_id, Scope.FULL_ACCESS)

    for call in (
        tenant.ResolveEmail(decided(lost, Outcome.OUTCOME_SENT)),
        tenant.HoldEmails(pb.HoldEmailsRequest(reason="x")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_after_a_restore_all_emails_are_held_and_none_is_sent_without_a_decision(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """In the restored database, emails that were sent after the backup are still queued."""
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(submitting=False) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        sent, waiting, expired = [await caller.send(f"agent@{domain.name}") for _ in range(3)]
        await database.execute("UPDATE sender.emails SET expires_at = now() WHERE id = $1", UUID(expired.id))
        held = await operator.HoldEmails(pb.HoldEmailsRequest(reason="restored"))
        again = await operator.HoldEmails(pb.HoldEmailsRequest(reason="restored"))
        assert (held.held_count, again.held_count) == (3, 0)

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        await event_of_lost_attempt(database, sent)
        await becomes(caller, sent, State.STATE_SENT)
        ended = await becomes(caller, expired, State.STATE_EXPIRED)
        assert "may have been" in ended.state_message
        await operator.ResolveEmail(decided(expired, Outcome.OUTCOME_NOT_SENT))
        await event_of_lost_attempt(database, expired)  # evidence overrides the decision
        await becomes(caller, expired, State.STATE_SENT)
        assert (await caller.get(waiting.id)).state == State.STATE_HELD
        assert await sender.posts() == []

        await operator.ResolveEmail(decided(waiting, Outcome.OUTCOME_RESEND))
        await becomes(caller, waiting, State.STATE_SENT)
    assert len(await sender.posts()) == 1


async def test_after_a_restore_email_that_was_held_for_its_domain_needs_a_decision_too(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """It may have been released and sent after the backup."""
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start(submitting=False) as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        email = await caller.send(f"agent@{domain.name}")
        await database.execute(
            "UPDATE sender.emails SET state = 'HELD', state_note = 'It waits for its domain.'"
        )
        held = await operator.HoldEmails(pb.HoldEmailsRequest(reason="restored"))
        again = await operator.HoldEmails(pb.HoldEmailsRequest(reason="restored"))
        assert (held.held_count, again.held_count) == (1, 0)
        shown = await caller.get(email.id)
        assert "may have been sent" in shown.state_message
        assert shown.history[-1].message == shown.state_message

    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        other = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
        await released(sender, domain, caller, database)
        assert (await caller.get(email.id)).state == State.STATE_HELD
        await operator.ResolveEmail(decided(email, Outcome.OUTCOME_RESEND))
        await becomes(caller, email, State.STATE_SENT)
    assert {post["email_tags"]["lh-email"] for post in await sender.posts()} == {email.id, other.id}


async def released(sender: Sender, domain: Domain, caller: Caller, database: FreshDatabase) -> None:
    """Wait until the release task has run: it released another email of the same domain."""
    email = await caller.send(f"agent@{domain.name}", send_time=in_a_day())
    await database.execute(
        "UPDATE sender.emails SET state = 'HELD', not_before = now() WHERE id = $1", UUID(email.id)
    )
    await becomes(caller, email, State.STATE_QUEUED)


def in_a_day() -> Timestamp:
    """Return a time that no test waits for."""
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    return time


async def test_a_resend_keeps_the_scheduled_time(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        email = await caller.send(f"agent@{domain.name}", send_time=in_a_day())
        await operator.HoldEmails(pb.HoldEmailsRequest(reason="restored"))
        await operator.ResolveEmail(decided(email, Outcome.OUTCOME_RESEND))

        await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
        assert (await caller.get(email.id)).state == State.STATE_QUEUED

    [row] = await database.fetch(
        "SELECT not_before = send_at AS unchanged FROM sender.emails WHERE id = $1", UUID(email.id)
    )
    assert row["unchanged"]


async def event_of_lost_attempt(database: FreshDatabase, email: Email) -> None:
    """Write an event as webhooks does, about an attempt that was lost with the old database."""
    await database.execute(
        "INSERT INTO webhooks.feedback"
        " (id, meaning, kind, tenant_id, email_id, attempt_id, ses_id, detail, occurred_at)"
        " VALUES (gen_random_uuid(), $3, 'DELIVERY', $1, $2, gen_random_uuid(), 'ses-1', '{}', now())",
        UUID(email.tenant_id),
        UUID(email.id),
        UUID(email.id).bytes,
    )


async def test_an_email_held_during_its_attempt_is_resolved_only_by_an_acceptance(
    sender: Sender, tenant_id: UUID, database: FreshDatabase
) -> None:
    """SES's answer arrives later: an acceptance counts, and nothing queues the email again."""
    domain = await sender.a_ready_domain(tenant_id)
    await sender.fault("latency", latency_ms=2000, count=1)
    async with sender.start() as channel:
        caller = await sender.a_caller(channel, tenant_id)
        operator = await an_operator(database, caller, tenant_id)
        email = await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENDING)
        await operator.HoldEmails(pb.HoldEmailsRequest(reason="halt"))
        await becomes(caller, email, State.STATE_HELD)
        await becomes(caller, email, State.STATE_SENT, within=timedelta(seconds=10))
    assert len(await sender.posts()) == 1
