"""One event for each subject, built by the functions of the service that publishes it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf import json_format

from chassis.events import Event, ReceivedEvent
from chassis.events.envelope import envelope, source_of
from chassis.events.subjects import OWNERS
from chassis.ids import uuid7
from services.deliverer import events as deliverer
from services.deliverer.model.messages import Answer, Attempt, Leased, Problem
from services.identity import events as identity
from services.identity.model.contacts import Confirmation
from services.identity.model.domains import Claim, Phase
from services.identity.model.ownership import Cause, Move, Ownership
from services.identity.model.tenants import Tenant, TenantState, UnreadyPolicy
from services.sender.events import published as sender
from services.sender.events.feedback import FEEDBACK
from services.sender.events.recipients import of_recipient
from services.sender.model.emails import Address, Reason, RecipientKind, Suppression
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason
from services.sender.model.references import Moved, Reference
from services.sender.model.reputation import Concern, ReputationReason
from services.sender.model.states import PUBLISHED, SentAs
from services.verifier import events as verifier
from services.verifier.model.account import AccountChange, AccountState
from services.verifier.model.decisions import Claim as Verified
from services.verifier.model.decisions import Transition
from services.verifier.model.messages.accounts import explain as explain_account
from services.verifier.model.ownership import Ownership as VerifiedOwnership
from services.verifier.model.reasons import AccountReason
from services.verifier.model.state_reasons import why_moved, why_renewed
from services.verifier.model.states import Conditions, Evidence
from services.verifier.model.states import State as DomainState
from services.webhooks import events as webhooks
from services.webhooks.model.feedback import parse
from tests.unit.webhooks.ses_events import SentEmail

NOW = datetime(2026, 3, 1, 12, 30, 45, 678000, tzinfo=UTC)
TENANT_ID = uuid4()
NOT_SIGNING = Conditions(dkim_dns=Evidence.BAD, ses_dkim=Evidence.BAD)
REFERENCE = Reference(
    id=uuid4(), tenant_id=TENANT_ID, claim_id=uuid4(), domain="inbox.mnexa.ai", region="us-east-1",
    sender=Address("agent@inbox.mnexa.ai", "Agent"), subject="Hello", tags={"campaign": "spring"},
    recipients=[(RecipientKind.TO, "ada@example.com")], created_at=NOW, send_at=NOW, ses_id="0100019-1",
)  # fmt: skip


def published() -> Iterator[Event]:
    """Yield at least one event for each subject."""
    yield from _of_identity()
    yield from _of_verifier()
    yield from _of_sender()
    yield from _of_webhooks()
    yield from _of_deliverer()


def encoded(event: Event) -> bytes:
    """Return an event as the outbox and the relay encode it."""
    return envelope(
        {
            "id": event.id,
            "subject": event.subject,
            "source": source_of(OWNERS[event.subject]),
            "resource": event.resource,
            "tenant_id": event.tenant_id,
            "data": json.loads(json_format.MessageToJson(event.data, indent=None)),
            "schema_name": event.data.DESCRIPTOR.full_name,
            "occurred_at": event.time or NOW,
        }
    )


def _of_identity() -> Iterator[Event]:
    claim = Claim(
        id=uuid4(), tenant_id=TENANT_ID, ses_identity_id=uuid4(), region="us-east-1", name="inbox.mnexa.ai",
        mail_from_label="send", phase=Phase.ACTIVE, ownership=Ownership.CHALLENGED, ownership_token="a1b2c3",
        ownership_deadline_at=NOW, generation=3, revision=1,
    )  # fmt: skip
    yield identity.domain_created(claim)
    yield identity.domain_provisioned(claim)
    yield identity.domain_deleted(claim)
    for before, after, cause in (
        (Ownership.SOLE, Ownership.CHALLENGED, Cause.CONTESTED),
        (Ownership.CHALLENGED, Ownership.SUPERSEDED, Cause.DEADLINE_PASSED),
        (Ownership.CHALLENGED, Ownership.PROVEN, Cause.TOKEN_FOUND),
        (Ownership.PROOF_DUE, Ownership.PROVEN, Cause.TOKEN_FOUND),
    ):
        yield from identity.ownership_changed(claim, Move(claim.id, before, after, cause))
    tenant = Tenant(
        TENANT_ID, "Anna", is_operator=False, state=TenantState.PAUSED, unready_policy=UnreadyPolicy.REFUSE,
        pause_reason="Too many bounces.", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    yield identity.tenant_paused(tenant)
    yield identity.tenant_resumed(tenant)
    confirmation = Confirmation(uuid4(), TENANT_ID, "ada@example.com", NOW)
    yield identity.contact_confirmation_requested(confirmation)
    yield identity.contact_confirmed(TENANT_ID, "ada@example.com", previous_address="bob@example.com")
    yield identity.contact_removed(TENANT_ID, "ada@example.com")


def _of_verifier() -> Iterator[Event]:
    why = explain_account(AccountReason.SUSPENDED)
    change = AccountChange("123456789012", "us-east-1", AccountState.READY, AccountState.PAUSED, why)
    yield verifier.account_changed(change)
    claim = Verified(uuid4(), TENANT_ID, "inbox.mnexa.ai", 3)
    for before, after in (
        (DomainState.PENDING, DomainState.READY),
        (DomainState.READY, DomainState.DEGRADED),
        (DomainState.READY, DomainState.LOST),
        (DomainState.PENDING, DomainState.FAILED),
    ):
        yield verifier.state_changed(claim, Transition(before, after, why_moved(before, after, NOT_SIGNING)))
    renewed = why_renewed(VerifiedOwnership.SOLE)
    yield verifier.state_changed(claim, Transition(DomainState.READY, DomainState.PENDING, renewed))


def _of_sender() -> Iterator[Event]:
    why = explain(EmailReason.DOMAIN_NOT_READY, domain=REFERENCE.domain, domain_state="LOST")
    for state in sorted(PUBLISHED):
        moved = Moved(
            id=REFERENCE.id, tenant_id=TENANT_ID, state=state, why=why, sent_as=SentAs.SHARED,
            sent_from=Address("agent@send.e2a.dev", "Anna via e2a"), suppressed=("ada@example.com",),
            reference=REFERENCE,
        )  # fmt: skip
        if event := sender.of_move(moved):
            yield event
    yield sender.scheduled(REFERENCE)
    for event in _of_webhooks():
        if event.subject in FEEDBACK:
            data = json.loads(json_format.MessageToJson(event.data))
            received = ReceivedEvent(event.id, event.subject, NOW, TENANT_ID, event.resource, data)
            yield of_recipient(received, REFERENCE, "ada@example.com")
    suppression = Suppression(
        TENANT_ID, "ada@example.com", Reason.BOUNCE, uuid4(), "", "Bounced.", {}, uuid4(), NOW
    )
    yield sender.suppression_added(suppression)
    yield sender.suppression_removed(suppression)
    yield sender.tenant_warned(TENANT_ID, Concern(ReputationReason.BOUNCES, "The bounce rate is 8 %."))
    yield sender.tenant_slowed(TENANT_ID, Concern(ReputationReason.BOUNCES, "The bounce rate is 9 %."))
    yield sender.tenant_restored(TENANT_ID)


def _of_deliverer() -> Iterator[Event]:
    message = Leased(
        id=uuid7(),
        tenant_id=TENANT_ID,
        endpoint_id=uuid7(),
        payload="{}",
        retries=0,
        lease_token=1,
        created_at=NOW,
        url="https://hooks.acme.com/",
        secret=b"",
        previous_secret=None,
    )
    attempt = Attempt(uuid7(), message, Answer(500), "PENDING", timedelta(seconds=5), timedelta(seconds=1))
    yield deliverer.endpoint_failing(attempt, NOW)
    yield deliverer.endpoint_disabled(replace(attempt, answer=Answer(None, Problem.TIMEOUT)), "FAILING")


def _of_webhooks() -> Iterator[Event]:
    email = SentEmail(tenant_id=TENANT_ID)
    reports = email.every_kind()
    untagged = email.bounce()
    untagged["mail"] = {name: value for name, value in email.mail.items() if name != "tags"}
    for report in (*reports, untagged):
        if event := webhooks.event_of(parse(json.dumps(report), NOW)):
            yield event
