"""The results of evaluating an SPF record for networks of client addresses (RFC 7208 section 2.6). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network

EVERYTHING: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


class Result(StrEnum):
    """The results of section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - a result of SPF, not a secret
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Problem(StrEnum):
    """Why a result is an error."""

    NOTHING = ""
    SYNTAX = "SYNTAX"
    TWO_RECORDS = "TWO_RECORDS"
    NO_RECORD = "NO_RECORD"  # an `include` or `redirect` leads to a domain without an SPF record
    LOOKUPS = "LOOKUPS"
    VOID_LOOKUPS = "VOID_LOOKUPS"
    EXCHANGES = "EXCHANGES"
    DNS = "DNS"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for some networks; `term` of `domain`'s record decided it, empty for none of its terms."""

    networks: tuple[Network, ...]
    result: Result
    domain: str
    term: str = ""
    problem: Problem = Problem.NOTHING
    suggestion: str = ""
    lookups: int = 0
    void: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Networks that took the same way so far, and what that cost."""

    networks: tuple[Network, ...]
    lookups: int = 0
    void: int = 0


def divided(
    networks: Iterable[Network], by: Sequence[Network]
) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    """Return the parts of networks inside and outside others."""
    inside, outside = list[Network](), list(networks)
    for other in by:
        rest: list[Network] = []
        for each in outside:
            if each.version != other.version or not each.overlaps(other):
                rest.append(each)
            elif each.subnet_of(other):  # type: ignore[arg-type]
                inside.append(each)
            else:
                inside.append(other)
                rest += each.address_exclude(other)  # type: ignore[arg-type]
        outside = rest
    return tuple(inside), tuple(outside)


def parts(group: Group, networks: tuple[Network, ...]) -> list[Group]:
    """Return a group of these networks with the same cost; nothing if there are none."""
    return [replace(group, networks=networks)] if networks else []


def outcome(group: Group, result: Result, domain: str, term: str) -> Outcome:
    """Return the outcome of a group, which a term decided."""
    return Outcome(group.networks, result, domain, term, lookups=group.lookups, void=group.void)


def error(group: Group, result: Result, domain: str, term: str, problem: Problem) -> Outcome:
    """Return the outcome of a group that ends with an error."""
    return replace(outcome(group, result, domain, term), problem=problem)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Whether an SPF record lets SES send: what its result is for the networks that SES sends from.

    `result` is PASS if every network passes, an error if any network gets one, NEUTRAL if only a part passes,
    and FAIL if none does. `term` of `domain`'s record is the first that causes an error.
    """

    result: Result
    domain: str = ""
    term: str = ""
    problem: Problem = Problem.NOTHING
    suggestion: str = ""


def summarized(outcomes: Sequence[Outcome]) -> Evaluation:
    """Return the result of a record for all networks together, of which there is at least one."""
    for result in (Result.PERMERROR, Result.TEMPERROR):
        for each in outcomes:
            if each.result is result:
                return Evaluation(result, each.domain, each.term, each.problem, each.suggestion)
    passing = [each.result is Result.PASS for each in outcomes]
    if all(passing):
        return Evaluation(Result.PASS)
    return Evaluation(Result.NEUTRAL if any(passing) else Result.FAIL)
