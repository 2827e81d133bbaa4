"""The words for what is wrong with a record: what was seen, and what to do next. Pure; makes no verdict."""

from collections.abc import Mapping, Sequence

from services.verifier.model.records import NEGATIVE, Answer, Clue, Clues, Expected, Reason, Verdict

SHOWN_LENGTH = 120  # characters of a value inside a sentence

HINTS: Mapping[Reason, str] = {
    Reason.AS_SHOWN: "",
    Reason.OTHER_PRIORITY: "Published with another priority. Set it to {priority}.",
    Reason.WIDER_SPF: "Published with other terms than shown. That is fine: it allows SES to send.",
    Reason.PARENT_COVERS: "The policy of _dmarc.{zone} covers this name.",
    Reason.OWN_POLICY: "Published with a policy of your own. That is fine.",
    Reason.NOT_THERE: (
        "There is no {type} record at {name} yet. Add it in the DNS of {zone}; many providers want "
        "its name as {host}."
    ),
    Reason.OTHER_TYPE: (
        "{name} exists, but has no {type} record. Check the type you chose; if your provider proxies the "
        "name, set it to DNS only."
    ),
    Reason.UNREGISTERED: (
        "The registry does not know {bought}. Register it, or have the registrar name its name servers."
    ),
    Reason.ZONE_APPENDED: "Your provider appended the zone: found at {elsewhere}. Enter the name as {host}.",
    Reason.AT_DOMAIN: (
        "Found at {domain}, one level too high. Move it to {name}; many providers want that as {host}."
    ),
    Reason.AS_TEXT: (
        "There is a TXT record at {name}. Delete it and add a CNAME record with the value {value}."
    ),
    Reason.WILDCARD: (
        "Only a wildcard record of {zone} answers for {name}, with {seen}. Add the {type} record "
        "itself: it takes precedence."
    ),
    Reason.OTHER_TARGET: "Points at {seen} instead of {value}. Replace the value.",
    Reason.OTHER_ROW: (
        "Points at {seen}: the value of another DKIM record. Name and value must be of the same row; "
        "here it is {value}."
    ),
    Reason.POINTS_AT_ITSELF: "Points at itself. Replace the value by {value}.",
    Reason.TARGET_ZONE_APPENDED: (
        "Your provider appended the zone to the value: it points at {seen}. Enter the value with a "
        "dot at its end: {value}."
    ),
    Reason.PRIORITY_IN_TARGET: (
        "The priority became part of the value: {seen}. Enter {priority} as the priority and {value} "
        "as the value."
    ),
    Reason.OTHER_REGION: (
        "Points at {seen}, SES in another region. This domain sends from the region of {value}."
    ),
    Reason.OTHER_TEXT: "Another text is there: {seen}. Add {value} as a TXT record of its own.",
    Reason.OTHER_TOKEN: "This is not the current token. Publish {value}.",
    Reason.WILDCARD_PROOF: (
        "A wildcard record of {zone} answers for {name}, which proves nothing. Add a TXT record with exactly "
        "this name; keep or delete the wildcard as you like."
    ),
    Reason.WILDCARD_UNKNOWN: (
        "The record was found, but the name servers did not say whether it is a wildcard. We keep checking."
    ),
    Reason.QUOTED: "The quotation marks are part of the text. Enter it without them: {value}.",
    Reason.SPF_WITHOUT_SES: "The SPF record does not let SES send: {seen}. Replace it by {value}.",
    Reason.SPF_MALFORMED: "The SPF record is misspelt: {seen}. Replace it by {value}.",
    Reason.DMARC_MALFORMED: (
        "Receivers cannot read this DMARC record: {seen}. It begins with v=DMARC1 and names a policy,"
        " such as {value}."
    ),
    Reason.ALIAS_IN_THE_WAY: (
        "A CNAME record at {name} hides every other record there; it points at {seen}. Delete it, "
        "then add the {type} record."
    ),
    Reason.SECOND_MX: "SES takes exactly one MX record at {name}. Keep {value}, delete the others.",
    Reason.OTHER_MX: (
        "Another mail server receives email for {name}. Leave it so unless this domain's email should"
        " come here: replacing it would stop your mail."
    ),
    Reason.SECOND_CNAME: "A name can have one CNAME record. Keep {value}, delete the others.",
    Reason.TWO_SPF: "There are two SPF records, and receivers then refuse both. Keep one: {value}.",
    Reason.TWO_DMARC: "There are two DMARC records, and receivers then heed neither. Keep one.",
    Reason.SOME_SERVERS: (
        "{agreeing} of {asked} name servers have it; {lacking} not yet. This usually mends itself "
        "within minutes."
    ),
    Reason.SERVERS_FAIL: (
        "{silent} failed to answer (SERVFAIL). Check at your DNS provider that the zone {zone} is in order."
    ),
    Reason.SERVERS_REFUSE: (
        "{silent} refused to answer. Check that the registrar names your provider's name servers."
    ),
    Reason.SERVERS_LAME: "{zone} is not kept at {silent}. Correct the name servers at the registrar.",
    Reason.SERVERS_SILENT: (
        "{silent} did not answer in time. We keep trying; if it stays so, ask your DNS provider."
    ),
    Reason.SERVERS_MALFORMED: (
        "{silent} sent what is no DNS answer. We keep trying; if it stays so, ask your DNS provider."
    ),
    Reason.ALIAS_LOOP: "The CNAME records at {name} lead in a circle. Delete them.",
    Reason.SERVERS_WITHOUT_ADDRESS: (
        "The name servers of {zone} have no address. Correct them at the registrar."
    ),
    Reason.SERVERS_FORBIDDEN: (
        "{silent} is at a private or reserved address, which nobody outside can reach. Correct the name"
        " servers at the registrar."
    ),
}


def hint(
    expected: Expected, answer: Answer, reason: Reason, servers: Mapping[Verdict, Sequence[str]], clues: Clues
) -> str:
    """Returns what to say of a record; empty when it is as shown. `servers` are by what each of them says."""
    lacking = [name for verdict, names in servers.items() if verdict is not Verdict.FOUND for name in names]
    elsewhere = clues[Clue.ZONE_APPENDED].name if Clue.ZONE_APPENDED in clues else ""
    said = HINTS[reason].format(
        name=expected.name,
        type=expected.type,
        value=expected.value,
        priority=expected.priority,
        domain=expected.domain,
        zone=answer.zone or expected.domain,
        bought=_bought(expected.domain, answer.zone),
        host=_host(expected.name, answer.zone),
        elsewhere=elsewhere,
        seen=_seen(answer),
        silent=_list(servers.get(Verdict.UNREACHABLE, ())),
        lacking=_list(lacking),
        agreeing=len(servers.get(Verdict.FOUND, ())),
        asked=len(answer.observations),
    )
    others = [name for verdict in NEGATIVE for name in servers.get(verdict, ())]
    partly = bool(others) and bool(servers.get(Verdict.UNREACHABLE)) and Verdict.FOUND not in servers
    return f"{said} {_list(others)} answered, without the record as shown." if partly else said


def _host(name: str, zone: str) -> str:
    """Returns a name as providers' forms want it: without the zone."""
    return name.removesuffix(f".{zone}") if zone else name


def _bought(domain: str, registry: str) -> str:
    """Returns the name below the registry's that somebody would have to register."""
    return ".".join(domain.split(".")[-(registry.count(".") + 2) :])


def _seen(answer: Answer) -> str:
    aliases = [target for seen in answer.observations for target in seen.aliases]
    texts = list(dict.fromkeys([*aliases, *(value.text for value in answer.values)]))
    return texts[0][:SHOWN_LENGTH] if texts else "nothing"


def _list(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
