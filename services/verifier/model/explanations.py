"""The follow-up queries that explain a record's status: which to make, and what their answers show. Pure."""

from collections.abc import Iterable, Mapping

from services.verifier.model import dmarc
from services.verifier.model.readings import read
from services.verifier.model.reasons import CheckReason
from services.verifier.model.records import (
    Answer,
    Clue,
    Clues,
    Expected,
    Observation,
    Outcome,
    Purpose,
    Question,
    RecordStatus,
    RecordType,
)

# In this order: the first one whose answer explains the status gives the reason.
EXPLANATIONS: Mapping[Clue, CheckReason] = {
    Clue.PARENT_POLICY: CheckReason.PARENT_COVERS,
    Clue.ORGANIZATION_POLICY: CheckReason.PARENT_COVERS,
    Clue.ZONE_APPENDED: CheckReason.ZONE_APPENDED,
    Clue.AT_DOMAIN: CheckReason.AT_DOMAIN,
    Clue.AT_ZONE: CheckReason.AT_ZONE,
    Clue.LABEL_REPEATED: CheckReason.LABEL_REPEATED,
    Clue.WITHOUT_UNDERSCORE: CheckReason.UNDERSCORE_MISSING,
    Clue.AS_SPF_TYPE: CheckReason.SPF_TYPE,
    Clue.AS_TEXT: CheckReason.AS_TEXT,
    Clue.ANY_SIBLING: CheckReason.WILDCARD,
}
_POLICIES = (Clue.PARENT_POLICY, Clue.ORGANIZATION_POLICY)


def missing(expected: Expected, zone: str) -> Iterable[tuple[Clue, Question]]:
    """Yield the queries that can explain why a record is missing from its zone."""
    yield Clue.ZONE_APPENDED, Question(f"{expected.name}.{zone}", expected.type)
    if "_" in expected.name:
        yield Clue.WITHOUT_UNDERSCORE, Question(expected.name.replace("_", ""), expected.type)
    if expected.purpose is Purpose.DMARC:
        for clue, parent in zip(reversed(_POLICIES), reversed(dmarc.parents(expected.domain)), strict=False):
            yield clue, Question(f"_dmarc.{parent}", RecordType.TXT)
        return
    if expected.purpose in (Purpose.RETURN_PATH, Purpose.SPF):
        yield Clue.AT_DOMAIN, Question(expected.domain, expected.type)
    if expected.purpose is Purpose.SPF:
        yield Clue.AS_SPF_TYPE, Question(expected.name, RecordType.SPF)
    label, below = expected.name.removesuffix(f".{expected.domain}"), expected.domain.removesuffix(f".{zone}")
    if expected.name != expected.domain and expected.domain not in (zone, below):
        yield Clue.AT_ZONE, Question(f"{label}.{zone}", expected.type)
        yield Clue.LABEL_REPEATED, Question(f"{label}.{below}.{expected.domain}", expected.type)


def explanation(expected: Expected, answer: Answer, clues: Clues) -> Clue | None:
    """Return the query whose answer explains a record's status; None if none does."""
    return next(
        (clue for clue in EXPLANATIONS if clue in clues and _explains(clue, expected, answer, clues[clue])),
        None,
    )


def _explains(clue: Clue, expected: Expected, answer: Answer, other: Answer) -> bool:
    if clue is Clue.ANY_SIBLING:
        return _targets(other.observations) == _targets(answer.observations)
    if clue is Clue.AS_TEXT:
        texts = [value.text.lower() for value in other.values]
        return any(expected.value in text or text.startswith("v=dkim1") for text in texts)
    if clue in _POLICIES:
        return _covers(expected, other)
    return any(read(expected, seen).status is RecordStatus.FOUND for seen in other.observations)


def _covers(expected: Expected, other: Answer) -> bool:
    """Return whether the DMARC policy of a name above is at least as strict as the recommended one."""
    policies = [value.text for value in other.values if dmarc.parse(value.text)]
    return len(policies) == 1 and dmarc.strictness(policies[0], subdomain=True) >= dmarc.strictness(
        expected.value
    )


def _targets(observations: Iterable[Observation]) -> set[str]:
    return {
        text
        for seen in observations
        if seen.outcome is Outcome.VALUES or seen.aliases
        for text in (*seen.aliases, *(value.text for value in seen.values))
    }
