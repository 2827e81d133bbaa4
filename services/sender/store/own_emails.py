"""Accepts emails that sender itself writes: those with codes for test addresses, and notices to tenants."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Queries
from chassis.ids import uuid7
from services.sender.model.emails import Draft

QUERIES = Queries.load(Path(__file__).with_name("own_emails.sql"))


@dataclass(frozen=True, slots=True)
class OwnEmail:
    """An email to one recipient, and the tenant and domain claim that it is sent from.

    Neither a test nor a notice counts against the limits and the reputation of the tenant. Only the recipient
    may read a secret body.
    """

    tenant_id: UUID
    claim_id: UUID
    draft: Draft = field(repr=False)
    expires_at: datetime
    is_secret: bool
    is_notice: bool = False


async def accept_own(connection: Connection, email: OwnEmail) -> UUID:
    """Store an email in the caller's transaction and return its id; it is submitted as every other one."""
    draft, email_id = email.draft, uuid7()
    [recipient] = draft.recipients
    await connection.execute(
        *QUERIES.accept_own_email(
            email_id=email_id,
            tenant_id=email.tenant_id,
            claim_id=email.claim_id,
            from_address=draft.sender.address,
            from_name=draft.sender.name,
            address=recipient.address.address,
            subject=draft.content.subject,
            text=draft.content.text,
            html=draft.content.html,
            tags=json.dumps(dict(draft.tags)),
            size=draft.size,
            is_test=draft.is_test,
            is_notice=email.is_notice,
            is_secret=email.is_secret,
            message=draft.why.message,
            reason=draft.why.reason,
            expires_at=email.expires_at,
        )
    )
    return email_id
