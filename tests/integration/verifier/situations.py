"""Building blocks of the situations table: changes to a domain's DNS and their expected results."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.dns import Internet
from sandbox.dns.faults import FaultKind
from services.verifier.model.reasons import CheckReason
from services.verifier.model.records import Purpose, RecordStatus
from services.verifier.model.states import State
from tests.unit.verifier.cases import shown_records

NS1, NS2 = "ns1.dns-host.com", "ns2.dns-host.com"

Change = Callable[[Internet], object]


@dataclass(frozen=True)
class Situation:
    """A change to a correctly configured domain, and the expected check of one of its records.

    `pending` and `ready` are the resulting states of a PENDING and a READY domain while SES reports
    everything as verified; the READY domain stays in the situation for six hours.
    """

    name: str
    change: Change
    purpose: Purpose
    status: RecordStatus
    reason: CheckReason
    message: str  # a part of the message; empty if there is none
    pending: State
    ready: State


def fine(
    name: str,
    change: Change,
    purpose: Purpose,
    reason: CheckReason = CheckReason.AS_SHOWN,
    message: str = "",
) -> Situation:
    """Return a situation in which the record counts as published."""
    return Situation(name, change, purpose, RecordStatus.FOUND, reason, message, State.READY, State.READY)


def wrong(  # noqa: PLR0917 - a row of a table, whose columns need no names
    name: str, change: Change, purpose: Purpose, status: RecordStatus, reason: CheckReason, message: str
) -> Situation:
    """Return a situation in which the record is definitely wrong, so that a READY domain is degraded."""
    return Situation(name, change, purpose, status, reason, message, State.PENDING, State.DEGRADED)


def unclear(  # noqa: PLR0917 - a row of a table, whose columns need no names
    name: str, change: Change, purpose: Purpose, status: RecordStatus, reason: CheckReason, message: str
) -> Situation:
    """Return a situation without definite evidence, which changes no state."""
    return Situation(name, change, purpose, status, reason, message, State.PENDING, State.READY)


def advice(  # noqa: PLR0917 - a row of a table, whose columns need no names
    name: str, change: Change, purpose: Purpose, status: RecordStatus, reason: CheckReason, message: str
) -> Situation:
    """Return a situation that is reported but does not affect the state."""
    return Situation(name, change, purpose, status, reason, message, State.READY, State.READY)


def publish_all(net: Internet) -> None:
    """Publish all records as shown."""
    for record in shown_records():
        each = record.expected
        net.publish(each.name, each.type, each.value, priority=each.priority or None)


def gone(name: str, type_: str | None = None, *, at: str | None = None) -> Change:
    """Return a change that withdraws a record."""
    return lambda net: net.withdraw(name, type_, servers=[at] if at else None)


def added(name: str, type_: str, value: str, priority: int | None = None, *, at: str | None = None) -> Change:
    """Return a change that publishes another record, on all name servers or on one."""
    return lambda net: net.publish(name, type_, value, priority=priority, servers=[at] if at else None)


def replaced(
    name: str, type_: str, value: str, priority: int | None = None, *, at: str | None = None
) -> Change:
    """Return a change that replaces a record's value."""
    return both(gone(name, type_, at=at), added(name, type_, value, priority, at=at))


def raw(name: str, *records: tuple[str, str]) -> Change:
    """Return a change that serves records of a name in this order, which a zone may not contain."""
    return lambda net: net.publish_raw(name, *records)


def broken(kind: FaultKind, name: str, *, at: str | None = None, delay_ms: int = 0) -> Change:
    """Return a change that makes name servers fail."""
    return lambda net: net.inject_fault(kind, name=name, server=at, delay_ms=delay_ms)


def both(*changes: Change) -> Change:
    """Return a change that applies several changes in order."""

    def change(net: Internet) -> None:
        for each in changes:
            each(net)

    return change
