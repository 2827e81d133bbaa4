"""Scheduled emails are sent at their time, and can be rescheduled or canceled until then."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from letterhead.sender.v1.emails_pb2 import CancelEmailRequest, Email, UpdateEmailRequest
from tests.factories import Domain, a_key, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender, State, becomes
from tests.stores import FreshDatabase
from tests.waiting import eventually

FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


def stamp(span: timedelta) -> Timestamp:
    """Return the time at this distance from now."""
    found = Timestamp()
    found.FromDatetime(datetime.now(UTC) + span)
    return found


async def scheduled(caller: Caller, domain: Domain, span: timedelta = timedelta(hours=1)) -> Email:
    return await caller.send(f"agent@{domain.name}", send_time=stamp(span))


async def update(caller: Caller, email: Email, send_time: Timestamp) -> Email:
    request = UpdateEmailRequest(email_id=email.id, send_time=send_time)
    changed: Email = (await caller.emails.UpdateEmail(request)).email
    return changed


async def cancel(caller: Caller, email: Email) -> Email:
    canceled: Email = (await caller.emails.CancelEmail(CancelEmailRequest(email_id=email.id))).email
    return canceled


async def test_a_scheduled_email_is_sent_at_its_time(caller: Caller, sender: Sender, domain: Domain) -> None:
    later = await scheduled(caller, domain, timedelta(seconds=2))
    await becomes(caller, await caller.send(f"agent@{domain.name}"), State.STATE_SENT)
    assert len(await sender.posts()) == 1

    sent = await becomes(caller, later, State.STATE_SENT)

    assert sent.send_time.ToDatetime() >= later.scheduled_time.ToDatetime()


async def test_the_deadline_counts_from_the_scheduled_time(caller: Caller, domain: Domain) -> None:
    email = await scheduled(caller, domain, timedelta(days=20))

    assert email.expire_time.ToDatetime() - email.scheduled_time.ToDatetime() == timedelta(days=7)


async def test_an_email_can_be_rescheduled(caller: Caller, domain: Domain) -> None:
    email = await scheduled(caller, domain, timedelta(days=20))

    for _ in range(2):
        time = stamp(timedelta(days=10))
        changed = await update(caller, email, time)
        assert changed.scheduled_time.ToMicroseconds() == time.ToMicroseconds()
        assert changed.expire_time.ToDatetime() - changed.scheduled_time.ToDatetime() == timedelta(days=7)
    await update(caller, email, stamp(timedelta(0)))

    sent = await becomes(caller, email, State.STATE_SENT)
    assert [each.state for each in sent.history].count(State.STATE_QUEUED) == 4


async def test_a_sent_email_cannot_be_rescheduled(caller: Caller, domain: Domain) -> None:
    email = await caller.send(f"agent@{domain.name}")
    await becomes(caller, email, State.STATE_SENT)

    rejection = await refused(update(caller, email, stamp(timedelta(hours=1))))

    assert (rejection.code, rejection.reason) == (FAILED_PRECONDITION, "EMAIL_STATE")
    assert rejection.metadata["state"] == "SENT"


BAD_TIMES: list[Any] = [
    stamp(timedelta(minutes=-2)),
    stamp(timedelta(days=31)),
    Timestamp(seconds=1 << 60),
    Timestamp(seconds=-(1 << 60)),
]


@pytest.mark.parametrize("time", BAD_TIMES, ids=range(len(BAD_TIMES)))
async def test_an_invalid_time_is_rejected(caller: Caller, domain: Domain, time: Timestamp) -> None:
    email = await scheduled(caller, domain)

    for call in (
        caller.emails.SendEmail(a_request(f"agent@{domain.name}", send_time=time)),
        update(caller, email, time),
    ):
        rejection = await refused(call)
        assert (rejection.code, set(rejection.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, {"send_time"})


async def test_an_update_needs_a_time(caller: Caller, domain: Domain) -> None:
    email = await scheduled(caller, domain)

    rejection = await refused(caller.emails.UpdateEmail(UpdateEmailRequest(email_id=email.id)))

    assert set(rejection.fields) == {"send_time"}


async def test_a_scheduled_email_can_be_canceled(caller: Caller, sender: Sender, domain: Domain) -> None:
    email = await scheduled(caller, domain, timedelta(seconds=2))

    canceled = [await cancel(caller, email) for _ in range(2)]

    assert [each.state for each in canceled] == [State.STATE_CANCELED] * 2
    assert len(await sender.events("email.canceled")) == 1
    later = await scheduled(caller, domain, timedelta(seconds=2))
    await becomes(caller, later, State.STATE_SENT)
    assert [post["email_tags"]["lh-email"] for post in await sender.posts()] == [later.id]


async def test_a_held_email_can_be_canceled(caller: Caller, sender: Sender, domain: Domain) -> None:
    email = await scheduled(caller, domain, timedelta(seconds=1))
    await sender.set_domain_state(domain, "LOST")
    await becomes(caller, email, State.STATE_HELD)

    await cancel(caller, email)
    await sender.set_domain_state(domain, "READY")

    assert (await caller.get(email.id)).state == State.STATE_CANCELED
    assert await sender.posts() == []


async def test_an_email_that_may_have_been_sent_cannot_be_canceled(
    caller: Caller, sender: Sender, domain: Domain
) -> None:
    await sender.fault("accept_then_500", count=1)
    email = await caller.send(f"agent@{domain.name}")
    await becomes(caller, email, State.STATE_UNKNOWN)

    rejection = await refused(cancel(caller, email))

    assert (rejection.code, rejection.metadata["state"]) == (FAILED_PRECONDITION, "UNKNOWN")


async def test_an_email_of_another_tenant_is_not_found(
    caller: Caller, channel: grpc.aio.Channel, domain: Domain, database: FreshDatabase
) -> None:
    email = await scheduled(caller, domain)
    stranger = Caller(channel, await a_key(database, await a_tenant(database)))

    for call in (cancel(stranger, email), update(stranger, email, stamp(timedelta(hours=1)))):
        assert (await refused(call)).reason == "EMAIL_NOT_FOUND"


async def test_an_email_is_either_canceled_or_sent(caller: Caller, sender: Sender, domain: Domain) -> None:
    """Whether the cancellation or the lease comes first, the answer to the caller is true."""
    emails = await asyncio.gather(*(caller.send(f"agent@{domain.name}") for _ in range(100)))

    async def was_canceled(email: Email) -> bool:
        try:
            await cancel(caller, email)
        except grpc.aio.AioRpcError as error:
            if error.code() is not FAILED_PRECONDITION:
                raise
            return False
        return True

    canceled = await asyncio.gather(*map(was_canceled, emails))

    async def ended() -> list[Email]:
        found = [await caller.get(email.id) for email in emails]
        assert {each.state for each in found} <= {State.STATE_SENT, State.STATE_CANCELED}
        return found

    states = [each.state == State.STATE_CANCELED for each in await eventually(ended)]
    assert states == canceled
    assert len(await sender.posts()) == canceled.count(False)
