"""The parameters of the message about a record, from the answers of its name servers. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence

from services.verifier.model.explanations import explanation
from services.verifier.model.reasons import CheckParameters
from services.verifier.model.records import NEGATIVE, Answer, Clue, Clues, Expected, RecordStatus
from services.verifier.model.spf import VERSION
from services.verifier.model.spf_results import Evaluation, Result
from services.verifier.model.targets import difference

SHOWN_LENGTH = 120  # characters of a value inside a sentence


def parameters_of(
    expected: Expected, answer: Answer, servers: Mapping[RecordStatus, Sequence[str]], clues: Clues
) -> CheckParameters:
    """Return everything that a message about a record may mention.

    `servers` holds the names of the name servers by the status that each of them reported.
    """
    found = list(servers.get(RecordStatus.FOUND, ()))
    clue = explanation(expected, answer, clues)
    parameters = CheckParameters(
        name=expected.name,
        type=expected.type.value,
        value=expected.value,
        priority=expected.priority,
        domain=expected.domain,
        zone=answer.zone or expected.domain,
        relative_name=_relative(expected.name, answer.zone),
        registrable_domain=_registrable(expected.domain, answer.zone),
        found_name=clues[clue].name if clue in _ELSEWHERE else "",
        seen=_seen(answer),
        servers=list(servers.get(RecordStatus.UNREACHABLE, ())),
        lacking_servers=[
            name for status, names in servers.items() if status is not RecordStatus.FOUND for name in names
        ],
        servers_agreeing=len(found),
        servers_asked=len(answer.observations),
        asked_servers=[seen.server for seen in answer.observations],
        include=next((term for term in expected.value.split() if term.startswith("include:")), ""),
    )
    negative = [name for status in NEGATIVE for name in servers.get(status, ())]
    if negative and not found:
        parameters["negative_servers"] = negative
    return {**parameters, **_spf(answer), **_difference(expected, answer)}


# The follow-up queries for the same record at another name.
_ELSEWHERE = (
    Clue.ZONE_APPENDED,
    Clue.AT_ZONE,
    Clue.LABEL_REPEATED,
    Clue.WITHOUT_UNDERSCORE,
    Clue.PARENT_POLICY,
    Clue.ORGANIZATION_POLICY,
)


def _difference(expected: Expected, answer: Answer) -> CheckParameters:
    """Return where the value found differs from the one shown, if by a few characters."""
    [found, *_] = [*(value.text for value in answer.values), ""]
    place = difference(expected.value, found)
    if place is None:
        return {}
    parameters = CheckParameters(position=place.position)
    if place.found:
        parameters["found_text"] = place.found
    if place.shown:
        parameters["shown_text"] = place.shown
    return parameters


def _spf(answer: Answer) -> CheckParameters:
    """Return what the evaluation of an SPF record found, shortened for a sentence."""
    records = [value.text for value in answer.values if VERSION in value.text.lower()]
    evaluation = next((value.spf for value in answer.values if value.spf), Evaluation(Result.NONE))
    return CheckParameters(
        term=visible(evaluation.term)[:SHOWN_LENGTH],
        suggestion=evaluation.suggestion[:SHOWN_LENGTH],
        spf_domain=evaluation.domain,
        character=character(records[0][0]) if records else "",
    )


def visible(text: str) -> str:
    """Return text with its invisible and unusual characters named, such as `a<TAB>b`."""
    return "".join(each if "!" <= each <= "~" else f"<{character(each)}>" for each in text)


def character(char: str) -> str:
    """Return the name of a character, such as `SPACE`, `NO-BREAK SPACE` or `EN DASH`."""
    common = {" ": "a space", "\t": "TAB"}
    return common[char] if char in common else unicodedata.name(char, f"U+{ord(char):04X}")


def _relative(name: str, zone: str) -> str:
    """Return a name relative to its zone, as most providers' forms expect it."""
    return name.removesuffix(f".{zone}") if zone else name


def _registrable(domain: str, registry: str) -> str:
    """Return the name directly below the registry's zone, which the customer would have to register."""
    return ".".join(domain.split(".")[-(registry.count(".") + 2) :])


def _seen(answer: Answer) -> str:
    aliases = [target for seen in answer.observations for target in seen.aliases]
    texts = list(dict.fromkeys([*aliases, *(value.text for value in answer.values)]))
    return texts[0][:SHOWN_LENGTH] if texts else ""
