"""Commands for emails: send, list, show and cancel them; for operators, resolve and hold them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.protos import stamp_of
from cli.client import connect
from cli.commands.output import Limit, name_of, print_table
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.printer import Printer
from letterhead.sender.v1.emails_pb2 import (
    Address,
    Attachment,
    CancelEmailRequest,
    Email,
    GetEmailRequest,
    ListEmailsRequest,
    Recipient,
    SendEmailRequest,
    TimelineEntry,
)
from letterhead.sender.v1.resolution_pb2 import HoldEmailsRequest, ResolveEmailRequest
from letterhead.webhooks.v1.feedback_pb2 import Feedback

emails = typer.Typer(no_args_is_help=True, help="List, show, cancel and resolve emails.")


def send(
    *,
    sender: Annotated[str, typer.Option("--from", help="The sender's address, at one of your domains.")],
    to: Annotated[list[str], typer.Option(help="A recipient; repeat for more.")],
    subject: Annotated[str, typer.Option(help="The subject.")],
    text: Annotated[str, typer.Option(help="The plain text body.")] = "",
    html: Annotated[str, typer.Option(help="The HTML body.")] = "",
    at: Annotated[datetime | None, typer.Option(help="When to send it, in UTC; default: now.")] = None,
    attach: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A file to attach; repeat for more."),
    ] = None,
    request_id: Annotated[
        str, typer.Option(help="Idempotency key: repeating a request with the same id sends nothing new.")
    ] = "",
) -> None:
    """Send one email."""
    send_time = Timestamp()
    if at:
        send_time.FromDatetime(at)
    request = SendEmailRequest(
        to=[Address(address=each) for each in to],
        subject=subject,
        text=text,
        html=html,
        attachments=[Attachment(file_name=each.name, content=each.read_bytes()) for each in attach or []],
        send_time=send_time if at else None,
        request_id=request_id,
    )
    getattr(request, "from").address = sender
    run(_send(request))


@emails.command("list")
def list_emails(
    *,
    limit: Limit = 50,
    state: Annotated[
        list[str] | None, typer.Option(help="Only emails in this state, such as HELD; repeat for more.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Id of another tenant. Requires an admin key.")] = "",
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Emails of all tenants. Requires an admin key.")
    ] = False,
) -> None:
    """List emails."""
    known = {name.removeprefix("STATE_"): value for name, value in Email.State.items() if value}
    if unknown := [each for each in state or () if each.upper() not in known]:
        end(USAGE, f"Unknown state {unknown[0]}. Use one of {', '.join(known)}.")
    states = [known[each.upper()] for each in state or ()]
    run(_list(ListEmailsRequest(page_size=limit, states=states, tenant_id=tenant, all_tenants=all_tenants)))


@emails.command("show")
def show_email(email_id: str) -> None:
    """Show an email's recipients and its history."""
    run(_show(email_id))


@emails.command("cancel")
def cancel_email(email_id: str) -> None:
    """Cancel an email that is not submitted to SES yet."""
    run(_cancel(email_id))


@emails.command("resolve")
def resolve_email(
    email_id: str,
    *,
    why: Annotated[str, typer.Option(help="The reason, recorded in the email's history.")],
    sent: Annotated[bool, typer.Option("--sent", help="SES accepted it.")] = False,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="SES did not accept it; do not send it.")
    ] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send it again, at the risk of sending it twice.")
    ] = False,
) -> None:
    """Resolve an email whose outcome is unknown. Requires an admin key."""
    chosen = [name for name, given in (("SENT", sent), ("NOT_SENT", not_sent), ("RESEND", resend)) if given]
    if len(chosen) != 1:
        end(USAGE, "Give exactly one of --sent, --not-sent and --resend.")
    outcome = ResolveEmailRequest.Outcome.Value(f"OUTCOME_{chosen[0]}")
    run(_resolve(ResolveEmailRequest(email_id=email_id, outcome=outcome, reason=why)))


@emails.command("hold-all")
def hold_emails(
    *,
    why: Annotated[str, typer.Option(help="The reason, recorded in each email's history.")],
    since: Annotated[
        datetime | None, typer.Option(help="Only email accepted at this time or later, in UTC.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(help="Only email accepted before this time, in UTC.")
    ] = None,
) -> None:
    """Hold all waiting email and email of unknown outcome, of all tenants. Requires an admin key."""
    since_time, before_time = (stamp_of(_in_utc(time)) for time in (since, before))
    run(_hold(HoldEmailsRequest(since_time=since_time, before_time=before_time, reason=why)))


async def _send(request: SendEmailRequest) -> None:
    async with connect(Installation.read()) as services:
        email = (await services.sender.SendEmail(request)).email
    Printer().good(f"accepted: {email.id} (`letterhead emails show {email.id}` shows its progress)")


async def _list(request: ListEmailsRequest) -> None:
    """Print the newest emails; use the admin key for those of another tenant or of all."""
    installation = Installation.read()
    of_others = request.all_tenants or request.tenant_id
    async with connect(installation, installation.admin_key if of_others else None) as services:
        answer = await services.sender.ListEmails(request)
    tenant_column = ("tenant",) if request.all_tenants else ()
    print_table(("id", *tenant_column, "state", "from", "to", "subject"), [
        (each.id, *([each.tenant_id] if tenant_column else []), name_of(Email.State, each.state),
         each.sent_from or getattr(each, "from").address,
         ", ".join(recipient.address.address for recipient in each.recipients), each.subject)
        for each in answer.emails
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _show(email_id: str) -> None:
    async with connect(Installation.read()) as services:
        email = (await services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
    printer = Printer()
    printer.heading(f"{email.subject}: {name_of(Email.State, email.state)}")
    printer.say(email.state_message)
    printer.table(("recipient", "state", "message"), [
        (each.address.address, name_of(Recipient.State, each.state), each.state_message)
        for each in email.recipients
    ])  # fmt: skip
    printer.table(("time", "event", "recipients", "message"), [
        (each.time.ToJsonString(), _event(each), ", ".join(each.recipients), each.message)
        for each in email.timeline
    ])  # fmt: skip


def _event(entry: TimelineEntry) -> str:
    """Return the state that was entered, or the kind of feedback."""
    return name_of(Email.State, entry.state) if entry.state else name_of(Feedback.Kind, entry.feedback)


async def _cancel(email_id: str) -> None:
    async with connect(Installation.read()) as services:
        email = (await services.sender.CancelEmail(CancelEmailRequest(email_id=email_id))).email
    Printer().good(f"{email.id}: {name_of(Email.State, email.state)}")


async def _resolve(request: ResolveEmailRequest) -> None:
    installation = Installation.read()
    async with connect(installation, installation.admin_key) as services:
        resolved = await services.resolution.ResolveEmail(request)
    Printer().good(f"{request.email_id}: {name_of(Email.State, resolved.state)}. {resolved.state_message}")


async def _hold(request: HoldEmailsRequest) -> None:
    """Hold emails batch by batch until none is left."""
    installation = Installation.read()
    total = 0
    async with connect(installation, installation.admin_key) as services:
        while held := (await services.resolution.HoldEmails(request)).held_count:
            total += held
    Printer().good(
        f"{total} emails are held. List them with `letterhead emails list --state HELD --all-tenants`, "
        "resolve each with `letterhead emails resolve`."
    )


def _in_utc(time: datetime | None) -> datetime | None:
    """Return a time with a zone; one without is in UTC."""
    return time.replace(tzinfo=UTC) if time and time.tzinfo is None else time
