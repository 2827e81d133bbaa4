"""Cache of delegations and name server addresses. Holds no answers and no negative results."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from publicsuffixlist import PublicSuffixList

from services.verifier.resolver.replies import Referral

REGISTRY_SECONDS = 3600.0  # delegations to registries rarely change
CUSTOMER_SECONDS = 30.0  # a customer may change the DNS provider while watching the page
ADDRESS_SECONDS = 300.0
MOST_ENTRIES = 20_000

T = TypeVar("T")

_SUFFIXES = PublicSuffixList(only_icann=True, accept_unknown=False)


def is_registry(zone: str) -> bool:
    """Return whether a zone is the root or one in which domains are registered, such as `ai` or `co.uk`."""
    return not zone or "." not in zone or bool(_SUFFIXES.is_public(zone))


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and its name servers, each with its known addresses."""

    name: str
    hosts: Mapping[str, tuple[str, ...]]


class ZoneCache:
    """Delegations and name server addresses, evicted when they expire or when there are too many."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self._root = Zone("", {address: (address,) for address in roots})
        self._zones: OrderedDict[str, tuple[float, Zone]] = OrderedDict()
        self._addresses: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()

    def nearest(self, name: str) -> Zone:
        """Return the deepest known zone that may contain a name."""
        known = (_fresh(self._zones, above) for above in _upward(name))
        return next((zone for zone in known if zone is not None), self._root)

    def learn(self, referral: Referral) -> Zone:
        """Store a delegation for at most its TTL; return its zone."""
        zone = Zone(referral.zone, referral.hosts)
        most = REGISTRY_SECONDS if is_registry(zone.name) else CUSTOMER_SECONDS
        _keep(self._zones, zone.name, zone, min(most, referral.ttl))
        return zone

    def addresses(self, host: str) -> tuple[str, ...] | None:
        """Return the known addresses of a name server, or None."""
        return _fresh(self._addresses, host)

    def learn_addresses(self, host: str, addresses: tuple[str, ...]) -> None:
        """Store the addresses of a name server."""
        _keep(self._addresses, host, addresses, ADDRESS_SECONDS)


def _upward(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.partition(".")[2]


def _keep(cache: OrderedDict[str, tuple[float, T]], key: str, value: T, seconds: float) -> None:
    cache.pop(key, None)
    cache[key] = (time.monotonic() + seconds, value)
    if len(cache) > MOST_ENTRIES:
        cache.popitem(last=False)


def _fresh(cache: OrderedDict[str, tuple[float, T]], key: str) -> T | None:
    until, value = cache.get(key, (0.0, None))
    return value if until > time.monotonic() else None
