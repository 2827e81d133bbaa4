"""SES's mailbox simulator: addresses that bounce, complain or take an email without any mail server."""

import re

_ADDRESS = re.compile(r"(?P<name>[^+@]+)(\+[^@]*)?@simulator\.amazonses\.com", re.IGNORECASE)
_NAMES = frozenset({"success", "bounce", "ooto", "complaint", "suppressionlist"})


def is_simulator(address: str) -> bool:
    """Whether the address belongs to the simulator."""
    return _ADDRESS.fullmatch(address) is not None


def behaviour(address: str) -> str:
    """What a simulator's address does, whatever its +label; one that does not exist bounces."""
    found = _ADDRESS.fullmatch(address)
    name = found["name"].lower() if found else ""
    return name if name in _NAMES else "bounce"
