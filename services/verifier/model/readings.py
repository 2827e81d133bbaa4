"""Evaluates one name server's answer for one expected record. Pure; `statuses` combines the servers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from string import digits

from services.verifier.model import dmarc
from services.verifier.model.reasons import CheckReason
from services.verifier.model.records import (
    DEFINITE,
    Expected,
    Observation,
    Outcome,
    Purpose,
    RecordStatus,
    Value,
)
from services.verifier.model.spf import VERSION, is_spf
from services.verifier.model.spf_results import Evaluation, Problem, Result
from services.verifier.model.targets import QUOTES, fault_of

_FEEDBACK_HOST = re.compile(r"feedback-smtp\.[a-z0-9-]+\.amazonses\.com(\.cn)?")
# The beginning of a line of a zone file: the name, the TTL, the class, and the type.
_TYPE = re.compile(r"(?:[a-z0-9_.@-]+[ \t]+)?(?:[0-9]+[ \t]+)?(?:in[ \t]+)?txt[ \t]+[\"']?")
# from the weakest to the strictest


@dataclass(frozen=True, slots=True)
class Reading:
    """The record status according to one server: any but PROPAGATING, which needs two servers."""

    status: RecordStatus
    reason: CheckReason


_NO_EVIDENCE = {
    Outcome.SERVFAIL: CheckReason.SERVERS_FAIL,
    Outcome.REFUSED: CheckReason.SERVERS_REFUSE,
    Outcome.LAME: CheckReason.SERVERS_LAME,
    Outcome.TIMEOUT: CheckReason.SERVERS_UNRESPONSIVE,
    Outcome.MALFORMED: CheckReason.SERVERS_MALFORMED,
    Outcome.LOOP: CheckReason.ALIAS_LOOP,
    Outcome.NO_ADDRESS: CheckReason.SERVERS_WITHOUT_ADDRESS,
    Outcome.FORBIDDEN_ADDRESS: CheckReason.SERVERS_FORBIDDEN,
}


def read(expected: Expected, seen: Observation) -> Reading:
    """Return the record status according to one server's answer.

    Only a DMARC record may be behind a CNAME, because DMARC providers host policies that way.
    """
    if seen.contradictory or (seen.aliases and expected.purpose is not Purpose.DMARC):
        return Reading(RecordStatus.CONFLICT, CheckReason.ALIAS_IN_THE_WAY)
    if seen.outcome not in DEFINITE:
        return Reading(RecordStatus.UNREACHABLE, _NO_EVIDENCE[seen.outcome])
    if not seen.values:
        hidden = seen.outcome is Outcome.NODATA and expected.purpose is Purpose.DKIM
        return Reading(RecordStatus.MISSING, CheckReason.OTHER_TYPE if hidden else CheckReason.NOT_THERE)
    return _READERS[expected.purpose](expected, seen.values)


_MISSING = Reading(RecordStatus.MISSING, CheckReason.NOT_THERE)


def _found(reason: CheckReason = CheckReason.AS_SHOWN) -> Reading:
    return Reading(RecordStatus.FOUND, reason)


def _mismatch(reason: CheckReason) -> Reading:
    return Reading(RecordStatus.MISMATCH, reason)


def _dkim(expected: Expected, values: Sequence[Value]) -> Reading:
    if len(values) > 1:
        return Reading(RecordStatus.CONFLICT, CheckReason.SECOND_CNAME)
    target = values[0].text
    if target == expected.value:
        return _found()
    if target == expected.name:
        return _mismatch(CheckReason.POINTS_AT_ITSELF)
    if target.startswith(f"{expected.value}."):
        return _mismatch(CheckReason.TARGET_ZONE_APPENDED)
    if target in expected.siblings:
        return _mismatch(CheckReason.OTHER_ROW)
    return _mismatch(fault_of(expected.value, target) or CheckReason.OTHER_TARGET)


def _return_path(expected: Expected, values: Sequence[Value]) -> Reading:
    """Require the one MX record. Its priority is free: SES's own status says whether SES accepts it."""
    right = [value for value in values if value.text == expected.value]
    if right and len(values) > 1:
        return Reading(RecordStatus.CONFLICT, CheckReason.SECOND_MX)
    if right:
        as_shown = right[0].priority == expected.priority
        return _found(CheckReason.AS_SHOWN if as_shown else CheckReason.OTHER_PRIORITY)
    return _mismatch(_wrong_exchange(expected, values[0].text))


def _wrong_exchange(expected: Expected, exchange: str) -> CheckReason:
    if exchange.startswith(f"{expected.value}."):
        return CheckReason.TARGET_ZONE_APPENDED
    if _begins_with_priority(exchange, expected.value):
        return CheckReason.PRIORITY_IN_TARGET
    if _FEEDBACK_HOST.fullmatch(exchange):
        return CheckReason.OTHER_REGION
    return fault_of(expected.value, exchange) or CheckReason.OTHER_TARGET


def _begins_with_priority(exchange: str, target: str) -> bool:
    """Return whether a host name consists of a number and the target, as in `10 target`."""
    before, found, after = exchange.partition(target)
    between = before.removesuffix("032").lstrip(digits)  # a space in a name is written as \032
    return (
        bool(found)
        and before[:1].isdigit()
        and not any(sign.isalnum() or sign == "_" for sign in between)
        and (not after or after.startswith("."))
    )


def _inbound(expected: Expected, values: Sequence[Value]) -> Reading:
    first = min(value.priority or 0 for value in values)
    preferred = [value.text for value in values if (value.priority or 0) == first]
    return _found() if preferred == [expected.value] else Reading(RecordStatus.CONFLICT, CheckReason.OTHER_MX)


def _spf(expected: Expected, values: Sequence[Value]) -> Reading:
    policies = [value for value in values if is_spf(value.text)]
    if len(policies) > 1:
        return Reading(RecordStatus.CONFLICT, CheckReason.TWO_SPF)
    if not policies:
        return _not_spf(values)
    [policy] = policies
    if _terms(policy.text) == _terms(expected.value):
        return _found()
    return _evaluated(policy.spf or Evaluation(Result.FAIL))


def _evaluated(evaluation: Evaluation) -> Reading:
    match evaluation.result:
        case Result.PASS:
            return _found(CheckReason.WIDER_SPF)
        case Result.NEUTRAL:
            return _mismatch(CheckReason.SPF_PARTLY)
        case Result.TEMPERROR:
            return Reading(RecordStatus.UNREACHABLE, CheckReason.SPF_UNREACHABLE)
        case Result.PERMERROR:
            return _mismatch(_spf_error(evaluation))
    return _mismatch(CheckReason.SPF_WITHOUT_SES)


def _spf_error(evaluation: Evaluation) -> CheckReason:
    if evaluation.problem is Problem.SYNTAX:
        return CheckReason.SPF_TERM_MISSPELT if evaluation.suggestion else CheckReason.SPF_TERM
    limits = {Problem.LOOKUPS: CheckReason.SPF_LOOKUPS, Problem.VOID_LOOKUPS: CheckReason.SPF_VOID_LOOKUPS}
    return limits.get(evaluation.problem, CheckReason.SPF_OTHER_RECORD)


def _terms(text: str) -> list[str]:
    """Return the terms of an SPF record, which only spaces separate."""
    return [term for term in text.lower().split(" ") if term]


def _not_spf(values: Sequence[Value]) -> Reading:
    """Return why no TXT record is an SPF record, although one may look like it."""
    for value in values:
        text = value.text.lower()
        if text.startswith(VERSION):  # another character than a space follows
            return _mismatch(CheckReason.SPF_MALFORMED)
        before = text.partition(VERSION)[0]
        if VERSION in text and not any(each.isalnum() or each in QUOTES for each in before):
            return _mismatch(CheckReason.SPF_NOT_FIRST)
    return _unlike(values, VERSION, otherwise=_MISSING)


def _ownership(expected: Expected, values: Sequence[Value]) -> Reading:
    if any(value.text.strip() == expected.value for value in values):
        return _found()
    prefix = expected.value.partition("=")[0] + "="
    if any(value.text.strip().lower().startswith(prefix) for value in values):
        return _mismatch(CheckReason.OTHER_TOKEN)
    return _unlike(values, expected.value, otherwise=_mismatch(CheckReason.OTHER_TEXT))


def _dmarc(expected: Expected, values: Sequence[Value]) -> Reading:
    policies = [value.text for value in values if dmarc.is_dmarc(value.text)]
    if len(policies) > 1:
        return Reading(RecordStatus.CONFLICT, CheckReason.TWO_DMARC)
    if not policies:
        return _not_dmarc(values)
    [policy] = policies
    if not dmarc.parse(policy):
        return _mismatch(CheckReason.DMARC_MALFORMED)
    if dmarc.strictness(policy) < dmarc.strictness(expected.value):
        return _mismatch(CheckReason.DMARC_WEAKER)
    return _found(CheckReason.AS_SHOWN if policy.strip() == expected.value else CheckReason.OWN_POLICY)


def _not_dmarc(values: Sequence[Value]) -> Reading:
    """Return why no TXT record is a DMARC record, although one may look like it."""
    if any(value.text.strip().lower().startswith("v=dmarc") for value in values):
        return _mismatch(CheckReason.DMARC_MALFORMED)
    return _unlike(values, "v=dmarc1", otherwise=_MISSING)


def _unlike(values: Sequence[Value], beginning: str, *, otherwise: Reading) -> Reading:
    """Return what was pasted with the text, quotation marks or the record's type; else `otherwise`."""
    for value in values:
        before, found, _ = value.text.lower().partition(beginning.lower())
        if found and _TYPE.fullmatch(before):
            return _mismatch(CheckReason.TYPE_IN_VALUE)
    stripped = (value.text.strip().strip(QUOTES + "\\").lower() for value in values)
    quoted = any(text.startswith(beginning.lower()) for text in stripped)
    return _mismatch(CheckReason.QUOTED) if quoted else otherwise


_READERS: dict[Purpose, Callable[[Expected, Sequence[Value]], Reading]] = {
    Purpose.DKIM: _dkim,
    Purpose.RETURN_PATH: _return_path,
    Purpose.SPF: _spf,
    Purpose.INBOUND: _inbound,
    Purpose.DMARC: _dmarc,
    Purpose.OWNERSHIP: _ownership,
}
