"""The commands that call the services: domains, emails, suppressions, events."""

import json
from collections.abc import Iterable
from itertools import count

from cli.client import connect
from cli.events import Tail
from cli.installation import Installation
from cli.teller import Teller
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
    """Prints the newest domains."""
    async with connect(Installation.read()) as services:
        answer = await services.domains.ListDomains(ListDomainsRequest(page_size=limit))
    _table(("name", "state", "id", "note"), [
        (each.display_name, _word(Domain.State, each.state), each.id, each.state_note)
        for each in answer.domains
    ], more=bool(answer.next_page_token))  # fmt: skip


async def add_domain(name: str, region: str, label: str) -> None:
    """Claims a name and prints the records to publish."""
    async with connect(Installation.read()) as services:
        request = CreateDomainRequest(name=name, region=region, mail_from_label=label)
        domain = (await services.domains.CreateDomain(request)).domain
    _tell_domain(Teller(), domain)


async def show_domain(name: str) -> None:
    """Prints a domain's records with what was seen of each."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        verification = None
        if domain.state not in (Domain.STATE_PROVISIONING, Domain.STATE_DELETING):
            request = GetVerificationRequest(domain_id=domain.id)
            verification = (await services.verifier.GetVerification(request)).verification
    teller = Teller()
    _tell_domain(teller, domain)
    if verification:
        _tell_checks(teller, verification)


async def watch_domain(name: str) -> None:
    """Looks at a domain now, and prints each change until it is READY or Ctrl-C."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))
        async for answer in services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id)):
            teller = Teller()
            teller.heading(f"{name}: {_word(Domain.State, answer.verification.state)}")
            _tell_checks(teller, answer.verification)
            if answer.verification.state == Domain.STATE_READY:
                return


async def delete_domain(name: str) -> None:
    """Deletes a domain."""
    async with connect(Installation.read()) as services:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        domain = (await services.domains.DeleteDomain(DeleteDomainRequest(domain_id=domain.id))).domain
    Teller().good(f"{name}: {_word(Domain.State, domain.state)}")


async def send_email(request: SendEmailRequest) -> None:
    """Sends one email and prints its id."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.SendEmail(request)).email
    Teller().good(f"accepted: {email.id} (`letterhead emails show {email.id}` tells what became of it)")


async def list_emails(request: ListEmailsRequest) -> None:
    """Prints the newest emails; those of another tenant, or of all, with the admin's key."""
    installation = Installation.read()
    of_others = request.all_tenants or request.tenant_id
    async with connect(installation, installation.admin_key if of_others else None) as services:
        answer = await services.sender.ListEmails(request)
    whose = ("tenant",) if request.all_tenants else ()
    _table(("id", *whose, "state", "from", "to", "subject"), [
        (each.id, *([each.tenant_id] if whose else []), _word(Email.State, each.state),
         each.sent_from or getattr(each, "from").address,
         ", ".join(recipient.address.address for recipient in each.recipients), each.subject)
        for each in answer.emails
    ], more=bool(answer.next_page_token))  # fmt: skip


async def show_email(email_id: str) -> None:
    """Prints an email's recipients, and what became of it by time."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
    teller = Teller()
    teller.heading(f"{email.subject}: {_word(Email.State, email.state)}")
    teller.say(email.state_note)
    teller.table(("recipient", "state", "note"), [
        (each.address.address, _word(Recipient.State, each.state), each.state_note)
        for each in email.recipients
    ])  # fmt: skip
    teller.table(("when", "what", "note"), [
        (each.time.ToJsonString(), _word(Email.State, each.state) if each.state else each.feedback, each.note)
        for each in email.timeline
    ])  # fmt: skip


async def cancel_email(email_id: str) -> None:
    """Calls an email back."""
    async with connect(Installation.read()) as services:
        email = (await services.sender.CancelEmail(CancelEmailRequest(email_id=email_id))).email
    Teller().good(f"{email.id}: {_word(Email.State, email.state)}")


async def list_suppressions(limit: int) -> None:
    """Prints the newest suppressed addresses."""
    async with connect(Installation.read()) as services:
        answer = await services.suppressions.ListSuppressions(ListSuppressionsRequest(page_size=limit))
    _table(("address", "reason", "since", "note"), [
        (each.address, _word(Suppression.Reason, each.reason), each.create_time.ToJsonString(), each.note)
        for each in answer.suppressions
    ], more=bool(answer.next_page_token))  # fmt: skip


async def add_suppression(address: str, note: str) -> None:
    """Suppresses an address."""
    async with connect(Installation.read()) as services:
        await services.suppressions.AddSuppression(AddSuppressionRequest(address=address, note=note))
    Teller().good(f"{address} is suppressed")


async def remove_suppression(address: str) -> None:
    """Sends to an address again."""
    async with connect(Installation.read()) as services:
        await services.suppressions.RemoveSuppression(RemoveSuppressionRequest(address=address))
    Teller().good(f"{address} is not suppressed any more")


async def tail_events(number: int, *, everything: bool) -> None:
    """Prints events as they arrive; ends after `number` of them, or never when it is 0."""
    teller = Teller()
    async with Tail.open(Installation.read().wire, everything=everything) as tail:
        counter = count(1)
        async for event in tail.follow():
            teller.say(f"{event.time}  {event.subject:<20} {event.resource}  {json.dumps(event.data)}")
            if next(counter) == number:
                return


async def show_account() -> None:
    """Prints what is known of the SES account in each region."""
    async with connect(Installation.read()) as services:
        accounts = (await services.verifier.GetSesAccount(GetSesAccountRequest())).accounts
    columns = ("region", "state", "emails/s", "in 24 h", "sent", "note")
    Teller().table(columns, [
        (each.region, _word(SesAccount.State, each.state), f"{each.max_send_rate:g}",
         f"{each.max_24_hour_send:g}", f"{each.sent_last_24_hours:g}", each.state_note)
        for each in accounts
    ])  # fmt: skip


async def publish_records(name: str) -> None:
    """Publishes every record of a domain in the sandbox's DNS."""
    installation = Installation.read()
    async with connect(installation) as services, connect_sandbox(installation.control) as sandbox:
        domain = (await services.domains.GetDomain(GetDomainRequest(name=name))).domain
        for record in domain.records:
            await sandbox.publish(
                _word(DnsRecord.Type, record.type), record.name, record.value, priority=record.priority
            )
            Teller().good(f"{_word(DnsRecord.Type, record.type)} {record.name}")


async def list_mailbox(limit: int) -> None:
    """Prints the newest emails in the sandbox's mailbox."""
    async with connect_sandbox(Installation.read().control) as sandbox:
        emails = [await sandbox.email(each["id"]) for each in await sandbox.emails(limit=limit)]
    columns = ("from", "to", "subject", "mailed_by", "signed_by")
    Teller().table(columns, [[each[column] for column in columns] for each in emails])


def _tell_domain(teller: Teller, domain: Domain) -> None:
    teller.heading(f"{domain.display_name}: {_word(Domain.State, domain.state)}")
    teller.say(domain.state_note)
    teller.table(("for", "type", "name", "value", "ttl"), map(row, domain.records))


def _tell_checks(teller: Teller, verification: Verification) -> None:
    for check in verification.records:
        verdict = _word(RecordCheck.Verdict, check.verdict)
        tell = teller.good if check.verdict == RecordCheck.VERDICT_FOUND else teller.waiting
        tell(f"{label(check.record)}: {verdict}" + (f" — {check.hint}" if check.hint else ""))


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], *, more: bool) -> None:
    teller = Teller()
    teller.table(columns, rows)
    if more:
        teller.say("There are more: ask for a larger --limit.")


def _word(enum: object, value: int) -> str:
    """The bare word of an enum's value: READY for STATE_READY."""
    return enum.Name(value).split("_", 1)[1]  # type: ignore[attr-defined,no-any-return]
