"""Which callers may send from which domain; a rejected request stores nothing."""

from typing import Any
from uuid import UUID

import grpc

from chassis.access import Scope
from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest
from tests.factories import Domain, a_key, a_tenant
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller, a_request
from tests.integration.sender.conftest import Sender
from tests.stores import FreshDatabase

FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


async def nothing_is_stored(database: FreshDatabase) -> None:
    for table in ("emails", "recipients", "email_transitions", "idempotency", "outbox"):
        [row] = await database.fetch(f"SELECT count(*) FROM sender.{table}")  # noqa: S608
        assert row["count"] == 0, table


async def test_a_tenant_may_send_only_from_its_exact_domain_name(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    stem = domain.name.removesuffix(".com")

    for name in ("nobodys.com", f"sub.{domain.name}", f"x{domain.name}", f"{stem}.org", f"{domain.name}.ai"):
        rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{name}", request_id="1")))
        assert (rejection.code, rejection.reason) == (FAILED_PRECONDITION, "FROM_NOT_YOURS")
        assert rejection.metadata["domain"] == name

    await nothing_is_stored(database)


async def test_another_tenants_domain_is_rejected_like_one_that_does_not_exist(
    caller: Caller, sender: Sender, database: FreshDatabase
) -> None:
    theirs = await sender.a_ready_domain(await a_tenant(database))

    known = await refused(caller.emails.SendEmail(a_request(f"agent@{theirs.name}")))
    unknown = await refused(caller.emails.SendEmail(a_request("agent@nobodys.com")))

    assert (known.code, known.reason) == (unknown.code, unknown.reason)
    assert known.message.replace(theirs.name, "nobodys.com") == unknown.message


async def test_a_domain_that_cannot_sign_is_rejected_without_a_shared_sender(
    caller: Caller, sender: Sender, domain: Domain, database: FreshDatabase
) -> None:
    for state, dkim_valid in (("PENDING", False), ("LOST", True), ("FAILED", False), ("DEGRADED", False)):
        await sender.set_domain_state(domain, state, dkim_valid=dkim_valid)
        rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))
        assert (rejection.code, rejection.reason) == (FAILED_PRECONDITION, "DOMAIN_NOT_READY")
        assert rejection.metadata == rejection.metadata | {"domain": domain.name, "state": state}

    await nothing_is_stored(database)


async def test_a_domain_being_deleted_is_rejected(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    for phase, reason in (("DELETING", "DOMAIN_DELETING"), ("DELETED", "FROM_NOT_YOURS")):
        await database.execute("UPDATE identity.claims SET phase = $2 WHERE id = $1", domain.claim_id, phase)
        rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))
        assert (rejection.code, rejection.reason) == (FAILED_PRECONDITION, reason)


async def test_a_contested_domain_may_not_use_the_shared_sender(
    sender: Sender, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    await sender.a_shared_sender()
    tenant_id = await a_tenant(database, unready_policy="SHARED")
    domain = await sender.a_pending_domain(tenant_id)
    await database.execute(
        "UPDATE identity.claims SET ownership = 'PROOF_DUE' WHERE id = $1", domain.claim_id
    )
    caller = Caller(channel, await a_key(database, tenant_id))

    rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))

    assert rejection.reason == "DOMAIN_NOT_READY"


async def test_a_paused_tenant_may_not_send(
    caller: Caller, domain: Domain, tenant_id: UUID, database: FreshDatabase
) -> None:
    await database.execute(
        "UPDATE identity.tenants SET state = 'PAUSED', pause_reason = 'bills' WHERE id = $1", tenant_id
    )

    rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))

    assert (rejection.code, rejection.reason) == (FAILED_PRECONDITION, "TENANT_PAUSED")
    assert "bills" in rejection.message


async def test_a_key_restricted_to_another_domain_is_rejected(
    sender: Sender, domain: Domain, tenant_id: UUID, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    other = await sender.a_ready_domain(tenant_id)
    restricted = Caller(
        channel, await a_key(database, tenant_id, Scope.SENDING_ACCESS, claim_ids=(other.claim_id,))
    )

    rejection = await refused(restricted.emails.SendEmail(a_request(f"agent@{domain.name}")))
    unknown = await refused(restricted.emails.SendEmail(a_request("agent@nobodys.com")))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "KEY_NOT_FOR_DOMAIN")
    assert unknown.message.replace("nobodys.com", domain.name) == rejection.message
    await restricted.send(f"agent@{other.name}")


async def test_a_service_key_may_not_send(
    domain: Domain, tenant_id: UUID, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    service = Caller(channel, await a_key(database, tenant_id, Scope.SERVICE))

    rejection = await refused(service.emails.SendEmail(a_request(f"agent@{domain.name}")))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_TOO_SMALL")


async def test_only_an_operator_may_send_for_another_tenant(
    caller: Caller, domain: Domain, database: FreshDatabase, channel: grpc.aio.Channel
) -> None:
    stranger_id = await a_tenant(database)
    request = a_request(f"agent@{domain.name}", tenant_id=str(stranger_id))

    assert (await refused(caller.emails.SendEmail(request))).reason == "TENANT_NOT_FOUND"
    operator = Caller(channel, await a_key(database, stranger_id, Scope.ADMIN))
    await operator.send(f"agent@{domain.name}", tenant_id=str(domain.tenant_id))


async def test_an_invalid_key_is_rejected(channel: grpc.aio.Channel, domain: Domain) -> None:
    caller = Caller(channel, "lh_wrong")

    rejection = await refused(caller.emails.SendEmail(a_request(f"agent@{domain.name}")))

    assert (rejection.code, rejection.reason) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_INVALID")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"to": [Address(address="a@x.com <b@y.com>")]}, "to[0].address"),
    ({"to": [Address(address="reader@example.com", name="x\r\nBcc: y@z.com")]}, "to[0].name"),
    ({"to": [Address(address=f"r{number}@example.com") for number in range(51)]}, "to"),
    ({"subject": "a\r\nb"}, "subject"),
    ({"text": ""}, "text"),
    ({"text": "x" * 31_000_000}, "text"),
    ({"headers": {"Sender": "a@b.com"}}, "headers['Sender']"),
    ({"headers": {"X-SES-TENANT": "other"}}, "headers['X-SES-TENANT']"),
    ({"tags": {"a b": "c"}}, "tags['a b']"),
    ({"request_id": "x" * 257}, "request_id"),
]


async def test_an_invalid_request_names_the_field_and_stores_nothing(
    caller: Caller, domain: Domain, database: FreshDatabase
) -> None:
    good: dict[str, Any] = {"to": [Address(address="reader@example.com")], "text": "Hello", "request_id": "1"}

    for fields, path in BAD:
        request = SendEmailRequest(**(good | fields))
        getattr(request, "from").address = f"agent@{domain.name}"
        rejection = await refused(caller.emails.SendEmail(request))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
        assert list(rejection.fields) == [path]

    await nothing_is_stored(database)
