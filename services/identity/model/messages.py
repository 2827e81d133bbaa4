"""The sentence of each reason: what a domain waits for, and what to do next. Pure."""

from collections.abc import Mapping, Sequence
from typing import Unpack

from chassis.sentences import Sentences, formatted, mentioned
from services.identity.model.reasons import DomainParameters, DomainReason, Explanation

MAX_TEXT = 500  # characters of a parameter: AWS may send more

MESSAGES: Mapping[DomainReason, str] = {
    DomainReason.PROVISIONING: (
        "Letterhead is creating the domain at SES. Its DNS records appear here within seconds."
    ),
    DomainReason.RECORDS_SHOWN: (
        "Publish the records shown. Letterhead checks for them and marks the domain READY."
    ),
    DomainReason.DELETING: (
        "Sending has stopped. Emails in flight finish first, then the SES identity is deleted."
    ),
    DomainReason.EMAILS_IN_FLIGHT: "Waiting for emails in flight: {emails_in_flight}.",
    DomainReason.DELETED: (
        "This domain is deleted. Remove its DNS records, or create the domain again to use it."
    ),
    DomainReason.SUPERSEDED: (
        "Another account proved control of this domain, so this account can no longer send from it. Delete "
        "the domain here. To claim it again, create it and publish the TXT record shown."
    ),
    DomainReason.SES_THROTTLED: "SES throttled the request.",
    DomainReason.SES_CREDENTIALS_REJECTED: (
        "AWS rejected Letterhead's credentials ({ses_message}). An operator must fix them."
    ),
    DomainReason.SES_CREDENTIALS_MISSING: "Letterhead has no AWS credentials. An operator must add them.",
    DomainReason.SES_ACCOUNT_SUSPENDED: (
        "AWS suspended the SES account ({ses_message}). An operator must contact AWS."
    ),
    DomainReason.SES_REQUEST_REJECTED: "SES rejected the request ({ses_message}).",
    DomainReason.SES_IDENTITY_LIMIT_REACHED: (
        "The account has reached its limit of SES identities in {region} ({ses_message})."
    ),
    DomainReason.SES_CONFIGURATION_SET_MISSING: (
        "SES returned not found ({ses_message}). Check that configuration set {configuration_set!r} exists."
    ),
    DomainReason.SES_ERROR: "SES in {region} returned an error ({ses_code}).",
    DomainReason.SES_RESPONSE_INCOMPLETE: "SES in {region} returned an incomplete response.",
    DomainReason.SES_UNREACHABLE: "SES in {region} did not respond.",
    DomainReason.SES_IDENTITY_NOT_OURS: (
        "SES has an identity of this name that Letterhead did not create, so Letterhead does not change it. "
        "An operator can delete it at SES, or hand it to Letterhead by adding the tag {tag}."
    ),
    DomainReason.SES_CONTRADICTORY: "SES returned contradictory results for this identity.",
    DomainReason.SES_DKIM_TOKENS_MISSING: "SES returned no DKIM tokens.",
}
# Each request to SES is retried. The first sentence whose parameters are all known replaces that of MESSAGES.
DETAILED: Mapping[DomainReason, Sequence[str]] = {
    reason: (f"{MESSAGES[reason]} Letterhead retries automatically, next in {{retry_seconds}} s.",)
    for reason in MESSAGES
    if reason.startswith("SES_")
}
SENTENCES = Sentences(MESSAGES, DETAILED)


def explain(reason: DomainReason, **parameters: Unpack[DomainParameters]) -> Explanation:
    """Return a reason with its sentence and the parameters that this mentions, with long texts cut."""
    sentence = SENTENCES.template(reason, parameters)
    own = {name: _cut(value) for name, value in parameters.items() if name in mentioned(sentence)}
    return Explanation(reason, own, formatted(sentence, own))


def _cut(value: object) -> object:
    return f"{value[: MAX_TEXT - 1]}…" if isinstance(value, str) and len(value) > MAX_TEXT else value
