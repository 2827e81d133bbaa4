"""The sentences of the pages about the states of domains, by reason. Pure."""

from collections.abc import Mapping, Sequence

from chassis.sentences import Sentences
from letterhead.identity.v1 import domain_reason_pb2 as pb
from letterhead.identity.v1.domains_pb2 import DnsRecord, Domain, DomainParameters
from letterhead.verifier.v1.verifier_pb2 import Verification

MESSAGES: Mapping[int, str] = {
    pb.DOMAIN_REASON_PROVISIONING: "The domain is being set up. Its DNS records appear here within seconds.",
    pb.DOMAIN_REASON_RECORDS_SHOWN: "Publish the records shown. They are checked automatically.",
    pb.DOMAIN_REASON_DELETING: "Sending has stopped. Emails in flight finish first.",
    pb.DOMAIN_REASON_EMAILS_IN_FLIGHT: "Waiting for emails in flight: {emails_in_flight}.",
    pb.DOMAIN_REASON_DELETED: (
        "This domain is deleted. Remove its DNS records, or add the domain again to use it."
    ),
    pb.DOMAIN_REASON_SES_THROTTLED: "The mail service is busy.",
    pb.DOMAIN_REASON_SES_CREDENTIALS_REJECTED: (
        "The mail service rejected the credentials of this installation. The operator must fix them."
    ),
    pb.DOMAIN_REASON_SES_CREDENTIALS_MISSING: (
        "This installation has no credentials for the mail service. The operator must add them."
    ),
    pb.DOMAIN_REASON_SES_ACCOUNT_SUSPENDED: (
        "The mail service suspended the operator's account. The operator must contact it."
    ),
    pb.DOMAIN_REASON_SES_REQUEST_REJECTED: (
        "The mail service rejected the domain. The operator can see the reason and must fix it."
    ),
    pb.DOMAIN_REASON_SES_IDENTITY_LIMIT_REACHED: (
        "The operator's account has as many domains as the mail service allows. The operator must raise the "
        "limit."
    ),
    pb.DOMAIN_REASON_SES_CONFIGURATION_SET_MISSING: (
        "The mail service is not set up completely. The operator must finish its setup."
    ),
    pb.DOMAIN_REASON_SES_ERROR: "The mail service has a problem.",
    pb.DOMAIN_REASON_SES_RESPONSE_INCOMPLETE: "The mail service returned an incomplete response.",
    pb.DOMAIN_REASON_SES_UNREACHABLE: "The mail service did not respond.",
    pb.DOMAIN_REASON_SES_IDENTITY_NOT_OURS: (
        "The mail service already has this domain from elsewhere, so it is not changed. The operator must "
        "release it there."
    ),
    pb.DOMAIN_REASON_SES_CONTRADICTORY: "The mail service returned contradictory results for this domain.",
    pb.DOMAIN_REASON_SES_DKIM_TOKENS_MISSING: "The mail service has no DKIM records for this domain yet.",
    pb.DOMAIN_REASON_FIRST_CHECK_DUE: "Waiting for the first DNS check.",
    pb.DOMAIN_REASON_WAITING_FOR_RECORDS: (
        "Waiting for {waiting_records} of {required_records} records in DNS: {purposes}."
    ),
    pb.DOMAIN_REASON_WAITING_FOR_SES: (
        "All DNS records are correct; waiting for the mail service to confirm them, which usually takes a "
        "few minutes."
    ),
    pb.DOMAIN_REASON_SES_CHECK_REQUESTED: (
        "All DNS records are correct; the mail service is being asked to check again."
    ),
    pb.DOMAIN_REASON_CAN_SEND: "The domain is verified and can send.",
    pb.DOMAIN_REASON_RECORDS_GONE: (
        "{waiting_records} of {required_records} records are gone or wrong in DNS: {purposes}. Restore them."
    ),
    pb.DOMAIN_REASON_PROOF_DUE: (
        "Publish the TXT record shown to prove that you control this domain. The other records appear once "
        "it is found."
    ),
    pb.DOMAIN_REASON_CHALLENGER: (
        "Your TXT record was found. Another account sends from this domain and has 72 hours to prove that it "
        "also controls it. Keep your TXT record, and remove any TXT record of the other account."
    ),
    pb.DOMAIN_REASON_CHALLENGED: (
        "Another account proved control of this domain. Publish the TXT record shown before the deadline to "
        "keep the domain; otherwise sending stops."
    ),
    pb.DOMAIN_REASON_SUPERSEDED: (
        "Another account proved control of this domain, so you can no longer send from it. To claim it "
        "again, delete it, add it again, and publish the TXT record shown."
    ),
    pb.DOMAIN_REASON_DISPUTED: (
        "Another account also claims this domain. The TXT record that proves your control of it appears here "
        "within seconds."
    ),
    pb.DOMAIN_REASON_VERIFIED: "DKIM and the return path are verified in DNS and by the mail service.",
    pb.DOMAIN_REASON_VERIFIED_AGAIN: (
        "DKIM and the return path are verified again in DNS and by the mail service."
    ),
    pb.DOMAIN_REASON_NO_LONGER_VERIFIED: (
        "No longer verified: the remaining checks in DNS or at the mail service."
    ),
    pb.DOMAIN_REASON_NOT_VERIFIED_AGAIN: (
        "Not verified for 72 hours: the remaining checks in DNS or at the mail service."
    ),
    pb.DOMAIN_REASON_NOT_VERIFIED_IN_TIME: (
        "Not ready within 72 hours. Not verified: the remaining checks in DNS or at the mail service."
    ),
    pb.DOMAIN_REASON_RECORDS_CHANGED: "The DNS records of this domain changed.",
    pb.DOMAIN_REASON_ANOTHER_ACCOUNT_PROVED: "Another account proved control of this domain.",
}
DETAILED: Mapping[int, Sequence[str]] = {
    pb.DOMAIN_REASON_NO_LONGER_VERIFIED: ("No longer verified: {conditions}.",),
    pb.DOMAIN_REASON_NOT_VERIFIED_AGAIN: ("Not verified for 72 hours: {conditions}.",),
    pb.DOMAIN_REASON_NOT_VERIFIED_IN_TIME: ("Not ready within 72 hours. Not verified: {conditions}.",),
}
SENTENCES = Sentences(MESSAGES, DETAILED)
PURPOSES: Mapping[int, str] = {
    DnsRecord.PURPOSE_DKIM: "DKIM",
    DnsRecord.PURPOSE_RETURN_PATH: "return path",
    DnsRecord.PURPOSE_SPF: "SPF",
}
CONDITIONS: Mapping[int, str] = {
    pb.DOMAIN_CONDITION_DKIM_DNS: "a DKIM record in DNS",
    pb.DOMAIN_CONDITION_MAIL_FROM_DNS: "the return path or its SPF record in DNS",
    pb.DOMAIN_CONDITION_OWNERSHIP: "the ownership record in DNS",
    pb.DOMAIN_CONDITION_SES_DKIM: "DKIM at the mail service",
    pb.DOMAIN_CONDITION_SES_MAIL_FROM: "the return path at the mail service",
    pb.DOMAIN_CONDITION_SES_SENDING: "the sending status at the mail service",
}


def of_state(thing: Domain | Verification) -> str:
    """Return what a domain's state waits for.

    That is the service's message if another release stored a reason that is unknown here.
    """
    if thing.state_reason not in SENTENCES:
        return thing.state_message
    return SENTENCES.sentence(thing.state_reason, _texts(thing.state_parameters))


def _texts(parameters: DomainParameters) -> dict[str, object]:
    """Return the parameters as a sentence mentions them."""
    texts = {field.name: value for field, value in parameters.ListFields()}
    for name, words in (("purposes", PURPOSES), ("conditions", CONDITIONS)):
        if name in texts:
            texts[name] = [words.get(each, "another one") for each in texts[name]]
    return texts
