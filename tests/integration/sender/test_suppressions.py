"""Manual changes of the suppression list: add, find, list and remove entries, separately for each tenant."""

from typing import Any

import grpc

from chassis.access import Scope
from letterhead.events.v1.suppression_reason_pb2 import SuppressionReason
from letterhead.sender.v1.emails_pb2 import Recipient
from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    GetSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
    Suppression,
)
from tests.factories import Domain, a_key, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase

READER = "reader@example.com"


async def test_an_address_is_added_once_and_removed(caller: Caller, sender: Sender, domain: Domain) -> None:
    list_ = caller.suppressions

    added = (
        await list_.AddSuppression(AddSuppressionRequest(address="Reader@Example.com", note="asked"))
    ).suppression
    again = (await list_.AddSuppression(AddSuppressionRequest(address=READER, note="other"))).suppression
    found = (await list_.GetSuppression(GetSuppressionRequest(address="READER@example.com"))).suppression

    assert (added.address, added.reason, added.note) == (
        READER,
        SuppressionReason.SUPPRESSION_REASON_MANUAL,
        "asked",
    )
    assert added == again == found
    await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SUPPRESSED)

    removed = (await list_.RemoveSuppression(RemoveSuppressionRequest(address=READER))).suppression
    assert removed == added
    await becomes(caller, await caller.send(f"agent@{domain.name}", READER), State.STATE_SENT)
    gone = await refused(list_.RemoveSuppression(RemoveSuppressionRequest(address=READER)))
    assert (gone.code, gone.reason) == (grpc.StatusCode.NOT_FOUND, "SUPPRESSION_NOT_FOUND")
    assert len(await sender.events("suppression.added")) == 1
    assert len(await sender.events("suppression.removed")) == 1


async def test_a_recipient_removed_from_the_list_before_the_next_attempt_gets_the_email(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """An earlier attempt had marked it as suppressed, and sent nothing; the mark is cleared."""
    await caller.suppressions.AddSuppression(AddSuppressionRequest(address=READER))
    await sender.set_account(state="PAUSED")
    email = await caller.send(f"agent@{domain.name}", [READER, "other@example.com"])
    await sender.set_domain_state(domain, "LOST")
    await sender.set_account(state="READY")
    held = await becomes(caller, email, State.STATE_HELD)
    assert [each.state for each in held.recipients] == [Recipient.STATE_SUPPRESSED, Recipient.STATE_PENDING]

    await caller.suppressions.RemoveSuppression(RemoveSuppressionRequest(address=READER))
    await sender.set_domain_state(domain, "READY", dkim_valid=True)
    sent = await becomes(caller, email, State.STATE_SENT)

    assert [(each.state, each.state_message) for each in sent.recipients] == [
        (Recipient.STATE_PENDING, "")
    ] * 2


async def test_the_list_has_pages_newest_first(caller: Caller) -> None:
    for number in range(5):
        await caller.suppressions.AddSuppression(AddSuppressionRequest(address=f"r{number}@example.com"))

    first = await caller.suppressions.ListSuppressions(ListSuppressionsRequest(page_size=3))
    token = first.next_page_token
    second = await caller.suppressions.ListSuppressions(
        ListSuppressionsRequest(page_size=3, page_token=token)
    )

    listed = [each.address for page in (first, second) for each in page.suppressions]
    assert listed == [f"r{number}@example.com" for number in reversed(range(5))]
    assert not second.next_page_token


async def test_the_list_continues_after_or_before_an_entry_and_filters_by_reason(caller: Caller) -> None:
    added = [await an_entry(caller, f"r{number}@example.com") for number in range(5)]

    async def listed(**fields: Any) -> tuple[list[str], bool]:
        answer = await caller.suppressions.ListSuppressions(ListSuppressionsRequest(**fields))
        return [each.address[1] for each in answer.suppressions], bool(answer.next_page_token)

    assert await listed(after_id=added[3].id, page_size=2) == (["2", "1"], True)
    assert await listed(before_id=added[1].id, page_size=2) == (["3", "2"], True)
    assert await listed(before_id=added[1].id) == (["4", "3", "2"], False)
    assert await listed(reasons=[SuppressionReason.SUPPRESSION_REASON_BOUNCE]) == ([], False)
    assert len((await listed(reasons=[SuppressionReason.SUPPRESSION_REASON_MANUAL]))[0]) == 5


async def test_an_entry_is_found_and_removed_by_its_id(
    caller: Caller, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    entry = await an_entry(caller, READER)
    stranger = Caller(channel, await a_key(database, await a_tenant(database))).suppressions
    by_id = RemoveSuppressionRequest(suppression_id=entry.id)

    found = await caller.suppressions.GetSuppression(GetSuppressionRequest(suppression_id=entry.id))

    assert found.suppression == entry
    assert (await refused(stranger.RemoveSuppression(by_id))).reason == "SUPPRESSION_NOT_FOUND"
    assert (await caller.suppressions.RemoveSuppression(by_id)).suppression == entry
    assert (await refused(caller.suppressions.RemoveSuppression(by_id))).reason == "SUPPRESSION_NOT_FOUND"
    both = GetSuppressionRequest(suppression_id=entry.id, address=READER)
    assert (await refused(caller.suppressions.GetSuppression(both))).reason == "INVALID_FIELD"


async def an_entry(caller: Caller, address: str) -> Suppression:
    answer = await caller.suppressions.AddSuppression(AddSuppressionRequest(address=address))
    entry: Suppression = answer.suppression
    return entry


async def test_each_tenant_has_its_own_list(
    caller: Caller, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    stranger_id = await a_tenant(database)
    stranger = Caller(channel, await a_key(database, stranger_id)).suppressions
    await caller.suppressions.AddSuppression(AddSuppressionRequest(address=READER))

    assert not (await stranger.ListSuppressions(ListSuppressionsRequest())).suppressions
    missing = await refused(stranger.GetSuppression(GetSuppressionRequest(address=READER)))
    assert missing.reason == "SUPPRESSION_NOT_FOUND"
    foreign = AddSuppressionRequest(address=READER, tenant_id=str(await a_tenant(database)))
    assert (await refused(stranger.AddSuppression(foreign))).reason == "TENANT_NOT_FOUND"
    operator = Caller(channel, await a_key(database, stranger_id, Scope.ADMIN)).suppressions
    nobody = AddSuppressionRequest(address=READER, tenant_id="00000000-0000-7000-8000-000000000000")
    assert (await refused(operator.AddSuppression(nobody))).reason == "TENANT_NOT_FOUND"


async def test_invalid_input_and_a_too_small_scope_are_rejected(
    caller: Caller, database: FreshDatabase, channel: grpc.aio.Channel, domain: Domain
) -> None:
    for address in ("", "no address", "a@x.com <b@y.com>"):
        rejection = await refused(caller.suppressions.AddSuppression(AddSuppressionRequest(address=address)))
        assert rejection.fields.keys() == {"address"}
    long = AddSuppressionRequest(address=READER, note="x" * 501)
    assert (await refused(caller.suppressions.AddSuppression(long))).fields.keys() == {"note"}

    small = Caller(channel, await a_key(database, domain.tenant_id, Scope.SENDING_ACCESS)).suppressions
    rejection = await refused(small.ListSuppressions(ListSuppressionsRequest()))
    assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")
