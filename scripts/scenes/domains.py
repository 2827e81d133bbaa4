"""Domains that become ready, break, expire, and are claimed by two tenants."""

import asyncio
from datetime import timedelta

from cli.client import Services
from cli.dns_records import type_of
from cli.polling import until
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
    ReleaseDomainRequest,
)
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest, WatchDomainRequest
from scripts.scenes.stage import Stage

READY, BROKEN, CONTESTED, ABANDONED = "inbox.mnexa.ai", "news.mnexa.ai", "mail.mnexa.ai", "old.mnexa.ai"
DELETED = "hello.mnexa.ai"
# Longer than any deadline or interval of a domain.
DAYS = timedelta(days=4)
# Time passes for one domain, and its records are checked again.
AGE = """
UPDATE verifier.verifications
SET
    first_failed_at = first_failed_at - $2::interval,
    deadline_at = deadline_at - $2::interval,
    next_check_at = now()
WHERE name = $1 AND next_check_at > now()
"""
# SES is asked about a domain now, and not only when its sweep finds that the identity is gone.
QUERY_SES = "UPDATE verifier.verifications SET ses_due_at = now() WHERE name = $1"


async def becomes_ready(stage: Stage) -> None:
    """Create a domain, and publish its records until it can send."""
    await a_ready_domain(stage, READY)
    await stage.record(READY, "domain.created", "domain.provisioned", "domain.ready")


async def is_abandoned(stage: Stage) -> None:
    """Publish no record of a domain until it fails, and delete it."""
    domain = await _create(stage.tenant, ABANDONED)
    await stage.record_while("domain.failed", ABANDONED, lambda: _age(stage, domain))
    await stage.tenant.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))
    await stage.record(ABANDONED, "domain.deleted")


async def is_contested(stage: Stage) -> None:
    """Prove control of another tenant's domain; its holder answers in time, and releases it later."""
    held = await a_ready_domain(stage, CONTESTED)
    claimed = await _create(stage.other, CONTESTED)
    await _publish_proof(stage, stage.other, claimed)
    await stage.record(CONTESTED, "domain.challenged")
    await _publish_proof(stage, stage.tenant, held)
    await stage.record(CONTESTED, "domain.kept")
    await stage.tenant.domains.ReleaseDomain(ReleaseDomainRequest(domain_id=held.id))
    await stage.record(CONTESTED, "domain.superseded", "domain.proven")


async def loses_its_identity(stage: Stage) -> None:
    """Delete the identity of a domain at SES, and have Letterhead find out and create it again."""
    domain = await a_ready_domain(stage, DELETED)
    await asyncio.to_thread(stage.ses.delete_email_identity, EmailIdentity=domain.name)
    await stage.database.execute(QUERY_SES, DELETED)
    await stage.record(DELETED, "domain.pending")


async def loses_a_record(stage: Stage, domain: Domain) -> None:
    """Withdraw a record of a domain, and do not fix it in time."""
    await stage.sandbox.withdraw("CNAME", domain.records[0].name)
    for subject in ("domain.degraded", "domain.lost"):
        await stage.record_while(subject, domain.name, lambda: _age(stage, domain))


async def a_ready_domain(stage: Stage, name: str) -> Domain:
    """Return a new domain of the tenant once it can send."""
    domain = await _create(stage.tenant, name)
    for record in domain.records:
        await _publish(stage, record)
    watch = stage.tenant.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id))
    await watch.read()  # a watched domain is checked every second
    await until(f"{name} is READY", lambda: stage.find("domain.ready", name))
    watch.cancel()
    return domain


async def _create(services: Services, name: str) -> Domain:
    """Create a domain and return it with its records."""
    created = await services.domains.CreateDomain(CreateDomainRequest(name=name))

    async def with_records() -> Domain | None:
        domain = await _get(services, created.domain)
        return domain if domain.records else None

    return await until(f"the records of {name} are known", with_records)


async def _publish_proof(stage: Stage, services: Services, domain: Domain) -> None:
    """Publish the TXT record that proves control of a domain, and have it checked."""
    [proof] = [
        each for each in (await _get(services, domain)).records if each.purpose == DnsRecord.PURPOSE_OWNERSHIP
    ]
    await _publish(stage, proof)
    await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))


async def _publish(stage: Stage, record: DnsRecord) -> None:
    await stage.sandbox.publish(type_of(record), record.name, record.value, priority=record.priority)


async def _get(services: Services, domain: Domain) -> Domain:
    return (await services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain


async def _age(stage: Stage, domain: Domain) -> None:
    await stage.database.execute(AGE, domain.name, DAYS)
