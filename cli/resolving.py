"""Commands for operators to resolve emails whose outcome is unknown."""

from datetime import UTC, datetime

from chassis.protos import stamp_of
from cli.client import connect
from cli.installation import Installation
from cli.printer import Printer
from letterhead.sender.v1.emails_pb2 import Email
from letterhead.sender.v1.resolution_pb2 import HoldEmailsRequest, ResolveEmailRequest


async def resolve_email(email_id: str, outcome: str, why: str) -> None:
    """Resolve one email; `outcome` is SENT, NOT_SENT or RESEND."""
    installation = Installation.read()
    value = ResolveEmailRequest.Outcome.Value(f"OUTCOME_{outcome}")
    request = ResolveEmailRequest(email_id=email_id, outcome=value, reason=why)
    async with connect(installation, installation.admin_key) as services:
        resolved = await services.resolution.ResolveEmail(request)
    state = Email.State.Name(resolved.state).removeprefix("STATE_")
    Printer().good(f"{email_id}: {state}. {resolved.state_note}")


async def hold_emails(since: datetime | None, before: datetime | None, why: str) -> None:
    """Hold all emails accepted in a period (naive times are UTC), batch by batch until none is left."""
    installation = Installation.read()
    request = HoldEmailsRequest(
        since_time=stamp_of(_of_utc(since)), before_time=stamp_of(_of_utc(before)), reason=why
    )
    total = 0
    async with connect(installation, installation.admin_key) as services:
        while held := (await services.resolution.HoldEmails(request)).held_count:
            total += held
    Printer().good(
        f"{total} emails are held. List them with `letterhead emails list --state HELD --all-tenants`, "
        "resolve each with `letterhead emails settle`."
    )


def _of_utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
