"""The status of one record over all its name servers, and the follow-up queries that explain it. Pure.

Only definite answers count against a record, and only when every server gives one. A server that fails,
refuses or times out is not evidence, and neither are servers that disagree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.verifier.model.check_parameters import parameters_of
from services.verifier.model.explanations import EXPLANATIONS, explanation, missing
from services.verifier.model.messages.checks import explain
from services.verifier.model.readings import Reading, read
from services.verifier.model.reasons import CheckReason
from services.verifier.model.records import (
    NEGATIVE,
    Answer,
    Check,
    Clue,
    Clues,
    Expected,
    Purpose,
    Question,
    RecordStatus,
    RecordType,
)

SHOWN_VALUES = 10
SHOWN_LENGTH = 500  # characters of each
NAME_LENGTH = 253  # the longest name that can be queried


def check(expected: Expected, answer: Answer, clues: Clues) -> Check:
    """Return a record's status, with the reason and a message that tells the customer what to do."""
    readings = [read(expected, seen) for seen in answer.observations]
    reading = _explained(expected, answer, _combined(readings), clues)
    servers = _servers_by_status(answer, readings)
    return Check(
        status=reading.status,
        why=explain(reading.reason, parameters_of(expected, answer, servers, clues)),
        seen=_shown(answer),
        servers_agreeing=sum(each.status is RecordStatus.FOUND for each in readings),
        servers_asked=len(readings),
        zone="" if answer.unregistered else answer.zone,
        servers=() if answer.unregistered else tuple(seen.server for seen in answer.observations),
    )


def questions(expected: Expected, answer: Answer, *, unguessable: str) -> dict[Clue, Question]:
    """Return the follow-up queries that can explain a problem; `unguessable` is a random label."""
    reading = _combined([read(expected, seen) for seen in answer.observations])
    proof = expected.purpose is Purpose.OWNERSHIP and reading.status is RecordStatus.FOUND
    if answer.unregistered or not (proof or reading.status in NEGATIVE):
        return {}
    return {
        clue: question
        for clue, question in _candidates(expected, answer, reading, unguessable)
        if len(question.name) <= NAME_LENGTH
    }


# Results that a wildcard record can cause.
_ANY_NAME = frozenset({CheckReason.OTHER_TARGET, CheckReason.OTHER_TEXT, CheckReason.ALIAS_IN_THE_WAY})


def _candidates(
    expected: Expected, answer: Answer, reading: Reading, unguessable: str
) -> Iterable[tuple[Clue, Question]]:
    if reading.reason in _ANY_NAME or reading.status is RecordStatus.FOUND:
        sibling = f"{unguessable}.{expected.name.partition('.')[2]}"
        yield Clue.ANY_SIBLING, Question(sibling, expected.type)
    if reading.status is not RecordStatus.MISSING:
        return
    yield from missing(expected, answer.zone)
    if expected.purpose is Purpose.DKIM and reading.reason is CheckReason.OTHER_TYPE:
        yield Clue.AS_TEXT, Question(expected.name, RecordType.TXT)


def _combined(readings: Sequence[Reading]) -> Reading:
    by_status = {status: [each for each in readings if each.status is status] for status in RecordStatus}
    found, unresponsive = by_status[RecordStatus.FOUND], by_status[RecordStatus.UNREACHABLE]
    negative = [each for status in NEGATIVE for each in by_status[status]]
    if found and negative:
        return Reading(RecordStatus.PROPAGATING, CheckReason.SOME_SERVERS)
    if found:
        return found[0]
    if unresponsive or not negative:
        return (
            unresponsive[0]
            if unresponsive
            else Reading(RecordStatus.UNREACHABLE, CheckReason.SERVERS_WITHOUT_ADDRESS)
        )
    return negative[0]


def _explained(expected: Expected, answer: Answer, reading: Reading, clues: Clues) -> Reading:
    if answer.unregistered and reading.status is RecordStatus.MISSING:
        return replace(reading, reason=CheckReason.UNREGISTERED)
    if expected.purpose is Purpose.OWNERSHIP and reading.status is RecordStatus.FOUND:
        return _proof(expected, reading, clues)
    if clue := explanation(expected, answer, clues):
        reason = EXPLANATIONS[clue]
        covered = reason is CheckReason.PARENT_COVERS
        return Reading(RecordStatus.FOUND if covered else reading.status, reason)
    if reading.status is RecordStatus.MISSING and answer.zone.endswith(f".{expected.domain}"):
        return replace(reading, reason=CheckReason.DELEGATED)
    return reading


def _proof(expected: Expected, reading: Reading, clues: Clues) -> Reading:
    """Return the status of a token that was found, which counts only if no wildcard record answered."""
    other = clues.get(Clue.ANY_SIBLING)
    readings = [read(expected, seen).status for seen in other.observations] if other else []
    if not readings or RecordStatus.UNREACHABLE in readings:
        return Reading(RecordStatus.UNREACHABLE, CheckReason.WILDCARD_UNKNOWN)
    if RecordStatus.FOUND in readings:
        return Reading(RecordStatus.CONFLICT, CheckReason.WILDCARD_PROOF)
    return reading


def _servers_by_status(answer: Answer, readings: Sequence[Reading]) -> dict[RecordStatus, list[str]]:
    """Return the names of the servers by the status that each of them reported."""
    servers: dict[RecordStatus, list[str]] = {}
    for seen, reading in zip(answer.observations, readings, strict=True):
        servers.setdefault(reading.status, []).append(seen.server)
    return servers


def _shown(answer: Answer) -> tuple[str, ...]:
    aliases = (f"CNAME {target}" for seen in answer.observations for target in seen.aliases)
    texts = dict.fromkeys([*aliases, *map(str, answer.values)])
    return tuple(text[:SHOWN_LENGTH] for text in list(texts)[:SHOWN_VALUES])
