"""The sentences shown on the pages, such as the purpose of a record and the status of a domain. Pure."""

from collections import defaultdict

from letterhead.access.v1 import scope_pb2
from letterhead.events.v1.email_reason_pb2 import EMAIL_REASON_BOUNCED_ELSEWHERE
from letterhead.identity.v1.api_keys_pb2 import ApiKey
from letterhead.identity.v1.domain_reason_pb2 import DomainReason
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain
from letterhead.identity.v1.tenants_pb2 import Tenant
from letterhead.sender.v1.emails_pb2 import Email, Recipient, TimelineEntry
from letterhead.verifier.v1.check_reason_pb2 import CheckReason
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console import check_messages, chips, domain_messages, email_messages
from services.console.domain_status import OWNERSHIP

_LABELS = {
    DnsRecord.PURPOSE_DKIM: "DKIM",
    DnsRecord.PURPOSE_RETURN_PATH: "Outbound mail return path",
    DnsRecord.PURPOSE_SPF: "Outbound mail SPF",
    DnsRecord.PURPOSE_INBOUND: "Inbound mail",
    DnsRecord.PURPOSE_DMARC: "DMARC policy",
    DnsRecord.PURPOSE_OWNERSHIP: "Proof of ownership",
}
_PURPOSES = {
    DnsRecord.PURPOSE_DKIM: "Signs your email so that receivers can verify it comes from you.",
    DnsRecord.PURPOSE_RETURN_PATH: "Receives bounces, so that you can see which emails failed.",
    DnsRecord.PURPOSE_SPF: "Authorizes the mail service to send for your domain.",
    DnsRecord.PURPOSE_INBOUND: "Routes incoming email for this domain to the mail service.",
    DnsRecord.PURPOSE_DMARC: "Tells receivers what to do with email that fails authentication.",
    DnsRecord.PURPOSE_OWNERSHIP: "Proves that you control the domain.",
}
# Record statuses for which the page shows what is published instead of the record.
SEEN_INSTEAD = (RecordCheck.STATUS_MISMATCH, RecordCheck.STATUS_CONFLICT)
# States of domains whose records were all found once.
_WERE_THERE = (Domain.STATE_READY, Domain.STATE_DEGRADED, Domain.STATE_LOST)
# States that do not change without an action, or not soon.
_RESTING = frozenset(Email.State.values()) - {
    Email.STATE_QUEUED,
    Email.STATE_SENDING,
    Email.STATE_UNKNOWN,
    Email.STATE_SENT,
}
# States in which an email is not being sent, as far as is known.
_STAYING = (
    Email.STATE_SUPPRESSED,
    Email.STATE_FAILED,
    Email.STATE_CANCELED,
    Email.STATE_EXPIRED,
    Email.STATE_HELD,
)
# States of recipients that do not get the email.
_NOT_ACCEPTED = (Recipient.STATE_BOUNCED, Recipient.STATE_SUPPRESSED)
_SCOPES = {
    scope_pb2.SCOPE_ADMIN: "Operator access to all tenants",
    scope_pb2.SCOPE_FULL_ACCESS: "Full access",
    scope_pb2.SCOPE_SENDING_ACCESS: "Sending only",
    scope_pb2.SCOPE_SERVICE: "Service to service",
}
_POLICIES = {
    Tenant.UNREADY_POLICY_REFUSE: "Rejected",
    Tenant.UNREADY_POLICY_SHARED: "Sent through the shared sender, shown as “via”",
}


def label(record: DnsRecord) -> str:
    """Return the title of a record, named by its purpose, such as `DKIM 1 of 3`."""
    name = _LABELS.get(record.purpose, "Record")
    return f"{name} {record.ordinal} of 3" if record.purpose == DnsRecord.PURPOSE_DKIM else name


def purpose(record: DnsRecord) -> str:
    """Return a sentence on what a record does for the domain's owner."""
    return _PURPOSES.get(record.purpose, "")


def purpose_word(record: DnsRecord) -> str:
    """Return the purpose as part of an HTML id, such as `return-path`."""
    name = DnsRecord.Purpose.Name(record.purpose) if record.purpose in _LABELS else "PURPOSE_OTHER"
    return name.removeprefix("PURPOSE_").lower().replace("_", "-")


def type_of(record: DnsRecord) -> str:
    """Return `CNAME`, `MX` or `TXT`."""
    return DnsRecord.Type.Name(record.type).removeprefix("TYPE_")


def key_scope(scope: scope_pb2.Scope.ValueType) -> str:
    """Return a description of a key's scope."""
    return _SCOPES.get(scope, "")


def revocable(key: ApiKey) -> bool:
    """Return whether a key can be revoked on the page; the key that the services share cannot."""
    return key.scope != scope_pb2.SCOPE_SERVICE and not key.HasField("revoke_time")


def unready_policy(policy: Tenant.UnreadyPolicy.ValueType) -> str:
    """Return what happens to email from a domain that is not ready."""
    return _POLICIES.get(policy, "")


def moving(email: Email) -> bool:
    """Return whether an email's state is about to change, so that its page should refresh."""
    if email.state == Email.STATE_SENT:
        return any(each.state == Recipient.STATE_PENDING for each in email.recipients)
    return email.state not in _RESTING and not email.HasField("scheduled_time")


def leaves(email: Email) -> bool:
    """Return whether an email was sent, or is being sent, as far as is known."""
    return email.state not in _STAYING


def arrives(email: Email) -> bool:
    """Return whether a receiver has accepted an email or still may."""
    return any(each.state not in _NOT_ACCEPTED for each in email.recipients)


def journey(email: Email) -> str:
    """Return the status of an email in a few words."""
    if email.state != Email.STATE_SENT:
        return "Sending" if moving(email) else chips.email_state(email.state).word
    states = {each.state for each in email.recipients}
    if Recipient.STATE_PENDING in states:
        return "Sent, waiting for delivery confirmation"
    return chips.recipient_state(states.pop()).word if len(states) == 1 else "Sent"


def last_message(email: Email) -> str:
    """Return the last response of a receiver; before there is one, the last event of the email."""
    if responses := [each for each in email.recipients if each.state_message]:
        return email_messages.of_state(responses[-1])
    own = _addresses(email)
    entries = [
        each for each in email.timeline if each.message and (not each.recipients or own & _named(each))
    ]
    if entries and email.state_reason != EMAIL_REASON_BOUNCED_ELSEWHERE:
        return email_messages.of_entry(entries[-1])
    return email_messages.of_state(email)


def others(email: Email) -> dict[str, list[TimelineEntry]]:
    """Return what was reported about addresses that an email was not sent to, by address in lower case."""
    own, found = _addresses(email), defaultdict(list)
    for entry in email.timeline:
        for address in sorted(_named(entry) - own):
            found[address].append(entry)
    return found


def _addresses(email: Email) -> set[str]:
    return {each.address.address.lower() for each in email.recipients}


def _named(entry: TimelineEntry) -> set[str]:
    return {each.lower() for each in entry.recipients}


def advice(check: RecordCheck, state: Domain.State.ValueType = Domain.STATE_PENDING) -> str:
    """Return what to do about a record of a domain in a state, or its status if there is nothing to do."""
    if check.reason == CheckReason.CHECK_REASON_NOT_THERE and check.record.required and state in _WERE_THERE:
        return check_messages.NO_LONGER_THERE.format(zone=check.parameters.zone)
    if message := check_messages.of_check(check):
        return message
    if check.status == RecordCheck.STATUS_FOUND:
        return f"Found on {_servers(check)}."
    return "Checking your name servers."


def status_line(domain: Domain) -> str:
    """Return the status of a domain in a list, in a few words."""
    if domain.ownership in OWNERSHIP and domain.state not in (Domain.STATE_DELETING, Domain.STATE_DELETED):
        return OWNERSHIP[domain.ownership][0]
    if domain.state_reason == DomainReason.DOMAIN_REASON_RECORDS_GONE:
        return domain_messages.of_state(domain)
    if domain.state == Domain.STATE_PENDING:
        return domain_messages.of_state(domain) or "Waiting for DNS records"
    return {
        Domain.STATE_PROVISIONING: "DNS records follow in a few seconds",
        Domain.STATE_READY: "Sends under its own name",
        Domain.STATE_DEGRADED: "A check that passed before now fails",
        Domain.STATE_LOST: "Records were broken for 72 hours",
        Domain.STATE_FAILED: "Not ready within 72 hours",
        Domain.STATE_DELETING: "No longer sends email",
    }.get(domain.state, "")


def state_word(name: str) -> str:
    """Return the label of a domain state, given its proto name such as `READY`."""
    return chips.domain_state(Domain.State.Value(f"STATE_{name}")).word


def _servers(check: RecordCheck) -> str:
    if check.servers_asked == 1:
        return "your name server"
    return f"{check.servers_agreeing} of {check.servers_asked} name servers"
