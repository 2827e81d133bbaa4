# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""DomainService. The worker updates SES; CreateDomain and UpdateDomain wait a few seconds for it."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.access import Visibility, tenant_visibility, visibility
from chassis.backoff import wait_any
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.ids import uuid7
from chassis.notifier import Notifier
from chassis.pages import search_of, window
from chassis.protos import id_of, parameters_of, stamp_of, value_of
from chassis.regions import SesRegion
from letterhead.identity.v1 import domains_pb2 as pb
from letterhead.identity.v1 import domains_pb2_grpc
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from services.identity.errors import DomainNotFound
from services.identity.model.domains import STATES, Domain, DomainChange, NewClaim, Record
from services.identity.model.names import BadName, parse_domain, parse_mail_from_label
from services.identity.servicer import dmarc
from services.identity.servicer.requests import line, paths_of
from services.identity.store.domains import DomainStore
from services.identity.store.requests import Request

RECHECK_EVERY = timedelta(seconds=1)  # bounds the delay after a lost notification
LONGEST_REASON = 500
DEADLINE_MARGIN = timedelta(milliseconds=500)


class DomainServicer(domains_pb2_grpc.DomainServiceServicer):
    """Serves domains of all `regions`, the default first; `patience` is the longest wait for SES."""

    def __init__(
        self, store: DomainStore, notifier: Notifier, regions: Sequence[SesRegion], *, patience: timedelta
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._regions = regions
        self._patience = patience

    async def CreateDomain(self, request: pb.CreateDomainRequest, context: Any) -> pb.CreateDomainResponse:
        sees = tenant_visibility(request.tenant_id)
        claim = self._new_claim(request, sees.tenant_id)
        content = (claim.name, claim.region, claim.mail_from_label)
        asked = Request(claim.tenant_id, "CreateDomain", valid_request_id(request.request_id), content)
        domain = await self._provisioned(await self._store.create(claim, asked), sees, context)
        return pb.CreateDomainResponse(domain=_to_proto(domain))

    async def GetDomain(self, request: pb.GetDomainRequest, context: Any) -> pb.GetDomainResponse:
        sees = visibility()
        if bool(request.domain_id) == bool(request.name):
            reason = "BOTH_SET" if request.name else "BOTH_EMPTY"
            raise InvalidField("domain_id", reason, other_field="name")
        if request.name:
            of_tenant = tenant_visibility(request.tenant_id)
            domain = await self._store.find(_known_name(request.name), of_tenant)
        else:
            domain = await self._store.get(id_of(request.domain_id, DomainNotFound), sees)
        return pb.GetDomainResponse(domain=_to_proto(domain))

    async def ListDomains(self, request: pb.ListDomainsRequest, context: Any) -> pb.ListDomainsResponse:
        sees = tenant_visibility(request.tenant_id)
        states, search = _states_of(request.states), search_of(request)
        asked = window(request, of=f"domains/{sees.tenant_id}/{','.join(states)}/{search}")
        shown, more = asked.cut(await self._store.page(sees, states, asked, search))
        return pb.ListDomainsResponse(domains=map(_to_proto, shown), next_page_token=more)

    async def UpdateDomain(self, request: pb.UpdateDomainRequest, context: Any) -> pb.UpdateDomainResponse:
        sees = visibility()
        paths = paths_of(request.update_mask, ("mail_from_label", "dmarc_policy"))
        domain = await self._store.get(id_of(request.domain.id, DomainNotFound), sees)
        change = _change_of(request.domain, paths, domain.name)
        await self._store.update(domain.id, change, sees, revision=request.domain.revision)
        return pb.UpdateDomainResponse(domain=_to_proto(await self._provisioned(domain.id, sees, context)))

    async def DeleteDomain(self, request: pb.DeleteDomainRequest, context: Any) -> pb.DeleteDomainResponse:
        sees = visibility()
        domain_id = id_of(request.domain_id, DomainNotFound)
        await self._store.delete(domain_id, sees)
        return pb.DeleteDomainResponse(domain=_to_proto(await self._store.get(domain_id, sees)))

    async def AdoptDomain(self, request: pb.AdoptDomainRequest, context: Any) -> pb.AdoptDomainResponse:
        sees = visibility()
        domain_id = id_of(request.domain_id, DomainNotFound)
        await self._store.adopt(domain_id, line("reason", request.reason, longest=LONGEST_REASON), sees)
        return pb.AdoptDomainResponse(domain=_to_proto(await self._store.get(domain_id, sees)))

    async def ReleaseDomain(self, request: pb.ReleaseDomainRequest, context: Any) -> pb.ReleaseDomainResponse:
        sees = visibility()
        domain_id = id_of(request.domain_id, DomainNotFound)
        reason = line("reason", request.reason, longest=LONGEST_REASON, required=False)
        await self._store.release(domain_id, reason, sees)
        return pb.ReleaseDomainResponse(domain=_to_proto(await self._store.get(domain_id, sees)))

    async def RepairDomain(self, request: pb.RepairDomainRequest, context: Any) -> pb.RepairDomainResponse:
        sees = visibility()
        domain_id = id_of(request.domain_id, DomainNotFound)
        await self._store.repair(domain_id, request.generation, _cause_of(request.cause), sees)
        return pb.RepairDomainResponse(domain=_to_proto(await self._store.get(domain_id, sees)))

    def _new_claim(self, request: pb.CreateDomainRequest, tenant_id: UUID) -> NewClaim:
        try:
            parsed = parse_domain(request.name)
        except BadName as bad:
            raise InvalidField.of("name", bad) from None
        region = self._region_of(request.region)
        return NewClaim(
            id=uuid7(),
            tenant_id=tenant_id,
            account=region.account,
            region=region.region,
            name=parsed.name,
            display_name=parsed.display_name,
            mail_from_label=_label_of("mail_from_label", request.mail_from_label, parsed.name),
        )

    def _region_of(self, name: str) -> SesRegion:
        """Return the region of a name, or the default; raise InvalidField for one that is not served."""
        known = {each.region: each for each in self._regions}
        if name and name not in known:
            raise InvalidField("region", "UNKNOWN_VALUE", allowed=", ".join(known))
        return known[name] if name else self._regions[0]

    async def _provisioned(self, domain_id: UUID, sees: Visibility, context: Any) -> Domain:
        """Return a domain once SES is up to date, or as it is when `patience` or the call's deadline ends."""
        now = asyncio.get_running_loop().time
        end = now() + _within(self._patience, context.time_remaining())
        while True:
            changed = self._notifier.next_event()
            domain = await self._store.get(domain_id, sees)
            left = end - now()
            if domain.state != "PROVISIONING" or left <= 0:
                return domain
            await wait_any(changed, timeout=min(left, RECHECK_EVERY.total_seconds()))


def _within(patience: timedelta, remaining: float | None) -> float:
    """Return the seconds to wait, which leave time to respond before the deadline."""
    longest = patience.total_seconds()
    return longest if remaining is None else min(longest, remaining - DEADLINE_MARGIN.total_seconds())


def _known_name(typed: str) -> str:
    """Return a name in normal form; raise DomainNotFound for an invalid one, which no domain can have."""
    try:
        return parse_domain(typed).name
    except BadName:
        raise DomainNotFound from None


def _label_of(field: str, typed: str, under: str) -> str:
    try:
        return parse_mail_from_label(typed, under)
    except BadName as bad:
        raise InvalidField.of(field, bad) from None


def _change_of(wanted: pb.Domain, paths: Collection[str], name: str) -> DomainChange:
    label, policy = None, None
    if "mail_from_label" in paths:
        label = _label_of("domain.mail_from_label", wanted.mail_from_label, name)
    if "dmarc_policy" in paths:
        policy = dmarc.policy_of("domain.dmarc_policy", wanted.dmarc_policy)
    return DomainChange(label, policy)


def _states_of(values: Iterable[int]) -> tuple[str, ...]:
    """Return the states to list; all but DELETED if the request names none."""
    names: dict[int, str] = {pb.Domain.State.Value(f"STATE_{state}"): state for state in STATES}
    asked = frozenset(values)
    if not asked <= names.keys():
        raise InvalidField("states", "UNKNOWN_VALUE", allowed=", ".join(STATES))
    return tuple(sorted(names[value] for value in asked)) or STATES[:-1]


def _cause_of(value: pb.RepairDomainRequest.Cause.ValueType) -> str:
    names = {number: name.removeprefix("CAUSE_") for name, number in pb.RepairDomainRequest.Cause.items()}
    if value == pb.RepairDomainRequest.CAUSE_UNSPECIFIED or value not in names:
        allowed = ", ".join(names[number] for number in names if number)
        raise InvalidField("cause", "UNKNOWN_VALUE", allowed=allowed)
    return names[value]


def _to_proto(domain: Domain) -> pb.Domain:
    return pb.Domain(
        id=str(domain.id),
        tenant_id=str(domain.tenant_id),
        name=domain.name,
        display_name=domain.display_name,
        state=pb.Domain.State.Value(f"STATE_{domain.state}"),
        state_message=domain.why.message,
        state_reason=value_of(DomainReason, domain.why.reason),
        state_parameters=parameters_of(pb.DomainParameters, domain.why.parameters),
        region=domain.region,
        mail_from_label=domain.mail_from_label,
        records=map(_record, domain.records),
        generation=domain.generation,
        revision=str(domain.revision),
        create_time=stamp_of(domain.created_at),
        update_time=stamp_of(domain.updated_at),
        state_time=stamp_of(domain.state_at),
        ownership=pb.Domain.Ownership.Value(f"OWNERSHIP_{domain.ownership}"),
        ownership_deadline_time=stamp_of(domain.ownership_deadline_at),
        ownership_token_expire_time=stamp_of(domain.token_expires_at),
        dmarc_policy=dmarc.to_proto(domain.dmarc_policy),
        advisory_revision=domain.advisory_revision,
    )


def _record(record: Record) -> pb.DnsRecord:
    return pb.DnsRecord(
        purpose=pb.DnsRecord.Purpose.Value(f"PURPOSE_{record.purpose}"),
        ordinal=record.ordinal,
        type=pb.DnsRecord.Type.Value(f"TYPE_{record.type}"),
        name=record.name,
        value=record.value,
        priority=record.priority,
        ttl=record.ttl,
        required=record.required,
    )
