"""The sentences that people read on the pages: what a record is for, where a domain stands. Pure.

Hints and notes come from the services that wrote them; `plain` only says them without the machinery's names.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from letterhead.identity.v1.api_keys_pb2 import ApiKey
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.sender.v1.emails_pb2 import Email, Recipient
from letterhead.sender.v1.suppressions_pb2 import Suppression
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, Verification
from services.console import chips

_LABELS = {
    DnsRecord.PURPOSE_DKIM: "DKIM",
    DnsRecord.PURPOSE_RETURN_PATH: "Outbound mail return path",
    DnsRecord.PURPOSE_SPF: "Outbound mail SPF",
    DnsRecord.PURPOSE_INBOUND: "Inbound mail",
    DnsRecord.PURPOSE_DMARC: "DMARC policy",
    DnsRecord.PURPOSE_OWNERSHIP: "Proof of ownership",
}
_PURPOSES = {
    DnsRecord.PURPOSE_DKIM: "Signs your email, so that receivers know it is yours.",
    DnsRecord.PURPOSE_RETURN_PATH: "Brings bounces back, so that you hear of them.",
    DnsRecord.PURPOSE_SPF: "Allows your email to leave from here.",
    DnsRecord.PURPOSE_INBOUND: "Brings email for this domain here.",
    DnsRecord.PURPOSE_DMARC: "Tells receivers what to do with forgeries.",
    DnsRecord.PURPOSE_OWNERSHIP: "Shows that the domain is yours.",
}
# Where something else stands than the record.
SEEN_INSTEAD = (RecordCheck.VERDICT_MISMATCH, RecordCheck.VERDICT_CONFLICT)
# Where a domain's email leaves as its own.
SENDING = (Domain.STATE_READY, Domain.STATE_DEGRADED)
# Where nothing more happens by itself, or not soon.
_RESTING = frozenset(Email.State.values()) - {
    Email.STATE_QUEUED,
    Email.STATE_CLAIMED,
    Email.STATE_UNKNOWN,
    Email.STATE_SENT,
}
# Where an email stays, as far as is known.
_STAYING = (
    Email.STATE_SUPPRESSED,
    Email.STATE_FAILED,
    Email.STATE_CANCELED,
    Email.STATE_EXPIRED,
    Email.STATE_HELD,
)
_SCOPES = {
    ApiKey.SCOPE_ADMIN: "For operators: everything, of every tenant",
    ApiKey.SCOPE_FULL_ACCESS: "Everything",
    ApiKey.SCOPE_SENDING_ACCESS: "Sends email",
    ApiKey.SCOPE_SERVICE: "Between services",
}
_POLICIES = {
    Tenant.UNREADY_POLICY_REFUSE: "is refused",
    Tenant.UNREADY_POLICY_SHARED: "leaves through the shared sender, marked “via”",
}
_HEADLINES = {
    Domain.STATE_PROVISIONING: ("Setting up", "Your records appear here in a few seconds."),
    Domain.STATE_READY: ("Ready to send", "Email from this domain leaves as its own."),
    Domain.STATE_DEGRADED: (
        "Needs attention",
        "Something that was right is gone. Mend what is marked below within 72 hours of the change.",
    ),
    Domain.STATE_LOST: (
        "No longer sending",
        "The records stayed broken for 72 hours. Mend what is marked below, then choose Check again.",
    ),
    Domain.STATE_FAILED: (
        "Not ready in time",
        "72 hours have passed. Add what is missing below, then choose Check again.",
    ),
    Domain.STATE_DELETING: ("Being deleted", "Nothing is sent from this domain any more."),
    Domain.STATE_DELETED: ("Deleted", "Nothing is sent from this domain any more."),
}


# What a domain waits for whose name is not settled comes before what its state says.
_OWNERSHIP = {
    Domain.OWNERSHIP_PROOF_DUE: (
        "Prove that this domain is yours",
        "Add the TXT record below at your DNS provider. The other records appear here once it is found.",
    ),
    Domain.OWNERSHIP_CHALLENGER: (
        "Your proof was found",
        (
            "Another account sends from this domain and has 72 hours to prove that it controls it too. "
            "Keep the TXT record in place. Nothing else is left to do."
        ),
    ),
    Domain.OWNERSHIP_CHALLENGED: (
        "Action needed",
        (
            "Another account proved control of this domain. Add the TXT record below by {deadline} "
            "to keep it, or sending stops then."
        ),
    ),
    Domain.OWNERSHIP_SUPERSEDED: (
        "This domain moved to another account",
        (
            "Another account proved control of it, so nothing is sent from here any more. To claim it again, "
            "delete it, add it and publish the TXT record that it shows."
        ),
    ),
}
_UNPROVEN = ("Not proven in time", "Add the TXT record below, then choose Check again.")


def label(record: DnsRecord) -> str:
    """Names a record by its purpose: `DKIM 1 of 3`."""
    name = _LABELS.get(record.purpose, "Record")
    return f"{name} {record.ordinal} of 3" if record.purpose == DnsRecord.PURPOSE_DKIM else name


def purpose(record: DnsRecord) -> str:
    """Says in a sentence what a record does for its owner."""
    return _PURPOSES.get(record.purpose, "")


def purpose_word(record: DnsRecord) -> str:
    """Returns the purpose as part of an id: `return-path`."""
    name = DnsRecord.Purpose.Name(record.purpose) if record.purpose in _LABELS else "PURPOSE_OTHER"
    return name.removeprefix("PURPOSE_").lower().replace("_", "-")


def type_of(record: DnsRecord) -> str:
    """Returns `CNAME`, `MX` or `TXT`."""
    return DnsRecord.Type.Name(record.type).removeprefix("TYPE_")


def key_scope(scope: ApiKey.Scope.ValueType) -> str:
    """Says what a key may do."""
    return _SCOPES.get(scope, "")


def revocable(key: ApiKey) -> bool:
    """Says whether a key can be revoked here: not the one by which the services know each other."""
    return key.scope != ApiKey.SCOPE_SERVICE and not key.HasField("revoke_time")


def why(suppression: Suppression) -> str:
    """Says what led to a suppression; a person's own note stays as it was written."""
    by_hand = suppression.reason == Suppression.REASON_MANUAL
    return suppression.note if by_hand else plain(suppression.note)


def unready_policy(policy: Tenant.UnreadyPolicy.ValueType) -> str:
    """Says what happens to email from a domain that is not ready."""
    return _POLICIES.get(policy, "")


def moving(email: Email) -> bool:
    """Says whether more is about to be heard of an email, so that its page should look again."""
    if email.state == Email.STATE_SENT:
        return any(each.state == Recipient.STATE_PENDING for each in email.recipients)
    return email.state not in _RESTING and not email.HasField("scheduled_time")


def leaves(email: Email) -> bool:
    """Says whether an email is with its readers, or on its way there as far as is known."""
    return email.state not in _STAYING


def journey(email: Email) -> str:
    """Says in a few words where an email is."""
    if email.state != Email.STATE_SENT:
        return "On its way" if moving(email) else chips.email_state(email.state).word
    states = {each.state for each in email.recipients}
    if Recipient.STATE_PENDING in states:
        return "Sent. Waiting to hear from the receiver"
    return chips.recipient_state(states.pop()).word if len(states) == 1 else "Sent"


def last_note(email: Email) -> str:
    """Says what a receiver said; before that, what happened last."""
    told = [each.state_note for each in email.recipients if each.state_note]
    return plain((told or [entry.note for entry in email.timeline if entry.note] or [email.state_note])[-1])


def advice(check: RecordCheck) -> str:
    """Says what to do about a record, or what was seen of it when there is nothing to do."""
    if check.hint:
        if not_there := _NOT_THERE.match(check.hint):
            return f"Not there yet. Add it in the DNS of {not_there[1]}."
        return _TOKEN.sub(lambda token: f"{token[0][:TOKEN_SHOWN]}…", plain(check.hint))
    if check.verdict == RecordCheck.VERDICT_FOUND:
        return f"Seen at {_servers(check)}."
    return "Asking your name servers."


def found(checks: Sequence[RecordCheck]) -> tuple[int, int]:
    """Counts the required records that are found, and all that are required."""
    required = [check for check in checks if check.record.required]
    return sum(check.verdict == RecordCheck.VERDICT_FOUND for check in required), len(required)


def headline(known: Verification) -> tuple[str, str]:
    """Says where a domain stands and what comes next."""
    if (ownership := _ownership(known)) is not None:
        return ownership
    if known.state in _HEADLINES:
        return _HEADLINES[known.state]
    there, wanted = found(known.records)
    if there == wanted and wanted:
        return "All records are found", plain(known.state_note)
    return (
        "Add these records",
        "Enter them at your DNS provider. Each turns green here by itself, within seconds.",
    )


def challenged(known: Verification) -> bool:
    """Return whether a domain's owner must act to keep it."""
    return known.ownership == Domain.OWNERSHIP_CHALLENGED


def _ownership(known: Verification) -> tuple[str, str] | None:
    """Return what is to be done about a domain's name; None where it is settled, or the domain is going."""
    if known.state in (Domain.STATE_DELETING, Domain.STATE_DELETED, Domain.STATE_PROVISIONING):
        return None
    if known.state == Domain.STATE_FAILED and known.ownership == Domain.OWNERSHIP_PROOF_DUE:
        return _UNPROVEN
    if known.ownership not in _OWNERSHIP:
        return None
    title, sentence = _OWNERSHIP[known.ownership]
    deadline = known.ownership_deadline_time.ToDatetime().strftime("%-d %B %Y, %H:%M UTC")
    return title, sentence.format(deadline=deadline)


def standing(domain: Domain) -> str:
    """Says in a few words where a domain of a list stands."""
    if domain.ownership in _OWNERSHIP and domain.state not in (Domain.STATE_DELETING, Domain.STATE_DELETED):
        return _OWNERSHIP[domain.ownership][0]
    if domain.state == Domain.STATE_PENDING:
        return plain(domain.state_note) or "Waiting for its DNS records"
    return {
        Domain.STATE_PROVISIONING: "Its records follow in a few seconds",
        Domain.STATE_READY: "Sends as itself",
        Domain.STATE_DEGRADED: "Something that was right is gone",
        Domain.STATE_LOST: "Stayed broken for 72 hours",
        Domain.STATE_FAILED: "Did not become ready within 72 hours",
        Domain.STATE_DELETING: "Sends nothing any more",
    }.get(domain.state, "")


def when(time: datetime, now: datetime | None = None) -> str:
    """Says a time in UTC as people do: how long ago or from now, beyond a week the day."""
    distance = time - (now or datetime.now(UTC).replace(tzinfo=None))
    if abs(distance) < timedelta(minutes=1):
        return "just now" if distance <= timedelta(0) else "in a moment"
    if abs(distance) >= timedelta(days=7):
        return time.strftime("%-d %b %Y")
    minutes = round(abs(distance) / timedelta(minutes=1))
    count, unit = (minutes, "min") if minutes < 60 else (round(minutes / 60), "h")
    if count >= 24 and unit == "h":
        count, unit = round(count / 24), "days"
    said = f"{count} {unit if count > 1 else unit.removesuffix('s')}"
    return f"{said} ago" if distance < timedelta(0) else f"in {said}"


def state_word(name: str) -> str:
    """Returns how a domain's state is called on the pages, by its name in the contract: `READY`."""
    return chips.domain_state(Domain.State.Value(f"STATE_{name}")).word


def sentence(said: str) -> str:
    """Makes a sentence of a service's refusal, whose words begin and end in lower case."""
    said = plain(said.strip())
    said = said[:1].upper() + said[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."


def plain(said: str) -> str:
    """Says a service's sentence to somebody who never heard of what carries the email."""
    begins_upper = said[:1].isupper()
    for pattern, instead in _PLAIN:
        said = pattern.sub(instead, said)
    return said[:1].upper() + said[1:] if begins_upper else said


# Which name to enter, and in what form, stands beside the advice here.
_NOT_THERE = re.compile(r"There is no \w+ record at \S+ yet\. Add it in the DNS of ([^\s;]+);")
# A DKIM token; the whole of it stands in the record beside the advice.
_TOKEN = re.compile(r"\b[a-z0-9]{32}\b")
TOKEN_SHOWN = 6
_PLAIN = (
    (re.compile(r"\bcall VerifyDomain\b"), "choose Check again"),
    (re.compile(r"\bGetDomain shows it and its records\b"), "it is in your list"),
    (re.compile(r"\bGetDomain\b"), "its page"),
    (re.compile(r" with (?:CreateDomain|SendTestCode)\b"), ""),
    (
        re.compile(
            r"\b[Tt]his request_id was used before for something else; use a new one for a new request\b"
        ),
        "this form was sent before, and what it made is in the list; send it again to make another",
    ),
    (re.compile(r"\b(?:(?:Amazon|AWS) )?SES\b"), "the mail service"),
    (re.compile(r"\bAWS\b"), "the mail service"),
)


def _servers(check: RecordCheck) -> str:
    if check.servers_asked == 1:
        return "your name server"
    return f"{check.servers_agreeing} of {check.servers_asked} name servers"
