"""The sentences of the pages about the checks of records, by reason. Pure."""

import re
from collections.abc import Mapping, Sequence

from chassis.sentences import Sentences
from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1 import check_reason_pb2 as pb
from letterhead.verifier.v1.check_parameters_pb2 import CheckParameters
from letterhead.verifier.v1.verifier_pb2 import RecordCheck

# Beside the sentence, the page shows the record with the name to enter.
MESSAGES: Mapping[int, str] = {
    pb.CHECK_REASON_AS_SHOWN: "",
    pb.CHECK_REASON_OTHER_PRIORITY: (
        "This MX record has another priority than {priority}. No change is needed: any priority works."
    ),
    pb.CHECK_REASON_WIDER_SPF: (
        "This SPF record differs from the one shown, but it allows the mail service to send. No change is "
        "needed."
    ),
    pb.CHECK_REASON_PARENT_COVERS: "The DMARC policy at {found_name} covers this name. No change is needed.",
    pb.CHECK_REASON_OWN_POLICY: "You publish your own DMARC policy. No change is needed.",
    pb.CHECK_REASON_NOT_THERE: "Not found yet. Add it to the DNS zone {zone}.",
    pb.CHECK_REASON_OTHER_TYPE: (
        "{name} exists but has no {type} record. Check the record type. If your provider proxies this name, "
        "set it to DNS only."
    ),
    pb.CHECK_REASON_UNREGISTERED: (
        "The domain registry does not list {registrable_domain}. Register the domain, or set its name "
        "servers at your registrar."
    ),
    pb.CHECK_REASON_ZONE_APPENDED: (
        "Your provider appended the zone name, so the record is at {found_name}. Enter the name as "
        "{relative_name}."
    ),
    pb.CHECK_REASON_AT_DOMAIN: (
        "The record is at {domain}, one level too high. Move it to {name}; many providers expect the name "
        "{relative_name}."
    ),
    pb.CHECK_REASON_AT_ZONE: (
        "There is such a record at {found_name}, one level too high. Add it at {name}; many providers expect "
        "the name {relative_name}."
    ),
    pb.CHECK_REASON_LABEL_REPEATED: (
        "The record is at {found_name}, one level too low. Enter the name as {relative_name}."
    ),
    pb.CHECK_REASON_UNDERSCORE_MISSING: (
        "The record is at {found_name}, without the underscore. Enter the name as {relative_name}."
    ),
    pb.CHECK_REASON_DELEGATED: (
        "{zone} has name servers of its own: {asked_servers}. Add the {type} record there, or delete the NS "
        "records of {zone} and add it in the DNS of {domain}."
    ),
    pb.CHECK_REASON_SPF_TYPE: (
        "The SPF record at {name} has the obsolete type SPF, which receivers ignore. Add it as a TXT record."
    ),
    pb.CHECK_REASON_MISTYPED: (
        "Points to {seen}, which differs from {value} at character {position}. Correct the value."
    ),
    pb.CHECK_REASON_TARGET_IS_URL: "The value is a URL: {seen}. Enter only the host name: {value}.",
    pb.CHECK_REASON_TARGET_IS_ADDRESS: (
        "The value is an IP address: {seen}. A record of type {type} needs a host name: {value}."
    ),
    pb.CHECK_REASON_SPACE_AROUND: "The value has a space at its start or end. Enter it without: {value}.",
    pb.CHECK_REASON_TYPE_IN_VALUE: "The value includes the type of the record: {seen}. Enter only {value}.",
    pb.CHECK_REASON_AS_TEXT: (
        "There is a TXT record at {name} instead of a CNAME record. Delete it and add a CNAME record with "
        "the value {value}."
    ),
    pb.CHECK_REASON_WILDCARD: (
        "Only a wildcard record in {zone} answers for {name}, with {seen}. Add a {type} record at exactly "
        "this name: it takes precedence over the wildcard."
    ),
    pb.CHECK_REASON_OTHER_TARGET: "Points to {seen} instead of {value}. Correct the value.",
    pb.CHECK_REASON_OTHER_ROW: (
        "Points to {seen}, which is the value of another DKIM record. Set the value to {value}."
    ),
    pb.CHECK_REASON_POINTS_AT_ITSELF: "This record points to itself. Set the value to {value}.",
    pb.CHECK_REASON_TARGET_ZONE_APPENDED: (
        "Your provider appended the zone name to the value: it points to {seen}. Enter the value with a "
        "trailing dot: {value}."
    ),
    pb.CHECK_REASON_PRIORITY_IN_TARGET: (
        "The value includes the priority: {seen}. Enter {priority} as the priority and {value} as the value."
    ),
    pb.CHECK_REASON_OTHER_REGION: (
        "Points to {seen}, which is the mail service in another region. Set the value to {value}."
    ),
    pb.CHECK_REASON_OTHER_TEXT: (
        "The TXT record at {name} has another value: {seen}. Add a second TXT record with the value {value}."
    ),
    pb.CHECK_REASON_OTHER_TOKEN: "The published token is not the current one. Publish {value}.",
    pb.CHECK_REASON_WILDCARD_PROOF: (
        "A wildcard record in {zone} answers for {name}, and a wildcard does not prove ownership. Add a TXT "
        "record with exactly this name. You can keep the wildcard."
    ),
    pb.CHECK_REASON_WILDCARD_UNKNOWN: (
        "The record was found, but the check for a wildcard record got no answer. We keep checking."
    ),
    pb.CHECK_REASON_QUOTED: "The value contains quotation marks. Enter it without them: {value}.",
    pb.CHECK_REASON_SPF_WITHOUT_SES: (
        "The SPF record does not allow the mail service to send: {seen}. Replace it with {value}."
    ),
    pb.CHECK_REASON_SPF_MALFORMED: "The SPF record is malformed: {seen}. Replace it with {value}.",
    pb.CHECK_REASON_SPF_NOT_FIRST: (
        "Receivers do not see this record as SPF, because it begins with {character}. It must begin with "
        "v=spf1. Replace it with {value}."
    ),
    pb.CHECK_REASON_SPF_TERM: (
        "The SPF record of {spf_domain} is invalid, so receivers reject all of it: {term} is not a valid "
        "term. Correct or remove it."
    ),
    pb.CHECK_REASON_SPF_TERM_MISSPELT: (
        "The SPF record of {spf_domain} is invalid, so receivers reject all of it: {term} is not a valid "
        "term. Did you mean {suggestion}?"
    ),
    pb.CHECK_REASON_SPF_LOOKUPS: (
        "The SPF record needs more than 10 DNS lookups, so receivers reject all of it; {term} is the first "
        "too many. Remove some include, a, mx, ptr, exists or redirect terms."
    ),
    pb.CHECK_REASON_SPF_VOID_LOOKUPS: (
        "More than two terms of the SPF record lead to names without DNS records, so receivers reject all of "
        "it. Remove the terms that are no longer in use, such as {term}."
    ),
    pb.CHECK_REASON_SPF_OTHER_RECORD: (
        "The SPF record is invalid, because of {term} of {spf_domain}: that domain has no SPF record, "
        "several, or too many mail servers. Correct or remove the term."
    ),
    pb.CHECK_REASON_SPF_PARTLY: (
        "The SPF record allows the mail service to send only from a part of its addresses: {seen}. Add "
        "{include} before the last term, or replace the record with {value}."
    ),
    pb.CHECK_REASON_SPF_UNREACHABLE: (
        "The SPF record could not be evaluated, because the name servers of {spf_domain} did not answer. We "
        "keep trying."
    ),
    pb.CHECK_REASON_DMARC_MALFORMED: (
        "The DMARC record is malformed, so receivers ignore it: {seen}. It must start with v=DMARC1 and "
        "include a policy, for example {value}."
    ),
    pb.CHECK_REASON_DMARC_WEAKER: (
        "This DMARC policy is weaker than the recommended one: {seen}. Change it to match {value}."
    ),
    pb.CHECK_REASON_ALIAS_IN_THE_WAY: (
        "The CNAME record at {name} hides every other record there; it points to {seen}. Delete it, then add "
        "the {type} record."
    ),
    pb.CHECK_REASON_SECOND_MX: (
        "{name} has several MX records, but the mail service accepts exactly one. Keep {value} and delete "
        "the others."
    ),
    pb.CHECK_REASON_OTHER_MX: (
        "Another mail server receives email for {name}. Keep it unless email for this domain should come "
        "here: replacing it would stop your mail."
    ),
    pb.CHECK_REASON_SECOND_CNAME: (
        "{name} has several CNAME records, but a name can have only one: {value}. Delete the others."
    ),
    pb.CHECK_REASON_TWO_SPF: "There are two SPF records, so receivers accept neither. Keep one: {value}.",
    pb.CHECK_REASON_TWO_DMARC: "There are two DMARC records, so receivers ignore both. Keep one.",
    pb.CHECK_REASON_SOME_SERVERS: (
        "{servers_agreeing} of {servers_asked} name servers have the record; still waiting for "
        "{lacking_servers}. This usually takes a few minutes."
    ),
    pb.CHECK_REASON_SERVERS_FAIL: (
        "{servers} failed to answer (SERVFAIL). Check the zone {zone} at your DNS provider."
    ),
    pb.CHECK_REASON_SERVERS_REFUSE: (
        "{servers} refused to answer. Check that your registrar lists the name servers of your DNS provider."
    ),
    pb.CHECK_REASON_SERVERS_LAME: (
        "{servers} gave a non-authoritative answer for {zone}. Correct the name servers at your registrar."
    ),
    pb.CHECK_REASON_SERVERS_UNRESPONSIVE: (
        "{servers} did not answer in time. We keep trying; if this persists, contact your DNS provider."
    ),
    pb.CHECK_REASON_SERVERS_MALFORMED: (
        "{servers} returned a malformed DNS response. We keep trying; if this persists, contact your DNS "
        "provider."
    ),
    pb.CHECK_REASON_ALIAS_LOOP: "The CNAME records at {name} form a loop. Delete them.",
    pb.CHECK_REASON_SERVERS_WITHOUT_ADDRESS: (
        "The name servers of {zone} have no IP address. Correct the name servers at your registrar."
    ),
    pb.CHECK_REASON_SERVERS_FORBIDDEN: (
        "{servers} resolved to a private or reserved address, which the Internet cannot reach. Correct the "
        "name servers at your registrar."
    ),
}
_INCONCLUSIVE = (
    pb.CHECK_REASON_SPF_UNREACHABLE,
    pb.CHECK_REASON_SERVERS_FAIL,
    pb.CHECK_REASON_SERVERS_REFUSE,
    pb.CHECK_REASON_SERVERS_LAME,
    pb.CHECK_REASON_SERVERS_UNRESPONSIVE,
    pb.CHECK_REASON_SERVERS_MALFORMED,
    pb.CHECK_REASON_ALIAS_LOOP,
    pb.CHECK_REASON_SERVERS_WITHOUT_ADDRESS,
    pb.CHECK_REASON_SERVERS_FORBIDDEN,
)
DETAILED: Mapping[int, Sequence[str]] = {
    **{
        reason: (f"{MESSAGES[reason]} {{negative_servers}} answered, but without the record shown.",)
        for reason in _INCONCLUSIVE
    },
    pb.CHECK_REASON_MISTYPED: (
        "Points to {seen}: {found_text} at character {position} must be {shown_text}. Set it to {value}.",
        "Points to {seen}: {shown_text} is missing at character {position}. Set it to {value}.",
        "Points to {seen}: {found_text} at character {position} is too much. Set it to {value}.",
    ),
}
SENTENCES = Sentences(MESSAGES, DETAILED)
# Instead of the sentence of NOT_THERE, about a record that was found before.
NO_LONGER_THERE = "No longer found. Add it to the DNS zone {zone} again."
TOKEN_SHOWN = 6
# A DKIM token; the record next to the sentence shows all of it.
_TOKEN = re.compile(r"\b[a-z0-9]{32}\b")


def of_check(check: RecordCheck) -> str:
    """Return what is wrong with a record and what to do; empty if nothing is.

    That is verifier's message if another release stored a reason that is unknown here.
    """
    if check.reason not in SENTENCES:
        return check.message
    return SENTENCES.sentence(check.reason, _texts(check.parameters))


def _texts(parameters: CheckParameters) -> dict[str, object]:
    """Return the parameters as a sentence mentions them."""
    texts = {field.name: _text(value) for field, value in parameters.ListFields()}
    if parameters.type:
        texts["type"] = DnsRecord.Type.Name(parameters.type).removeprefix("TYPE_")
    return texts


def _text(value: object) -> object:
    """Return a value with its DKIM token shortened."""
    return _TOKEN.sub(lambda token: f"{token[0][:TOKEN_SHOWN]}…", value) if isinstance(value, str) else value
