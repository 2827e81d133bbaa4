"""Test emails are sent only to the domain itself or to one address that was confirmed with a code."""

import re
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest

from chassis.access import Scope
from letterhead.sender.v1 import test_addresses_pb2 as pb
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest, ListEmailsRequest, SendTestEmailRequest
from services.sender.store.retention import QUERIES as RETENTION
from tests.factories import Domain, a_key, a_link, a_tenant
from tests.integration.identity.callers import CallError, refused
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.feedback_source import open_feedback_source
from tests.stores import FreshDatabase
from tests.waiting import eventually

ADA = "ada@reader.com"
CODE = re.compile(r"\b(\d{4}) (\d{4})\b")
CONFIRMED = pb.TestAddress.STATE_CONFIRMED


@pytest.fixture
async def holder(caller: Caller, domain: Domain, database: FreshDatabase) -> Caller:
    """Return a customer with a link to the domain's page, but without a key."""
    return Caller(caller.channel, await a_link(database, domain))


async def ask(caller: Caller, domain: Domain, address: str = ADA, request_id: str = "") -> pb.TestAddress:
    request = pb.SendTestCodeRequest(domain_id=str(domain.claim_id), address=address, request_id=request_id)
    answer: pb.TestAddress = (await caller.test_addresses.SendTestCode(request)).test_address
    return answer


async def confirm(caller: Caller, domain: Domain, code: str, address: str = ADA) -> pb.TestAddress:
    request = pb.ConfirmTestAddressRequest(domain_id=str(domain.claim_id), address=address, code=code)
    answer: pb.TestAddress = (await caller.test_addresses.ConfirmTestAddress(request)).test_address
    return answer


async def read_codes(sender: Sender, count: int = 1, address: str = ADA) -> list[str]:
    """Wait until `count` codes have arrived at an address and return all of them, oldest first."""

    async def arrived() -> list[str] | None:
        control = sender.internet.control
        emails = [await control.email(each["id"]) for each in reversed(await control.emails())]
        codes = [CODE.search(each["text"]) for each in emails if each["to"] == address]
        found = ["".join(code.groups()) for code in codes if code]
        return found if len(found) >= count else None

    return await eventually(arrived, within=timedelta(seconds=30)) or []


async def send_test(caller: Caller, domain: Domain, to: str = ADA) -> Email:
    request = SendTestEmailRequest(domain_id=str(domain.claim_id), to=to)
    email: Email = (await caller.emails.SendTestEmail(request)).email
    return email


async def failure_of(caller: Caller, domain: Domain, to: str = ADA) -> CallError:
    request = SendTestEmailRequest(domain_id=str(domain.claim_id), to=to)
    return await refused(caller.emails.SendTestEmail(request))


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


async def age(database: FreshDatabase, seconds: int) -> None:
    """Make all codes this much older."""
    await database.execute(
        "UPDATE sender.test_addresses SET created_at = created_at - $1 * interval '1 second',"
        " expires_at = expires_at - $1 * interval '1 second'",
        seconds,
    )


async def test_an_unconfirmed_address_gets_no_test_email(
    caller: Caller, holder: Caller, domain: Domain
) -> None:
    for who in (caller, holder):
        for to in (ADA, f"ada@sub.{domain.name}", f"ada@x{domain.name}"):
            rejection = await failure_of(who, domain, to)
            assert (rejection.code, rejection.reason) == (
                grpc.StatusCode.FAILED_PRECONDITION,
                "TEST_ADDRESS_NOT_CONFIRMED",
            )
            assert rejection.metadata == rejection.metadata | {"domain": domain.name, "address": to}


async def test_an_address_of_the_domain_needs_no_confirmation(holder: Caller, domain: Domain) -> None:
    email = await send_test(holder, domain, f"Ada@{domain.name.upper()}")

    assert [each.address.address for each in email.recipients] == [f"Ada@{domain.name}"]


async def test_a_code_from_the_mailbox_confirms_the_address(
    caller: Caller, holder: Caller, sender: Sender, domain: Domain
) -> None:
    pending = await ask(holder, domain, "Ada@Reader.com")
    [code] = await read_codes(sender)
    assert (pending.state, pending.address) == (pb.TestAddress.STATE_CODE_SENT, ADA)

    confirmed = await confirm(holder, domain, f"{code[:4]} {code[4:]}", "ADA@reader.com")

    assert (confirmed.state, confirmed.domain_id) == (CONFIRMED, str(domain.claim_id))
    for who in (caller, holder):
        await becomes(caller, await send_test(who, domain), State.STATE_SENT)
    assert (await confirm(holder, domain, code)).state == CONFIRMED  # repeated
    assert (await failure_of(holder, domain, "grace@reader.com")).reason == "TEST_ADDRESS_NOT_CONFIRMED"


async def test_only_the_recipient_can_read_a_code(
    caller: Caller, holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await ask(holder, domain)
    [code] = await read_codes(sender)
    operator = Caller(caller.channel, await a_key(database, await a_tenant(database), Scope.ADMIN))
    [listed] = (await caller.emails.ListEmails(ListEmailsRequest())).emails

    reading = holder.emails.GetEmail(GetEmailRequest(email_id=listed.id))
    assert (await refused(reading)).reason == "EMAIL_NOT_FOUND"
    for who in (caller, operator):
        email = (await who.emails.GetEmail(GetEmailRequest(email_id=listed.id))).email
        assert (email.text, email.html) == ("", "")
        assert not CODE.search(str(email))
    await becomes(caller, listed, State.STATE_SENT)
    [stored] = await database.fetch("SELECT code_hash FROM sender.test_addresses")
    assert code.encode() not in stored["code_hash"]
    [email] = await database.fetch("SELECT body_erase_at <= now() AS due FROM sender.emails")
    assert email["due"]


async def test_the_fifth_wrong_try_ends_a_code_and_a_new_code_works(
    holder: Caller, sender: Sender, domain: Domain
) -> None:
    await ask(holder, domain)
    [code] = await read_codes(sender)

    for left in (4, 3, 2, 1):
        rejection = await refused(confirm(holder, domain, another(code)))
        assert rejection.fields == {"code": f"is not the code that was sent to {ADA}; tries left: {left}"}
    for typed in (another(code), code):
        rejection = await refused(confirm(holder, domain, typed))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "TEST_CODE_ENDED")
    assert (await failure_of(holder, domain)).reason == "TEST_ADDRESS_NOT_CONFIRMED"

    await ask(holder, domain)
    _, again = await read_codes(sender, 2)
    assert (await confirm(holder, domain, again)).state == CONFIRMED


async def test_a_code_ends_when_it_expires_or_a_new_one_is_sent(
    holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    await ask(holder, domain)
    await read_codes(sender)
    await ask(holder, domain)
    first, second = await read_codes(sender, 2)

    wrong = await refused(confirm(holder, domain, first))
    await age(database, 15 * 60)
    late = await refused(confirm(holder, domain, second))

    assert list(wrong.fields) == ["code"]
    assert late.reason == "TEST_CODE_ENDED"


async def test_a_code_is_valid_for_one_domain_and_one_address(
    caller: Caller, sender: Sender, domain: Domain, tenant_id: UUID
) -> None:
    other = await sender.a_ready_domain(tenant_id)
    await ask(caller, domain)
    [code] = await read_codes(sender)

    for where, address in ((other, ADA), (domain, "grace@reader.com")):
        assert (await refused(confirm(caller, where, code, address))).reason == "TEST_CODE_ENDED"
    await confirm(caller, domain, code)
    assert (await failure_of(caller, other)).reason == "TEST_ADDRESS_NOT_CONFIRMED"


async def test_a_domain_has_one_confirmed_address_for_90_days(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    for address in (ADA, "grace@reader.com"):
        await ask(caller, domain, address)
        [code] = await read_codes(sender, 1, address)
        await confirm(caller, domain, code, address)

    assert (await failure_of(caller, domain)).reason == "TEST_ADDRESS_NOT_CONFIRMED"
    await send_test(caller, domain, "grace@reader.com")
    await age(database, 90 * 24 * 3600)
    assert (await failure_of(caller, domain, "grace@reader.com")).reason == "TEST_ADDRESS_NOT_CONFIRMED"
    await age(database, 7 * 24 * 3600)
    await database.execute(*RETENTION.delete_old_test_addresses(age=timedelta(days=7), limit=100))
    assert await database.fetch("SELECT FROM sender.test_addresses") == []


async def test_codes_are_limited_per_domain_and_per_address(
    caller: Caller, holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    for number in range(5):
        await ask(caller if number % 2 else holder, domain, f"ada{number}@reader.com")
    of_domain = await refused(ask(holder, domain))
    other = await sender.a_ready_domain(domain.tenant_id)
    for each in [other, *[await sender.a_ready_domain(await a_tenant(database)) for _ in range(2)]]:
        key = await a_key(database, each.tenant_id)
        await ask(Caller(caller.channel, key), each)
    third = await sender.a_ready_domain(domain.tenant_id)
    to_address = await refused(ask(caller, third))

    for rejection in (of_domain, to_address):
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_EXCEEDED")
    await age(database, 3600)
    await ask(holder, domain)


async def test_a_tenant_has_twenty_codes_an_hour(caller: Caller, sender: Sender, tenant_id: UUID) -> None:
    for number in range(5):
        each = await sender.a_ready_domain(tenant_id)
        for part in range(4):
            await ask(caller, each, f"ada{number}{part}@reader.com")

    assert (await refused(ask(caller, await sender.a_ready_domain(tenant_id)))).reason == "RATE_EXCEEDED"


async def test_a_retry_sends_no_second_code(caller: Caller, domain: Domain, database: FreshDatabase) -> None:
    request_id = str(uuid4())

    first, again = [await ask(caller, domain, request_id=request_id) for _ in range(2)]
    other = await refused(ask(caller, domain, "grace@reader.com", request_id))

    assert first == again
    assert other.reason == "REQUEST_ID_REUSED"
    assert len(await database.fetch("SELECT FROM sender.emails")) == 1


async def test_the_domain_of_another_tenant_is_not_found(
    caller: Caller, holder: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    theirs = await sender.a_ready_domain(await a_tenant(database))

    for who in (caller, holder):
        for call in (ask(who, theirs), confirm(who, theirs, "00000000")):
            rejection = await refused(call)
            assert (rejection.code, rejection.reason) == (grpc.StatusCode.NOT_FOUND, "DOMAIN_NOT_FOUND")


async def test_no_code_is_sent_if_the_domain_or_tenant_may_not_send(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    bad = await refused(ask(caller, domain, "nobody"))
    await sender.set_domain_state(domain, "PENDING")
    unready = await refused(ask(caller, domain))
    await database.execute("UPDATE identity.tenants SET state = 'PAUSED', pause_reason = 'bills'")
    paused = await refused(ask(caller, domain))

    assert list(bad.fields) == ["address"]
    assert (unready.reason, paused.reason) == ("DOMAIN_NOT_READY", "TENANT_PAUSED")


async def test_test_emails_do_not_count_for_reputation_or_limits(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    """They affect neither the tenant's reputation nor its daily limit."""
    reader = f"gone@{domain.name}"
    written = await becomes(caller, await caller.send(f"agent@{domain.name}", reader), State.STATE_SENT)
    await ask(caller, domain)
    await read_codes(sender)
    tried = await becomes(
        caller, await send_test(caller, domain, f"also-gone@{domain.name}"), State.STATE_SENT
    )

    async with open_feedback_source(sender.stream) as feedback_source:
        await feedback_source.of(tried, "bounce", f"also-gone@{domain.name}")
        await feedback_source.of(written, "bounce", reader)

    async def struck() -> list[str] | None:
        rows = await database.fetch("SELECT match FROM sender.strikes")
        return [row["match"] for row in rows] or None

    assert await eventually(struck) == [reader]
    bounced = await becomes_bounced(caller, tried)
    assert bounced.recipients[0].state_message
    [day] = await database.fetch("SELECT emails, recipients FROM sender.tenant_days")
    assert (day["emails"], day["recipients"]) == (1, 1)


async def becomes_bounced(caller: Caller, email: Email) -> Email:
    async def bounced() -> Email | None:
        now = await caller.get(email.id)
        return now if "BOUNCED" in str(now.recipients[0]) else None

    return await eventually(bounced)


async def test_a_tag_does_not_make_an_email_a_test_email(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    await caller.send(f"agent@{domain.name}", tags={"letterhead": "test-email"})

    [stored] = await database.fetch("SELECT is_test FROM sender.emails")
    assert not stored["is_test"]
