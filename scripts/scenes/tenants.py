"""Tenants that are paused or whose email bounces, and an SES account that stops sending."""

import re
from uuid import UUID

from cli.environments import REGION
from cli.polling import until
from letterhead.identity.v1.api_keys_pb2 import GetCallerRequest
from letterhead.identity.v1.contacts_pb2 import (
    ConfirmContactRequest,
    RemoveContactRequest,
    SetContactRequest,
)
from letterhead.identity.v1.tenants_pb2 import PauseTenantRequest, ResumeTenantRequest
from letterhead.webhooks.v1.webhook_service_pb2 import CreateEndpointRequest, EventType, SendTestRequest
from scripts.scenes.emails import sent
from scripts.scenes.stage import READERS, Stage

# A tenant is warned when 4 % of its recipients bounced, and throttled at 5 %.
DELIVERED, FIRST_BOUNCES, MORE_BOUNCES = 250, 11, 4
PER_EMAIL = 50
CODE = re.compile(r"\b[0-9]{4} [0-9]{4}\b")
# As if the emails that bounced, and the hour of throttling, were long ago.
BOUNCES_ARE_OLD = "DELETE FROM sender.strikes WHERE tenant_id = $1"
HOUR_IS_OVER = "UPDATE sender.reputations SET slowed_until = now() WHERE tenant_id = $1"
# As if the first of its failures were long ago.
FAILING_SINCE_YESTERDAY = """
UPDATE deliverer.endpoint_health SET failing_since = now() - interval '25 hours' WHERE endpoint_id = $1
"""
ACCOUNT_IS_DUE = "UPDATE verifier.ses_account SET due_at = now()"


async def changes_its_contact(stage: Stage) -> None:
    """Confirm the address for notices with the code that arrives there, and remove it again."""
    tenant_id, address = await _tenant(stage), f"ada@{READERS}"
    await stage.tenant.contacts.SetContact(SetContactRequest(address=address))
    await stage.record(tenant_id, "contact.confirmation_requested")
    code = await until("the code arrives", lambda: _code(stage, address))
    await stage.tenant.contacts.ConfirmContact(ConfirmContactRequest(code=code))
    await stage.record(tenant_id, "contact.confirmed")
    await stage.tenant.contacts.RemoveContact(RemoveContactRequest())
    await stage.record(tenant_id, "contact.removed")


async def is_paused(stage: Stage) -> None:
    """Pause a tenant, and resume it."""
    tenant_id = await _tenant(stage)
    pause = PauseTenantRequest(tenant_id=tenant_id, reason="Your invoice is overdue.")
    await stage.operator.tenants.PauseTenant(pause)
    await stage.record(tenant_id, "tenant.paused")
    await stage.operator.tenants.ResumeTenant(ResumeTenantRequest(tenant_id=tenant_id))
    await stage.record(tenant_id, "tenant.resumed")


async def has_a_poor_reputation(stage: Stage) -> None:
    """Send much email that bounces, and let time pass."""
    tenant_id = await _tenant(stage)
    await _mail(stage, [f"reader-{number}@{READERS}" for number in range(DELIVERED)])
    await _mail(stage, [f"bounce-{number}@{READERS}" for number in range(FIRST_BOUNCES)])
    await stage.record(tenant_id, "tenant.warned")
    await _mail(stage, [f"unknown-{number}@{READERS}" for number in range(MORE_BOUNCES)])
    await stage.record(tenant_id, "tenant.slowed")
    for statement in (BOUNCES_ARE_OLD, HOUR_IS_OVER):
        await stage.database.execute(statement, UUID(tenant_id))
    await stage.record(tenant_id, "tenant.restored")


async def cannot_send(stage: Stage) -> None:
    """Disable sending for the SES account."""
    await stage.sandbox.call("PATCH", "/ses/account", {"sending_enabled": False})
    await stage.database.execute(ACCOUNT_IS_DUE)
    await stage.record(REGION, "account.changed", state="STATE_PAUSED")


async def has_endpoints_that_fail(stage: Stage) -> None:
    """Create an endpoint that fails for a day, and then says that it is gone."""
    await stage.sandbox.behave("/failing", status=500)
    request = CreateEndpointRequest(
        url=f"{stage.receiver}/failing", event_types=[EventType.EVENT_TYPE_EMAIL_SENT]
    )
    endpoint = (await stage.tenant.webhooks.CreateEndpoint(request)).endpoint

    async def fail() -> None:
        await stage.tenant.webhooks.SendTest(SendTestRequest(endpoint_id=endpoint.id))
        await stage.database.execute(FAILING_SINCE_YESTERDAY, UUID(endpoint.id))

    await stage.record_while("endpoint.failing", endpoint.id, fail)
    await stage.sandbox.behave("/failing", status=410)
    await stage.tenant.webhooks.SendTest(SendTestRequest(endpoint_id=endpoint.id))
    await stage.record(endpoint.id, "endpoint.disabled")


async def _code(stage: Stage, address: str) -> str | None:
    for each in await stage.sandbox.emails(to=address):
        found = CODE.search((await stage.sandbox.email(each["id"]))["text"] or "")
        if "Your code" in each["subject"] and found:
            return found.group()
    return None


async def _tenant(stage: Stage) -> str:
    return (await stage.tenant.api_keys.GetCaller(GetCallerRequest())).tenant_id


async def _mail(stage: Stage, recipients: list[str]) -> None:
    for start in range(0, len(recipients), PER_EMAIL):
        await sent(stage, *recipients[start : start + PER_EMAIL])
