"""Messages for a record's reason: what was seen in DNS, and what to do next. Pure; assigns no status."""

import unicodedata
from collections.abc import Mapping, Sequence

from services.verifier.model.records import NEGATIVE, Answer, Clue, Clues, Expected, Reason, RecordStatus
from services.verifier.model.spf import VERSION
from services.verifier.model.spf_results import Evaluation, Result

SHOWN_LENGTH = 120  # characters of a value inside a sentence

MESSAGES: Mapping[Reason, str] = {
    Reason.AS_SHOWN: "",
    Reason.OTHER_PRIORITY: "This MX record has the wrong priority. Set it to {priority}.",
    Reason.WIDER_SPF: (
        "This SPF record differs from the one shown, but it allows SES to send. No change is needed."
    ),
    Reason.PARENT_COVERS: "The DMARC policy at _dmarc.{zone} covers this name. No change is needed.",
    Reason.OWN_POLICY: "You publish your own DMARC policy. No change is needed.",
    # console recognizes this message by its beginning, up to the semicolon (words.py).
    Reason.NOT_THERE: (
        "There is no {type} record at {name} yet. Add it in the DNS of {zone}; many providers expect "
        "the name {host}."
    ),
    Reason.OTHER_TYPE: (
        "{name} exists but has no {type} record. Check the record type. If your provider proxies this "
        "name, set it to DNS only."
    ),
    Reason.UNREGISTERED: (
        "The domain registry does not list {registrable}. Register the domain, or set its name servers at "
        "your registrar."
    ),
    Reason.ZONE_APPENDED: (
        "Your provider appended the zone name, so the record is at {elsewhere}. Enter the name as {host}."
    ),
    Reason.AT_DOMAIN: (
        "The record is at {domain}, one level too high. Move it to {name}; many providers expect the "
        "name {host}."
    ),
    Reason.AS_TEXT: (
        "There is a TXT record at {name} instead of a CNAME record. Delete it and add a CNAME record with "
        "the value {value}."
    ),
    Reason.WILDCARD: (
        "Only a wildcard record in {zone} answers for {name}, with {seen}. Add a {type} record at exactly "
        "this name: it takes precedence over the wildcard."
    ),
    Reason.OTHER_TARGET: "Points to {seen} instead of {value}. Correct the value.",
    Reason.OTHER_ROW: (
        "Points to {seen}, which is the value of another DKIM record. Set the value to {value}."
    ),
    Reason.POINTS_AT_ITSELF: "This record points to itself. Set the value to {value}.",
    Reason.TARGET_ZONE_APPENDED: (
        "Your provider appended the zone name to the value: it points to {seen}. Enter the value with a "
        "trailing dot: {value}."
    ),
    Reason.PRIORITY_IN_TARGET: (
        "The value includes the priority: {seen}. Enter {priority} as the priority and {value} as the value."
    ),
    Reason.OTHER_REGION: "Points to {seen}, which is SES in another region. Set the value to {value}.",
    Reason.OTHER_TEXT: (
        "The TXT record at {name} has another value: {seen}. Add a second TXT record with the value {value}."
    ),
    Reason.OTHER_TOKEN: "The published token is not the current one. Publish {value}.",
    Reason.WILDCARD_PROOF: (
        "A wildcard record in {zone} answers for {name}, and a wildcard does not prove ownership. Add a TXT "
        "record with exactly this name. You can keep the wildcard."
    ),
    Reason.WILDCARD_UNKNOWN: (
        "The record was found, but the check for a wildcard record got no answer. We keep checking."
    ),
    Reason.QUOTED: "The value contains quotation marks. Enter it without them: {value}.",
    Reason.SPF_WITHOUT_SES: "The SPF record does not allow SES to send: {seen}. Replace it with {value}.",
    Reason.SPF_MALFORMED: "The SPF record is malformed: {seen}. Replace it with {value}.",
    Reason.SPF_NOT_FIRST: (
        "Receivers do not see this record as SPF, because it begins with {character}. It must begin with "
        "v=spf1. Replace it with {value}."
    ),
    Reason.SPF_TERM: (
        "The SPF record of {at} is invalid, so receivers reject all of it: {term} is not a valid term. "
        "Correct or remove it."
    ),
    Reason.SPF_TERM_MISSPELT: (
        "The SPF record of {at} is invalid, so receivers reject all of it: {term} is not a valid term. "
        "Did you mean {suggestion}?"
    ),
    Reason.SPF_LOOKUPS: (
        "The SPF record needs more than 10 DNS lookups, so receivers reject all of it; {term} is the first "
        "too many. Remove some include, a, mx, ptr, exists or redirect terms."
    ),
    Reason.SPF_VOID_LOOKUPS: (
        "More than two terms of the SPF record lead to names without DNS records, so receivers reject all "
        "of it. Remove the terms that are no longer in use, such as {term}."
    ),
    Reason.SPF_OTHER_RECORD: (
        "The SPF record is invalid, because of {term} of {at}: that domain has no SPF record, several, or "
        "too many mail servers. Correct or remove the term."
    ),
    Reason.SPF_PARTLY: (
        "The SPF record allows SES to send only from a part of its addresses: {seen}. Add {include} before "
        "the last term, or replace the record with {value}."
    ),
    Reason.SPF_UNREACHABLE: (
        "The SPF record could not be evaluated, because the name servers of {at} did not answer. We keep "
        "trying."
    ),
    Reason.DMARC_MALFORMED: (
        "The DMARC record is malformed, so receivers ignore it: {seen}. It must start with v=DMARC1 and "
        "include a policy, for example {value}."
    ),
    Reason.DMARC_WEAKER: (
        "This DMARC policy is weaker than the recommended one: {seen}. Change it to match {value}."
    ),
    Reason.ALIAS_IN_THE_WAY: (
        "The CNAME record at {name} hides every other record there; it points to {seen}. Delete it, then "
        "add the {type} record."
    ),
    Reason.SECOND_MX: (
        "{name} has several MX records, but SES accepts exactly one. Keep {value} and delete the others."
    ),
    Reason.OTHER_MX: (
        "Another mail server receives email for {name}. Keep it unless email for this domain should come "
        "here: replacing it would stop your mail."
    ),
    Reason.SECOND_CNAME: (
        "{name} has several CNAME records, but a name can have only one. Keep {value} and delete the others."
    ),
    Reason.TWO_SPF: "There are two SPF records, so receivers accept neither. Keep one: {value}.",
    Reason.TWO_DMARC: "There are two DMARC records, so receivers ignore both. Keep one.",
    Reason.SOME_SERVERS: (
        "{agreeing} of {asked} name servers have the record; still waiting for {lacking}. This usually takes "
        "a few minutes."
    ),
    Reason.SERVERS_FAIL: "{servers} failed to answer (SERVFAIL). Check the zone {zone} at your DNS provider.",
    Reason.SERVERS_REFUSE: (
        "{servers} refused to answer. Check that your registrar lists the name servers of your DNS provider."
    ),
    Reason.SERVERS_LAME: (
        "{servers} gave a non-authoritative answer for {zone}. Correct the name servers at your registrar."
    ),
    Reason.SERVERS_UNRESPONSIVE: (
        "{servers} did not answer in time. We keep trying; if this persists, contact your DNS provider."
    ),
    Reason.SERVERS_MALFORMED: (
        "{servers} returned a malformed DNS response. We keep trying; if this persists, contact your DNS "
        "provider."
    ),
    Reason.ALIAS_LOOP: "The CNAME records at {name} form a loop. Delete them.",
    Reason.SERVERS_WITHOUT_ADDRESS: (
        "The name servers of {zone} have no IP address. Correct the name servers at your registrar."
    ),
    Reason.SERVERS_FORBIDDEN: (
        "{servers} resolved to a private or reserved address, which the Internet cannot reach. Correct the "
        "name servers at your registrar."
    ),
}


def message(
    expected: Expected,
    answer: Answer,
    reason: Reason,
    servers: Mapping[RecordStatus, Sequence[str]],
    clues: Clues,
) -> str:
    """Return the message about a record, empty when it is as shown.

    `servers` holds the names of the name servers by the status that each of them reported.
    """
    lacking = [
        name for status, names in servers.items() if status is not RecordStatus.FOUND for name in names
    ]
    elsewhere = clues[Clue.ZONE_APPENDED].name if Clue.ZONE_APPENDED in clues else ""
    message = MESSAGES[reason].format(
        name=expected.name,
        type=expected.type,
        value=expected.value,
        priority=expected.priority,
        domain=expected.domain,
        zone=answer.zone or expected.domain,
        registrable=_registrable(expected.domain, answer.zone),
        host=_host(expected.name, answer.zone),
        elsewhere=elsewhere,
        seen=_seen(answer),
        servers=_list(servers.get(RecordStatus.UNREACHABLE, ())),
        lacking=_list(lacking),
        **_spf(answer),
        include=next((term for term in expected.value.split() if term.startswith("include:")), ""),
        agreeing=len(servers.get(RecordStatus.FOUND, ())),
        asked=len(answer.observations),
    )
    others = [name for status in NEGATIVE for name in servers.get(status, ())]
    partly = (
        bool(others) and bool(servers.get(RecordStatus.UNREACHABLE)) and RecordStatus.FOUND not in servers
    )
    return f"{message} {_list(others)} answered, but without the record shown." if partly else message


def _spf(answer: Answer) -> dict[str, str]:
    """Return what the evaluation of an SPF record found, shortened for a sentence."""
    records = [value.text for value in answer.values if VERSION in value.text.lower()]
    evaluation = next((value.spf for value in answer.values if value.spf), Evaluation(Result.NONE))
    return {
        "term": visible(evaluation.term)[:SHOWN_LENGTH],
        "suggestion": evaluation.suggestion[:SHOWN_LENGTH],
        "at": evaluation.domain,
        "character": character(records[0][0]) if records else "",
    }


def visible(text: str) -> str:
    """Return text with its invisible and unusual characters named, such as `a<TAB>b`."""
    return "".join(each if "!" <= each <= "~" else f"<{character(each)}>" for each in text)


def character(char: str) -> str:
    """Return the name of a character, such as `SPACE`, `NO-BREAK SPACE` or `EN DASH`."""
    common = {" ": "a space", "\t": "TAB"}
    return common[char] if char in common else unicodedata.name(char, f"U+{ord(char):04X}")


def _host(name: str, zone: str) -> str:
    """Return a name relative to its zone, as most providers' forms expect it."""
    return name.removesuffix(f".{zone}") if zone else name


def _registrable(domain: str, registry: str) -> str:
    """Return the name directly below the registry's zone, which the customer would have to register."""
    return ".".join(domain.split(".")[-(registry.count(".") + 2) :])


def _seen(answer: Answer) -> str:
    aliases = [target for seen in answer.observations for target in seen.aliases]
    texts = list(dict.fromkeys([*aliases, *(value.text for value in answer.values)]))
    return texts[0][:SHOWN_LENGTH] if texts else "nothing"


def _list(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
