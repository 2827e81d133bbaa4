"""Changes that customers and their providers make to a domain's DNS, for the table of situations."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.dns import Internet
from sandbox.dns.faults import FaultKind
from services.verifier.model.records import Purpose, Verdict
from services.verifier.model.states import State
from tests.unit.verifier.cases import shown_records

NS1, NS2 = "ns1.dns-host.com", "ns2.dns-host.com"

Change = Callable[[Internet], object]


@dataclass(frozen=True)
class Situation:
    """A change of a domain that was all right, and what is said of one of its records then.

    `pending` and `ready` are the states that a PENDING and a READY domain come to, while SES sees everything
    right; the READY one stays in the situation for six hours.
    """

    name: str
    change: Change
    purpose: Purpose
    verdict: Verdict
    hint: str  # a part of it; empty when there is none
    pending: State
    ready: State


def fine(name: str, change: Change, purpose: Purpose, hint: str = "") -> Situation:
    """The record counts as published."""
    return Situation(name, change, purpose, Verdict.FOUND, hint, State.READY, State.READY)


def wrong(name: str, change: Change, purpose: Purpose, verdict: Verdict, hint: str) -> Situation:
    """The record is definitely not right: a READY domain loses an axis in the end."""
    return Situation(name, change, purpose, verdict, hint, State.PENDING, State.DEGRADED)


def unclear(name: str, change: Change, purpose: Purpose, verdict: Verdict, hint: str) -> Situation:
    """No evidence: nothing moves."""
    return Situation(name, change, purpose, verdict, hint, State.PENDING, State.READY)


def advice(name: str, change: Change, purpose: Purpose, verdict: Verdict, hint: str) -> Situation:
    """Something to tell, which gates nothing."""
    return Situation(name, change, purpose, verdict, hint, State.READY, State.READY)


def publish_all(net: Internet) -> None:
    """Everything as it was shown."""
    for record in shown_records():
        each = record.expected
        net.publish(each.name, each.type, each.value, priority=each.priority or None)


def gone(name: str, type_: str | None = None, *, at: str | None = None) -> Change:
    """Without a record."""
    return lambda net: net.withdraw(name, type_, servers=[at] if at else None)


def added(name: str, type_: str, value: str, priority: int | None = None, *, at: str | None = None) -> Change:
    """With another record, on all name servers or one."""
    return lambda net: net.publish(name, type_, value, priority=priority, servers=[at] if at else None)


def replaced(
    name: str, type_: str, value: str, priority: int | None = None, *, at: str | None = None
) -> Change:
    """With another value."""
    return both(gone(name, type_, at=at), added(name, type_, value, priority, at=at))


def broken(kind: FaultKind, name: str, *, at: str | None = None, delay_ms: int = 0) -> Change:
    """With name servers that have a bad day."""
    return lambda net: net.lay_fault(kind, name=name, server=at, delay_ms=delay_ms)


def both(*changes: Change) -> Change:
    """One change after another."""

    def change(net: Internet) -> None:
        for each in changes:
            each(net)

    return change
