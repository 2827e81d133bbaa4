"""SES's mailbox simulator: addresses that accept, bounce or complain without a mail server."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from sandbox.aws import reports
from sandbox.aws.emails import Email
from sandbox.aws.reports import Block, Response

_ADDRESS = re.compile(r"(?P<name>[^+@]+)(\+[^@]*)?@simulator\.amazonses\.com", re.IGNORECASE)
_TAKING = frozenset({"success", "ooto", "complaint"})


def is_simulator(address: str) -> bool:
    """Return whether the address belongs to the simulator."""
    return _ADDRESS.fullmatch(address) is not None


def simulated(email: Email, addresses: list[str], now: datetime) -> Iterator[tuple[str, Block]]:
    """Yield types and blocks of the resulting events; addresses of the same kind share an event."""
    for name, group in _by_behaviour(addresses).items():
        if name in _TAKING:
            taken = [Response(address, 250, "2.6.0 Message received") for address in group]
            yield "Delivery", reports.delivery(email, taken, reports.OUTGOING_IP, now)
        if name == "complaint":
            yield "Complaint", reports.complaint(email, group, now)
        elif name == "ooto":
            absent = [Response(address, 0, "Out of office", "5.0.0") for address in group]
            yield "Bounce", reports.bounced("Transient", "General", absent, now)
        elif name == "suppressionlist":
            suppressed = [Response(address, 0, reports.SUPPRESSED, "5.1.1") for address in group]
            yield "Bounce", reports.bounced("Permanent", "Suppressed", suppressed, now)
        elif name not in _TAKING:
            unknown = [Response(address, 550, "5.1.1 user unknown") for address in group]
            yield "Bounce", reports.bounced("Permanent", "General", unknown, now)


def _by_behaviour(addresses: list[str]) -> dict[str, list[str]]:
    """Group the addresses by local part without +label; an unknown one bounces."""
    groups = defaultdict(list)
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        groups[found["name"].lower() if found else ""].append(address)
    return groups
