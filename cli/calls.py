"""Commands for domains, emails, suppressions, events and the sandbox."""

import json
from collections.abc import Iterable
from itertools import count

from cli.client import connect
from cli.events import Tail
from cli.installation import Installation
from cli.printer import Printer
from cli.turns import label, row
from letterhead.identity.v1.domains_pb2 import (
    CreateDomainRequest,
    DeleteDomainRequest,
    DnsRecord,
    Domain,
    GetDomainRequest,
    ListDomainsRequest,
)
from letterhead.sender.v1.emails_pb2 import (
    CancelEmailRequest,
    Email,
    GetEmailRequest,
    ListEmailsRequest,
    Recipient,
    SendEmailRequest,
)
from letterhead.sender.v1.suppressions_pb2 import (
    AddSuppressionRequest,
    ListSuppressionsRequest,
    RemoveSuppressionRequest,
    Suppression,
)
from letterhead.verifier.v1.verifier_pb2 import (
    GetSesAccountRequest,
    GetVerificationRequest,
    RecordCheck,
    SesAccount,
    Verification,
    VerifyDomainRequest,
    WatchDomainRequest,
)
from sandbox.client import connect_sandbox


async def list_domains(limit: int) -> None:
    """Print the newest domains."""
    async with connect(Installation.read()) as services:
        answer = await services.domains.ListDomains(ListDomainsRequest(page_size=limit))
    _table(("name", "state", "id", "message"), [
        (each.display_name, _word(Domain.State, each.state), each.id, each.state_note)
        for each in answer.domains
    ], more=bool(answer.next_page_token))  # fmt: skip


async def add_domain(name: str, region: str, label: str) -> None:
    """Add a domain and print the records to publish."""
    async with connect(Installation.read()) as services:
        request = CreateDomainRequest(name=name, region=region, mail_from_label=label)
        domain = (await services.domains.CreateDomain(request)).domain
    _print_domain(Printer(), domain)


async def show_domain(name: str) -> None:
    """Print a domain's records and the status of each."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        verification = None
        if domain.state not in (Domain.STATE_PROVISIONING, Domain.STATE_DELETING):
            request = GetVerificationRequest(domain_id=domain.id)
            verification = (await services.verifier.GetVerification(request)).verification
    printer = Printer()
    _print_domain(printer, domain)
    if verification:
        _print_checks(printer, verification)


async def watch_domain(name: str) -> None:
    """Check a domain now, and print each change until it is READY or Ctrl-C."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))
        async for answer in services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id)):
            printer = Printer()
            printer.heading(f"{name}: {_word(Domain.State, answer.verification.state)}")
            _print_checks(printer, answer.verification)
            if answer.verification.state == Domain.STATE_READY:
                return


async def delete_domain(name: str) -> None:
    """Delete a domain and print its state."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        domain = (await services.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))).domain
    Printer().good(f"{name}: {_word(Domain.State, domain.state)}")


async def send_email(request: SendEmailRequest) -> None:
    """Send one email and print its id."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.SendEmail(request)).email
    Printer().good(f"accepted: {email.id} (`letterhead emails show {email.id}` shows its progress)")


async def list_emails(request: ListEmailsRequest) -> None:
    """Print the newest emails; use the admin key for those of another tenant or of all."""
    installation = Installation.read()
    of_others = request.all_tenants or request.tenant_id
    async with connect(installation, installation.admin_key if of_others else None) as services:
        answer = await services.sender.ListEmails(request)
    tenant_column = ("tenant",) if request.all_tenants else ()
    _table(("id", *tenant_column, "state", "from", "to", "subject"), [
        (each.id, *([each.tenant_id] if tenant_column else []), _word(Email.State, each.state),
         each.sent_from or getattr(each, "from").address,
         ", ".join(recipient.address.address for recipient in each.recipients), each.subject)
        for each in answer.emails
    ], more=bool(answer.next_page_token))  # fmt: skip


async def show_email(email_id: str) -> None:
    """Print an email's recipients and its history."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
    printer = Printer()
    printer.heading(f"{email.subject}: {_word(Email.State, email.state)}")
    printer.say(email.state_note)
    printer.table(("recipient", "state", "message"), [
        (each.address.address, _word(Recipient.State, each.state), each.state_note)
        for each in email.recipients
    ])  # fmt: skip
    printer.table(("time", "event", "message"), [
        (each.time.ToJsonString(), _word(Email.State, each.state) if each.state else each.feedback, each.note)
        for each in email.timeline
    ])  # fmt: skip


async def cancel_email(email_id: str) -> None:
    """Cancel an email and print its state."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.CancelEmail(CancelEmailRequest(email_id=email_id))).email
    Printer().good(f"{email.id}: {_word(Email.State, email.state)}")


async def list_suppressions(limit: int) -> None:
    """Print the newest suppressed addresses."""
    async with connect(Installation.read()) as services:
        answer = await services.suppressions.ListSuppressions(ListSuppressionsRequest(page_size=limit))
    _table(("address", "reason", "since", "note"), [
        (each.address, _word(Suppression.Reason, each.reason), each.create_time.ToJsonString(), each.note)
        for each in answer.suppressions
    ], more=bool(answer.next_page_token))  # fmt: skip


async def add_suppression(address: str, note: str) -> None:
    """Add an address to the suppression list."""
    async with connect(Installation.read()) as services:
        await services.suppressions.AddSuppression(AddSuppressionRequest(address=address, note=note))
    Printer().good(f"{address} is suppressed")


async def remove_suppression(address: str) -> None:
    """Remove an address from the suppression list."""
    async with connect(Installation.read()) as services:
        await services.suppressions.RemoveSuppression(RemoveSuppressionRequest(address=address))
    Printer().good(f"{address} is no longer suppressed")


async def tail_events(number: int, *, everything: bool) -> None:
    """Print events as they arrive; stop after `number` of them, or never if it is 0."""
    printer = Printer()
    async with Tail.open(Installation.read().wire, everything=everything) as tail:
        counter = count(1)
        async for event in tail.follow():
            printer.say(f"{event.time}  {event.subject:<20} {event.resource}  {json.dumps(event.data)}")
            if next(counter) == number:
                return


async def show_account() -> None:
    """Print the state, rate and quota of the SES account in each region."""
    async with connect(Installation.read()) as services:
        accounts = (await services.verifier.GetSesAccount(GetSesAccountRequest())).accounts
    columns = ("region", "state", "max rate/s", "24 h quota", "sent in 24 h", "message")
    Printer().table(columns, [
        (each.region, _word(SesAccount.State, each.state), f"{each.max_send_rate:g}",
         f"{each.max_24_hour_send:g}", f"{each.sent_last_24_hours:g}", each.state_note)
        for each in accounts
    ])  # fmt: skip


async def publish_records(name: str) -> None:
    """Publish every record of a domain in the sandbox's DNS."""
    installation = Installation.read()
    async with connect(installation) as services, connect_sandbox(installation.control) as sandbox:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        for record in domain.records:
            await sandbox.publish(
                _word(DnsRecord.Type, record.type), record.name, record.value, priority=record.priority
            )
            Printer().good(f"{_word(DnsRecord.Type, record.type)} {record.name}")


async def list_mailbox(limit: int) -> None:
    """Print the newest emails in the sandbox's mailbox."""
    async with connect_sandbox(Installation.read().control) as sandbox:
        emails = [await sandbox.email(each["id"]) for each in await sandbox.emails(limit=limit)]
    columns = ("from", "to", "subject", "mailed_by", "signed_by")
    Printer().table(columns, [[each[column] for column in columns] for each in emails])


def _print_domain(printer: Printer, domain: Domain) -> None:
    printer.heading(f"{domain.display_name}: {_word(Domain.State, domain.state)}")
    printer.say(domain.state_note)
    printer.table(("for", "type", "name", "value", "ttl"), map(row, domain.records))


def _print_checks(printer: Printer, verification: Verification) -> None:
    for check in verification.records:
        status = _word(RecordCheck.Status, check.status)
        show = printer.good if check.status == RecordCheck.STATUS_FOUND else printer.waiting
        show(f"{label(check.record)}: {status}" + (f" — {check.message}" if check.message else ""))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], *, more: bool) -> None:
    printer = Printer()
    printer.table(columns, rows)
    if more:
        printer.say("There are more results. Use a larger --limit to see them.")


def _word(enum: object, value: int) -> str:
    """Return the name of an enum value without its prefix: READY for STATE_READY."""
    return enum.Name(value).split("_", 1)[1]  # type: ignore[attr-defined,no-any-return]
