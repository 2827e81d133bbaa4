"""The sentence of each reason of a record check: what was seen in DNS, and what to do next. Pure."""

from collections.abc import Mapping, Sequence

from chassis.sentences import Sentences, formatted, mentioned
from services.verifier.model.reasons import CheckParameters, CheckReason, Explanation

MESSAGES: Mapping[CheckReason, str] = {
    CheckReason.UNSPECIFIED: "",
    CheckReason.AS_SHOWN: "",
    CheckReason.OTHER_PRIORITY: (
        "This MX record has another priority than {priority}. No change is needed: any priority works."
    ),
    CheckReason.WIDER_SPF: (
        "This SPF record differs from the one shown, but it allows SES to send. No change is needed."
    ),
    CheckReason.PARENT_COVERS: "The DMARC policy at {found_name} covers this name. No change is needed.",
    CheckReason.OWN_POLICY: "You publish your own DMARC policy. No change is needed.",
    CheckReason.NOT_THERE: (
        "There is no {type} record at {name} yet. Add it in the DNS of {zone}, at the provider whose name "
        "servers are {asked_servers}; many expect the name {relative_name}."
    ),
    CheckReason.OTHER_TYPE: (
        "{name} exists but has no {type} record. Check the record type. If your provider proxies this name, "
        "set it to DNS only."
    ),
    CheckReason.UNREGISTERED: (
        "The domain registry does not list {registrable_domain}. Register the domain, or set its name "
        "servers at your registrar."
    ),
    CheckReason.ZONE_APPENDED: (
        "Your provider appended the zone name, so the record is at {found_name}. Enter the name as "
        "{relative_name}."
    ),
    CheckReason.AT_DOMAIN: (
        "The record is at {domain}, one level too high. Move it to {name}; many providers expect the name "
        "{relative_name}."
    ),
    CheckReason.AT_ZONE: (
        "There is such a record at {found_name}, one level too high. Add it at {name}; many providers expect "
        "the name {relative_name}."
    ),
    CheckReason.LABEL_REPEATED: (
        "The record is at {found_name}, one level too low. Enter the name as {relative_name}."
    ),
    CheckReason.UNDERSCORE_MISSING: (
        "The record is at {found_name}, without the underscore. Enter the name as {relative_name}."
    ),
    CheckReason.DELEGATED: (
        "{zone} has name servers of its own: {asked_servers}. Add the {type} record there, or delete the NS "
        "records of {zone} and add it in the DNS of {domain}."
    ),
    CheckReason.SPF_TYPE: (
        "The SPF record at {name} has the obsolete type SPF, which receivers ignore. Add it as a TXT record."
    ),
    CheckReason.MISTYPED: (
        "Points to {seen}, which differs from {value} at character {position}. Correct the value."
    ),
    CheckReason.TARGET_IS_URL: "The value is a URL: {seen}. Enter only the host name: {value}.",
    CheckReason.TARGET_IS_ADDRESS: (
        "The value is an IP address: {seen}. A record of type {type} needs a host name: {value}."
    ),
    CheckReason.SPACE_AROUND: "The value has a space at its start or end. Enter it without: {value}.",
    CheckReason.TYPE_IN_VALUE: "The value includes the type of the record: {seen}. Enter only {value}.",
    CheckReason.AS_TEXT: (
        "There is a TXT record at {name} instead of a CNAME record. Delete it and add a CNAME record with "
        "the value {value}."
    ),
    CheckReason.WILDCARD: (
        "Only a wildcard record in {zone} answers for {name}, with {seen}. Add a {type} record at exactly "
        "this name: it takes precedence over the wildcard."
    ),
    CheckReason.OTHER_TARGET: "Points to {seen} instead of {value}. Correct the value.",
    CheckReason.OTHER_ROW: (
        "Points to {seen}, which is the value of another DKIM record. Set the value to {value}."
    ),
    CheckReason.POINTS_AT_ITSELF: "This record points to itself. Set the value to {value}.",
    CheckReason.TARGET_ZONE_APPENDED: (
        "Your provider appended the zone name to the value: it points to {seen}. Enter the value with a "
        "trailing dot: {value}."
    ),
    CheckReason.PRIORITY_IN_TARGET: (
        "The value includes the priority: {seen}. Enter {priority} as the priority and {value} as the value."
    ),
    CheckReason.OTHER_REGION: "Points to {seen}, which is SES in another region. Set the value to {value}.",
    CheckReason.OTHER_TEXT: (
        "The TXT record at {name} has another value: {seen}. Add a second TXT record with the value {value}."
    ),
    CheckReason.OTHER_TOKEN: "The published token is not the current one. Publish {value}.",
    CheckReason.WILDCARD_PROOF: (
        "A wildcard record in {zone} answers for {name}, and a wildcard does not prove ownership. Add a TXT "
        "record with exactly this name. You can keep the wildcard."
    ),
    CheckReason.WILDCARD_UNKNOWN: (
        "The record was found, but the check for a wildcard record got no answer. We keep checking."
    ),
    CheckReason.QUOTED: "The value contains quotation marks. Enter it without them: {value}.",
    CheckReason.SPF_WITHOUT_SES: (
        "The SPF record does not allow SES to send: {seen}. Replace it with {value}."
    ),
    CheckReason.SPF_MALFORMED: "The SPF record is malformed: {seen}. Replace it with {value}.",
    CheckReason.SPF_NOT_FIRST: (
        "Receivers do not see this record as SPF, because it begins with {character}. It must begin with "
        "v=spf1. Replace it with {value}."
    ),
    CheckReason.SPF_TERM: (
        "The SPF record of {spf_domain} is invalid, so receivers reject all of it: {term} is not a valid "
        "term. Correct or remove it."
    ),
    CheckReason.SPF_TERM_MISSPELT: (
        "The SPF record of {spf_domain} is invalid, so receivers reject all of it: {term} is not a valid "
        "term. Did you mean {suggestion}?"
    ),
    CheckReason.SPF_LOOKUPS: (
        "The SPF record needs more than 10 DNS lookups, so receivers reject all of it; {term} is the first "
        "too many. Remove some include, a, mx, ptr, exists or redirect terms."
    ),
    CheckReason.SPF_VOID_LOOKUPS: (
        "More than two terms of the SPF record lead to names without DNS records, so receivers reject all of "
        "it. Remove the terms that are no longer in use, such as {term}."
    ),
    CheckReason.SPF_OTHER_RECORD: (
        "The SPF record is invalid, because of {term} of {spf_domain}: that domain has no SPF record, "
        "several, or too many mail servers. Correct or remove the term."
    ),
    CheckReason.SPF_PARTLY: (
        "The SPF record allows SES to send only from a part of its addresses: {seen}. Add {include} before "
        "the last term, or replace the record with {value}."
    ),
    CheckReason.SPF_UNREACHABLE: (
        "The SPF record could not be evaluated, because the name servers of {spf_domain} did not answer. We "
        "keep trying."
    ),
    CheckReason.DMARC_MALFORMED: (
        "The DMARC record is malformed, so receivers ignore it: {seen}. It must start with v=DMARC1 and "
        "include a policy, for example {value}."
    ),
    CheckReason.DMARC_WEAKER: (
        "This DMARC policy is weaker than the recommended one: {seen}. Change it to match {value}."
    ),
    CheckReason.ALIAS_IN_THE_WAY: (
        "The CNAME record at {name} hides every other record there; it points to {seen}. Delete it, then add "
        "the {type} record."
    ),
    CheckReason.SECOND_MX: (
        "{name} has several MX records, but SES accepts exactly one. Keep {value} and delete the others."
    ),
    CheckReason.OTHER_MX: (
        "Another mail server receives email for {name}. Keep it unless email for this domain should come "
        "here: replacing it would stop your mail."
    ),
    CheckReason.SECOND_CNAME: (
        "{name} has several CNAME records, but a name can have only one: {value}. Delete the others."
    ),
    CheckReason.TWO_SPF: "There are two SPF records, so receivers accept neither. Keep one: {value}.",
    CheckReason.TWO_DMARC: "There are two DMARC records, so receivers ignore both. Keep one.",
    CheckReason.SOME_SERVERS: (
        "{servers_agreeing} of {servers_asked} name servers have the record; still waiting for "
        "{lacking_servers}. This usually takes a few minutes."
    ),
    CheckReason.SERVERS_FAIL: (
        "{servers} failed to answer (SERVFAIL). Check the zone {zone} at your DNS provider."
    ),
    CheckReason.SERVERS_REFUSE: (
        "{servers} refused to answer. Check that your registrar lists the name servers of your DNS provider."
    ),
    CheckReason.SERVERS_LAME: (
        "{servers} gave a non-authoritative answer for {zone}. Correct the name servers at your registrar."
    ),
    CheckReason.SERVERS_UNRESPONSIVE: (
        "{servers} did not answer in time. We keep trying; if this persists, contact your DNS provider."
    ),
    CheckReason.SERVERS_MALFORMED: (
        "{servers} returned a malformed DNS response. We keep trying; if this persists, contact your DNS "
        "provider."
    ),
    CheckReason.ALIAS_LOOP: "The CNAME records at {name} form a loop. Delete them.",
    CheckReason.SERVERS_WITHOUT_ADDRESS: (
        "The name servers of {zone} have no IP address. Correct the name servers at your registrar."
    ),
    CheckReason.SERVERS_FORBIDDEN: (
        "{servers} resolved to a private or reserved address, which the Internet cannot reach. Correct the "
        "name servers at your registrar."
    ),
}
# The reasons of UNREACHABLE, of which some name servers may have answered without the record shown.
_INCONCLUSIVE = (
    CheckReason.SPF_UNREACHABLE,
    CheckReason.SERVERS_FAIL,
    CheckReason.SERVERS_REFUSE,
    CheckReason.SERVERS_LAME,
    CheckReason.SERVERS_UNRESPONSIVE,
    CheckReason.SERVERS_MALFORMED,
    CheckReason.ALIAS_LOOP,
    CheckReason.SERVERS_WITHOUT_ADDRESS,
    CheckReason.SERVERS_FORBIDDEN,
)
# The first sentence whose parameters are all known replaces that of MESSAGES.
DETAILED: Mapping[CheckReason, Sequence[str]] = {
    **{
        reason: (f"{MESSAGES[reason]} {{negative_servers}} answered, but without the record shown.",)
        for reason in _INCONCLUSIVE
    },
    CheckReason.MISTYPED: (
        "Points to {seen}: {found_text} at character {position} must be {shown_text}. Set it to {value}.",
        "Points to {seen}: {shown_text} is missing at character {position}. Set it to {value}.",
        "Points to {seen}: {found_text} at character {position} is too much. Set it to {value}.",
    ),
}
SENTENCES = Sentences(MESSAGES, DETAILED)


def explain(reason: CheckReason, parameters: CheckParameters) -> Explanation[CheckReason]:
    """Return a reason with its sentence and those of the parameters that the sentence mentions."""
    sentence = SENTENCES.template(reason, parameters)
    own = {name: value for name, value in parameters.items() if name in mentioned(sentence)}
    return Explanation(reason, own, formatted(sentence, own))
