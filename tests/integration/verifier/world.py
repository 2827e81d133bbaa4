"""Test access to the verifier and its surroundings: callers, database, name servers, SES and events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc

from chassis.access import Scope
from letterhead.identity.v1 import domains_pb2
from letterhead.verifier.v1 import verifier_pb2 as pb
from letterhead.verifier.v1 import verifier_pb2_grpc
from services.verifier.__main__ import running
from services.verifier.config import Config
from tests.factories import Domain, a_key, a_provisioned_domain, bearer
from tests.factories import a_tenant as a_tenant_row
from tests.integration.verifier.repairs import Repairs
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

FEEDBACK = "feedback-smtp.us-east-1.amazonses.com"
SPF = "v=spf1 include:amazonses.com ~all"


@dataclass(frozen=True)
class Tenant:
    """A tenant's client of the service."""

    id: UUID
    stub: "verifier_pb2_grpc.VerifierServiceAsyncStub"
    key: str
    world: "World"

    def at(self, channel: grpc.aio.Channel) -> "Tenant":
        """Return the same tenant as a client of another replica."""
        return replace(self, stub=verifier_pb2_grpc.VerifierServiceStub(channel))

    async def known(self, domain: Domain) -> pb.Verification:
        """Return the current verification of a domain."""
        request = pb.GetVerificationRequest(domain_id=str(domain.claim_id))
        answer = await self.stub.GetVerification(request, metadata=bearer(self.key))
        return answer.verification

    async def verify(self, domain: Domain) -> pb.Verification:
        """Request a DNS check of a domain; return its verification."""
        request = pb.VerifyDomainRequest(domain_id=str(domain.claim_id))
        return (await self.stub.VerifyDomain(request, metadata=bearer(self.key))).verification

    def watch(self, domain: Domain) -> Any:
        """Open the WatchDomain stream of a domain."""
        request = pb.WatchDomainRequest(domain_id=str(domain.claim_id))
        return self.stub.WatchDomain(request, metadata=bearer(self.key))

    async def page(self, domain: Domain, **more: Any) -> pb.ListTransitionsResponse:
        """Return a page of a domain's history."""
        request = pb.ListTransitionsRequest(domain_id=str(domain.claim_id), **more)
        return await self.stub.ListTransitions(request, metadata=bearer(self.key))

    async def transitions(self, domain: Domain, **more: Any) -> list[pb.Transition]:
        """Return a domain's history, newest first."""
        return list((await self.page(domain, **more)).transitions)

    async def state(self, domain: Domain) -> str:
        """Return the name of a domain's state."""
        return state_name((await self.known(domain)).state)

    async def reaches(self, domain: Domain, state: str, within: timedelta = timedelta(seconds=10)) -> None:
        """Wait until a domain is in a state."""

        async def in_state() -> bool:
            seen = await self.state(domain)
            assert seen == state, f"{seen}: {(await self.known(domain)).state_message}"
            return True

        await eventually(in_state, within)


@dataclass(frozen=True)
class World:
    """The service, of which any number of replicas can be started, and its surroundings."""

    settings: Config
    database: FreshDatabase
    stream: FreshStream
    internet: Internet
    repairs: Repairs

    @asynccontextmanager
    async def start(self, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:
        """Run one replica, with optionally changed settings; yield a channel to it."""
        async with (
            running(replace(self.settings, **changes)) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield channel

    @asynccontextmanager
    async def a_tenant(self, **changes: Any) -> AsyncIterator[Tenant]:
        """Yield a new tenant at a new replica."""
        async with self.start(**changes) as channel:
            yield await self.tenant_at(channel)

    async def tenant_at(self, channel: grpc.aio.Channel, scope: Scope = Scope.FULL_ACCESS) -> Tenant:
        """Return a new tenant as a client of a replica."""
        tenant_id = await a_tenant_row(self.database)
        key = await a_key(self.database, tenant_id, scope)
        return Tenant(tenant_id, verifier_pb2_grpc.VerifierServiceStub(channel), key, self)

    async def a_domain(self, tenant: Tenant, name: str | None = None) -> Domain:
        """Return a new domain whose identity exists in SES and whose records are shown."""
        domain = await a_provisioned_domain(self.database, tenant.id, name)
        seeded = await self.internet.control.call("POST", "/ses/identities/seed", {"names": [domain.name]})
        return await self._with_tokens(domain, seeded["identities"][0]["tokens"])

    async def a_ready_domain(self, tenant: Tenant) -> Domain:
        """Return a domain that has become READY."""
        domain = await self.a_domain(tenant)
        await self.publish(domain)
        await tenant.verify(domain)
        await tenant.reaches(domain, "READY")
        return domain

    async def publish(self, domain: Domain, *, without: str | None = None) -> None:
        """Publish the records of a domain as shown, optionally without those of one type."""
        for record in await self.records(domain):
            if record["type"] == without:
                continue
            more = {"priority": record["priority"]} if record["type"] == "MX" else {}
            await self.internet.control.publish(record["type"], record["name"], record["value"], **more)

    async def records(self, domain: Domain) -> list[Any]:
        """Return the records as shown."""
        return await self.database.fetch(
            "SELECT type, name, value, priority FROM identity.records WHERE claim_id = $1 ORDER BY position",
            domain.claim_id,
        )

    async def withdraw(self, domain: Domain, type_: str) -> None:
        """Withdraw a domain's records of a type from DNS."""
        for record in await self.records(domain):
            if record["type"] == type_:
                await self.internet.control.withdraw(type_, record["name"])

    async def at_ses(self, domain: Domain, **statuses: Any) -> None:
        """Fix statuses that SES reports for a domain."""
        await self.internet.control.call("PATCH", f"/ses/identities/{domain.name}", statuses)

    async def delete_at_ses(self, domain: Domain) -> None:
        """Delete a domain's identity, as may happen in the AWS console."""
        await self._ses("delete_email_identity", EmailIdentity=domain.name)

    async def move_mail_from(self, domain: Domain, to: str) -> None:
        """Change a domain's MAIL FROM domain, as may happen in the AWS console."""
        call = "put_email_identity_mail_from_attributes"
        await self._ses(call, EmailIdentity=domain.name, MailFromDomain=to)

    async def failed(self, operation: str) -> bool:
        """Return whether SES has answered an operation with an error."""
        controls = (await self.internet.control.ledger())["controls"]
        return any(each["operation"] == operation and each["status"] >= 400 for each in controls)

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Make an SES operation fail."""
        await self.internet.control.call("POST", "/ses/faults", {"operation": operation, "kind": kind} | more)

    async def age(self, domain: Domain, assignments: str) -> None:
        """Update columns of a verification, mostly times, as if time had passed."""
        statement = f"UPDATE verifier.verifications SET {assignments} WHERE claim_id = $1"  # noqa: S608
        await self.database.execute(statement, domain.claim_id)

    async def sweep_now(self) -> None:
        """Make the sweep of SES's list due."""
        await self.database.execute("UPDATE verifier.ses_account SET sweep_due_at = now()")

    async def new_generation(self, domain: Domain, tokens: tuple[str, str, str] | None = None) -> Domain:
        """Start a new generation as identity does: with the same records, or with other tokens."""
        await self.database.execute(
            "INSERT INTO identity.records"
            " SELECT claim_id, generation + 1, position, purpose, ordinal,"
            " type, name, value, priority, ttl, required, advisory_revision"
            " FROM identity.records WHERE claim_id = $1 AND generation = $2",
            domain.claim_id,
            domain.generation,
        )
        await self.database.execute(
            "UPDATE identity.claims SET generation = generation + 1 WHERE id = $1", domain.claim_id
        )
        renewed = replace(domain, generation=domain.generation + 1)
        return await self._with_tokens(renewed, tokens) if tokens else renewed

    async def advise(self, domain: Domain, text: str) -> None:
        """Show a domain another DMARC record, which only advises, as identity does."""
        await self.database.execute(
            "WITH claim AS ("
            "   UPDATE identity.claims SET advisory_revision = advisory_revision + 1"
            "   WHERE id = $1 RETURNING id, generation, name, advisory_revision"
            ") INSERT INTO identity.records AS record (claim_id, generation, position, purpose, ordinal,"
            "   type, name, value, ttl, required, advisory_revision)"
            " SELECT id, generation, 6, 'DMARC', 1, 'TXT', '_dmarc.' || name, $2, 300, false,"
            "   advisory_revision FROM claim ON CONFLICT (claim_id, generation, position)"
            " DO UPDATE SET value = excluded.value, advisory_revision = excluded.advisory_revision",
            domain.claim_id,
            text,
        )

    async def events(self, subject: str, domain: Domain) -> list[dict[str, Any]]:
        """Return the published events of a subject about a domain."""
        published = await self.stream.published(subject)
        return [event for event in published if event["data"]["domain"]["id"] == str(domain.claim_id)]

    async def _ses(self, call: str, **parameters: Any) -> None:
        client = self.internet.aws("sesv2")
        await asyncio.to_thread(getattr(client, call), **parameters)
        client.close()

    async def _with_tokens(self, domain: Domain, tokens: Any) -> Domain:
        await self.database.execute(
            "UPDATE identity.ses_identities SET tokens = $2 WHERE name = $1", domain.name, list(tokens)
        )
        for ordinal, token in enumerate(tokens, start=1):
            await self.database.execute(
                "UPDATE identity.records SET name = $3, value = $4"
                " WHERE claim_id = $1 AND purpose = 'DKIM' AND ordinal = $2 AND generation = $5",
                domain.claim_id,
                ordinal,
                f"{token}._domainkey.{domain.name}",
                f"{token}.dkim.amazonses.com",
                domain.generation,
            )
        return replace(domain, tokens=tuple(tokens))


def state_name(state: domains_pb2.Domain.State.ValueType) -> str:
    """Return the name of a state."""
    return domains_pb2.Domain.State.Name(state).removeprefix("STATE_")


def statuses(known: pb.Verification) -> list[str]:
    """Return the statuses of the records, in their order."""
    names = (pb.RecordCheck.Status.Name(record.status) for record in known.records)
    return [name.removeprefix("STATUS_") for name in names]
