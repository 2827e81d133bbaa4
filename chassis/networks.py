"""The addresses to which a service may connect for customers: the public Internet, and what operators allow.

A customer's zone determines which name servers we query, and its URLs where we post. Neither may point us at
our own network.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

# IANA's special-purpose registries. `ipaddress.is_private` and `is_global` miss several of these.
_SPECIAL_IPV4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)  # fmt: skip
# Outside 2000::/3 no address is global unicast: IPv4-mapped, NAT64, unique local, link-local, multicast.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV6 = ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")

_SPECIAL: tuple[Network, ...] = tuple(ip_network(each) for each in (*_SPECIAL_IPV4, *_SPECIAL_IPV6))


class Networks:
    """The address filter; `allowed` lists special-purpose networks, in CIDR form, that may be reached."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = tuple(ip_network(each) for each in allowed)

    def permitted(self, address: str) -> bool:
        """Return whether packets may be sent to an address, given as text."""
        parsed = ip_address(address)
        if _within(parsed, self._allowed):
            return True
        if parsed.version == 6 and parsed not in _GLOBAL_IPV6:
            return False
        return not _within(parsed, _SPECIAL)


def _within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
