"""The contact of a tenant: an address becomes it once its code is entered, and stays until another one is."""

from uuid import UUID

import grpc
import pytest

from chassis.access import Scope
from chassis.codes import code_hash, new_code, shown_code
from letterhead.identity.v1 import contacts_pb2 as pb
from tests.factories import a_key, a_tenant
from tests.integration.identity.callers import Caller, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

ADA, BOB = "ada@reader.com", "bob@reader.com"


async def set_contact(caller: Caller, address: str = ADA, request_id: str = "") -> pb.Contact:
    request = pb.SetContactRequest(address=address, request_id=request_id)
    contact: pb.Contact = (await caller.contacts.SetContact(request)).contact
    return contact


async def confirm(caller: Caller, code: str) -> pb.Contact:
    contact: pb.Contact = (await caller.contacts.ConfirmContact(pb.ConfirmContactRequest(code=code))).contact
    return contact


async def shown(caller: Caller) -> pb.Contact:
    contact: pb.Contact = (await caller.contacts.GetContact(pb.GetContactRequest())).contact
    return contact


async def an_emailed_code(database: FreshDatabase, address: str = ADA) -> str:
    """Write the code of the newest confirmation of an address as sender would; return the code."""
    code = new_code()
    [row] = await database.fetch(
        "SELECT id, tenant_id FROM identity.contact_confirmations WHERE address = $1"
        " ORDER BY id DESC LIMIT 1",
        address,
    )
    await database.execute(
        "INSERT INTO sender.notices (event_id, tenant_id, kind, email_id, confirmation_id, code_hash)"
        " VALUES (gen_random_uuid(), $1, 'CONTACT_CONFIRMATION', gen_random_uuid(), $2, $3)",
        row["tenant_id"],
        row["id"],
        code_hash(row["id"], address, code),
    )
    return code


async def a_confirmed_contact(caller: Caller, database: FreshDatabase, address: str = ADA) -> str:
    """Set and confirm a contact; return the code."""
    await set_contact(caller, address)
    code = await an_emailed_code(database, address)
    await confirm(caller, code)
    return code


def another(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


async def age(database: FreshDatabase, minutes: int) -> None:
    """Make all confirmations this much older."""
    await database.execute(
        "UPDATE identity.contact_confirmations SET created_at = created_at - $1 * interval '1 minute',"
        " expires_at = expires_at - $1 * interval '1 minute'",
        minutes,
    )


async def test_a_tenant_has_no_contact_at_first(caller: Caller) -> None:
    contact = await shown(caller)

    assert not contact.address
    assert not contact.pending_address
    assert not contact.HasField("confirm_time")


async def test_an_address_waits_for_its_code_and_the_event_does_not_contain_it(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    contact = await set_contact(caller, "Ada@Reader.com")

    assert (contact.address, contact.pending_address) == ("", ADA)
    assert contact.HasField("code_expire_time")
    [event] = await eventually(lambda: stream.published("contact.confirmation_requested")) or []
    [row] = await database.fetch("SELECT id FROM identity.contact_confirmations")
    assert event["tenantid"] == contact.tenant_id
    assert event["data"].keys() == {"tenantId", "confirmationId", "address", "expireTime"}
    assert (event["data"]["address"], event["data"]["confirmationId"]) == (ADA, str(row["id"]))


async def test_the_code_confirms_the_address_and_may_be_repeated(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    await set_contact(caller)
    code = await an_emailed_code(database)

    contact = await confirm(caller, shown_code(code))

    assert (contact.address, contact.pending_address) == (ADA, "")
    assert contact.HasField("confirm_time")
    assert await confirm(caller, code) == contact == await shown(caller)
    [event] = await eventually(lambda: stream.published("contact.confirmed")) or []
    assert event["data"] == {"tenantId": contact.tenant_id, "address": ADA}


async def test_a_new_address_replaces_the_confirmed_one_only_when_it_is_confirmed(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    await a_confirmed_contact(caller, database)

    before = await set_contact(caller, BOB)
    after = await confirm(caller, await an_emailed_code(database, BOB))

    assert (before.address, before.pending_address) == (ADA, BOB)
    assert (after.address, after.pending_address) == (BOB, "")

    async def replaced() -> list[dict[str, str]]:
        events = await stream.published("contact.confirmed")
        return [each["data"] for each in events if "previousAddress" in each["data"]]

    [data] = await eventually(replaced) or []
    assert (data["address"], data["previousAddress"]) == (BOB, ADA)


async def test_setting_the_confirmed_address_again_ends_the_other_code_and_emails_none(
    caller: Caller, database: FreshDatabase
) -> None:
    await a_confirmed_contact(caller, database)
    await set_contact(caller, BOB)
    code = await an_emailed_code(database, BOB)

    contact = await set_contact(caller, ADA)

    assert (contact.address, contact.pending_address) == (ADA, "")
    assert (await refused(confirm(caller, code))).reason == "CONTACT_CODE_ENDED"


async def test_the_fifth_wrong_try_ends_a_code(caller: Caller, database: FreshDatabase) -> None:
    await set_contact(caller)
    code = await an_emailed_code(database)

    for left in (4, 3, 2, 1):
        rejection = await refused(confirm(caller, another(code)))
        assert rejection.fields == {"code": f"is not the code that was sent to {ADA}; tries left: {left}"}
    for typed in (another(code), code):
        rejection = await refused(confirm(caller, typed))
        assert (rejection.code, rejection.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "CONTACT_CODE_ENDED",
        )
    assert not (await shown(caller)).address


async def test_no_code_is_right_before_one_was_emailed(caller: Caller) -> None:
    await set_contact(caller)

    for typed in ("", "12345678"):
        assert "code" in (await refused(confirm(caller, typed))).fields


async def test_a_code_ends_with_its_hour_and_with_a_newer_one(
    caller: Caller, database: FreshDatabase
) -> None:
    await set_contact(caller)
    expired = await an_emailed_code(database)
    await age(database, 61)
    late = await refused(confirm(caller, expired))
    await set_contact(caller)
    replaced = await an_emailed_code(database)
    await set_contact(caller)
    newest = await an_emailed_code(database)

    early = await refused(confirm(caller, replaced))

    assert late.reason == "CONTACT_CODE_ENDED"
    assert "code" in early.fields
    assert (await confirm(caller, newest)).address == ADA


async def test_codes_are_limited_by_tenant_and_by_address(
    caller: Caller, other: Caller, database: FreshDatabase
) -> None:
    for number in range(5):
        await set_contact(caller, f"{number}@reader.com")
    of_tenant = await refused(set_contact(caller, "5@reader.com"))
    await age(database, 61)
    for who in (caller, other, other):
        await set_contact(who, ADA)
    to_address = await refused(set_contact(caller, ADA))

    for rejection in (of_tenant, to_address):
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_EXCEEDED")
    assert (await shown(caller)).pending_address == ADA  # a rejected request changes nothing


async def test_a_repeated_request_emails_no_second_code(caller: Caller, database: FreshDatabase) -> None:
    first = await set_contact(caller, request_id="r-1")

    again = await set_contact(caller, request_id="r-1")

    assert again == first
    assert len(await database.fetch("SELECT FROM identity.contact_confirmations")) == 1
    reused = await refused(set_contact(caller, BOB, request_id="r-1"))
    assert reused.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("address", ["", "ada", "ada@localhost", '"ada"@reader.com', "Ada <ada@reader.com>"])
async def test_an_address_is_validated_like_those_of_emails(caller: Caller, address: str) -> None:
    rejection = await refused(set_contact(caller, address))

    assert rejection.code is grpc.StatusCode.INVALID_ARGUMENT
    assert rejection.fields.keys() == {"address"}


async def test_a_removed_contact_is_gone_with_its_code(
    caller: Caller, database: FreshDatabase, stream: FreshStream
) -> None:
    await a_confirmed_contact(caller, database)
    await set_contact(caller, BOB)
    code = await an_emailed_code(database, BOB)

    contact = (await caller.contacts.RemoveContact(pb.RemoveContactRequest())).contact
    again = (await caller.contacts.RemoveContact(pb.RemoveContactRequest())).contact

    assert contact == again
    assert not contact.address
    assert not contact.pending_address
    assert (await refused(confirm(caller, code))).reason == "CONTACT_CODE_ENDED"
    events = await eventually(lambda: stream.published("contact.removed")) or []
    assert [each["data"]["previousAddress"] for each in events] == [ADA]


async def test_only_full_access_and_only_the_own_tenant(
    identity: Identity, channel: grpc.aio.Channel, caller: Caller, admin: Caller, database: FreshDatabase
) -> None:
    await a_confirmed_contact(caller, database)
    owner = (await shown(caller)).tenant_id
    sending = await identity.a_caller(channel, Scope.SENDING_ACCESS)
    stranger = await identity.a_caller(channel)
    request = pb.GetContactRequest(tenant_id=owner)

    assert (await refused(sending.contacts.GetContact(request))).reason == "SCOPE_TOO_SMALL"
    assert (await refused(stranger.contacts.GetContact(request))).reason == "TENANT_NOT_FOUND"
    assert (await admin.contacts.GetContact(request)).contact.address == ADA
    absent = pb.SetContactRequest(tenant_id=str(UUID(int=1)), address=ADA)
    assert (await refused(admin.contacts.SetContact(absent))).reason == "TENANT_NOT_FOUND"


async def test_a_paused_tenant_can_still_be_reached(
    channel: grpc.aio.Channel, database: FreshDatabase
) -> None:
    paused = Caller(channel, await a_key(database, await a_tenant(database, state="PAUSED")))

    assert (await set_contact(paused)).pending_address == ADA
