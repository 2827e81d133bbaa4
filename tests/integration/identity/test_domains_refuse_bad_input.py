"""Invalid input is rejected with the field, the reason and how to fix it, and nothing is stored."""

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
    RepairDomainRequest,
    UpdateDomainRequest,
)
from tests.factories import a_name
from tests.integration.identity.callers import Caller, CallError, refused
from tests.integration.identity.conftest import Identity
from tests.stores import FreshDatabase

BAD_NAMES = [
    "", "192.0.2.1", "127.1", "[2001:db8::1]", "*.mnexa.ai", "com", "co.uk", "github.io", "mnexa.test",
    "localhost", "example.com", "printer.local", "x.onion", "1.0.0.127.in-addr.arpa", "db.internal",
    "a" * 64 + ".com", ".".join(["a" * 63] * 4), "a.b.c.d.e.f.g.h.i.j.com", "_dmarc.mnexa.ai", "ab--cd.com",
    "a..com", "a b.com", "https://mnexa.ai", "agent@mnexa.ai", "mnexa.ai:25", "-a.com",
    "☃.com", "a\0.com", "a.com\r\n",
]  # fmt: skip
BAD_LABELS = ["a.b", "a_b", "-", "a" * 64, "send ", "é", "*", "xn--bcher-kva"]


def is_about(rejection: CallError, field: str) -> bool:
    return (
        rejection.code is grpc.StatusCode.INVALID_ARGUMENT
        and rejection.reason == "INVALID_FIELD"
        and rejection.fields.keys() == {field}
        and rejection.fields[field] in rejection.message
    )


async def nothing_is_stored(database: FreshDatabase) -> bool:
    tables = ("claims", "ses_identities", "requests", "outbox", "claim_transitions")
    return not any([await database.fetch(f"SELECT FROM identity.{table}") for table in tables])


async def test_an_invalid_name_is_rejected_and_not_stored(
    caller: Caller, identity: Identity, database: FreshDatabase
) -> None:
    for name in BAD_NAMES:
        rejection = await refused(caller.domains.CreateDomain(CreateDomainRequest(name=name, request_id="r")))

        assert is_about(rejection, "name"), (name, rejection)

    assert await nothing_is_stored(database)
    assert not await identity.controls("CreateEmailIdentity")


async def test_other_invalid_fields_are_named_and_nothing_is_stored(
    caller: Caller, database: FreshDatabase
) -> None:
    bad: list[tuple[str, dict[str, str]]] = [
        *(("mail_from_label", {"mail_from_label": label}) for label in BAD_LABELS),
        ("region", {"region": "mars-west-1"}),
        ("request_id", {"request_id": "r" * 257}),
        ("tenant_id", {"tenant_id": "acme"}),
    ]

    for field, more in bad:
        request = CreateDomainRequest(name="mnexa.ai", **more)
        assert is_about(await refused(caller.domains.CreateDomain(request)), field), more

    assert await nothing_is_stored(database)


async def test_get_domain_requires_exactly_one_of_id_and_name(caller: Caller) -> None:
    for request in (GetDomainRequest(), GetDomainRequest(domain_id="x", name="mnexa.ai")):
        assert is_about(await refused(caller.domains.GetDomain(request)), "domain_id")


async def test_a_list_accepts_only_known_states_and_its_own_page_tokens(caller: Caller) -> None:
    for name in (a_name(), a_name()):
        await caller.domains.CreateDomain(CreateDomainRequest(name=name))
    token = (await caller.domains.ListDomains(ListDomainsRequest(page_size=1))).next_page_token
    unknown = ListDomainsRequest(states=[99])  # type: ignore[list-item]

    assert is_about(await refused(caller.domains.ListDomains(unknown)), "states")
    for request in (
        ListDomainsRequest(page_token="garbage"),
        ListDomainsRequest(page_token=token[:-2]),
        ListDomainsRequest(page_token=token, states=[Domain.STATE_READY]),
    ):
        rejection = await refused(caller.domains.ListDomains(request))
        assert (rejection.code, rejection.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    assert is_about(await refused(caller.domains.ListDomains(ListDomainsRequest(page_size=-1))), "page_size")


async def test_an_update_can_change_only_the_label(caller: Caller) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    for paths, field in (
        ([], "update_mask"),
        (["name"], "update_mask"),
        (["mail_from_label", "x"], "update_mask"),
    ):
        request = UpdateDomainRequest(domain=domain, update_mask=FieldMask(paths=paths))
        assert is_about(await refused(caller.domains.UpdateDomain(request)), field)
    for label in BAD_LABELS:
        request = UpdateDomainRequest(
            domain=Domain(id=domain.id, mail_from_label=label),
            update_mask=FieldMask(paths=["mail_from_label"]),
        )
        rejection = await refused(caller.domains.UpdateDomain(request))
        assert is_about(rejection, "domain.mail_from_label"), label

    assert (await caller.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain == domain


async def test_a_repair_requires_a_known_cause(caller: Caller, admin: Caller) -> None:
    domain = (await caller.domains.CreateDomain(CreateDomainRequest(name=a_name()))).domain

    for cause in (0, 99):
        request = RepairDomainRequest(domain_id=domain.id, generation=1, cause=cause)  # type: ignore[arg-type]
        assert is_about(await refused(admin.domains.RepairDomain(request)), "cause")
