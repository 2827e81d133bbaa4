"""The URLs that a service may post to for customers: https at a public host, and what the operator allows.

A URL is checked when a customer enters it, and again before each request. The address that a host name
resolves to can change between the two, so it is checked as a socket is opened to it (`connection_allowed`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from chassis.config import PREFIX, setting
from chassis.field_reasons import BadValue
from chassis.networks import Networks

LONGEST_URL = 2048
HTTPS_PORT = 443
# No user name, fragment, backslash, zone id or percent-encoded host: parsers of URLs disagree about them.
_URL = re.compile(
    r"https://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<target>[/?][!-~]*)?",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")
# RFC 6761, RFC 8375, RFC 9476, ICANN's "internal", and the names of Kubernetes and clouds inside a network.
_INSIDE = (
    "alt", "arpa", "corp", "example", "home", "intranet", "internal", "invalid", "lan", "local", "localhost",
    "onion", "private", "svc", "test",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Destination:
    """The host, in lower case, and the port of a URL that may be posted to."""

    host: str
    port: int


class Destinations:
    """The filter of URLs and addresses; `allowed` lists networks, in CIDR form, that are not public."""

    def __init__(self, ports: Sequence[int], allowed: Sequence[str] = ()) -> None:
        self._ports = tuple(ports)
        self._networks = Networks(allowed)

    def check(self, url: str) -> Destination:
        """Return where a URL points; raise BadValue, always with the same words, if it may not be posted to.

        Host names are not resolved: the error would tell which names exist in our network.
        """
        if len(url) > LONGEST_URL:
            raise BadValue("TOO_LONG", limit=LONGEST_URL)
        if not (match := _URL.fullmatch(url)) or "#" in url or "\\" in url:
            raise self._refused()
        destination = Destination(match["host"].lower(), int(match["port"] or HTTPS_PORT))
        if destination.port not in self._ports or not self._public(destination.host):
            raise self._refused()
        return destination

    def connection_allowed(self, address: str) -> bool:
        """Return whether a socket may be connected to an IP address."""
        return self._networks.permitted(address)

    def _public(self, host: str) -> bool:
        if host.startswith("["):
            return self._literal_allowed(host[1:-1], IPv6Address)
        if _is_numeric(host):
            return self._literal_allowed(host, IPv4Address)
        return bool(_NAME.fullmatch(host)) and host.rpartition(".")[2] not in _INSIDE

    def _literal_allowed(self, text: str, kind: type[IPv4Address] | type[IPv6Address]) -> bool:
        try:
            kind(text)
        except AddressValueError:
            return False
        return self._networks.permitted(text)

    def _refused(self) -> BadValue:
        return BadValue("NOT_A_PUBLIC_URL", ports=" or ".join(map(str, self._ports)))


def _is_numeric(host: str) -> bool:
    """Return whether clients read a host as an IPv4 address, in whatever form: 127.1, 0x7f.1, 2130706433."""
    last = host.removesuffix(".").rpartition(".")[2]
    return last.isdecimal() or bool(re.fullmatch(r"0x[0-9a-f]*", last))


@dataclass(frozen=True, kw_only=True)
class DestinationSettings:
    """What the services that store and that use the endpoints of customers have in common."""

    webhook_ports: tuple[str, ...] = setting(
        ("443", "8443"), help="ports that the URL of an endpoint may have"
    )
    webhook_allowed_networks: tuple[str, ...] = setting(
        (), help="networks, in CIDR form, that events may be posted to besides the public Internet"
    )

    def __post_init__(self) -> None:
        if wrong := [each for each in self.webhook_ports if not (each.isdecimal() and 0 < int(each) < 65536)]:
            raise ValueError(f"{PREFIX}WEBHOOK_PORTS: {wrong[0]!r} is not a port")
        try:
            Networks(self.webhook_allowed_networks)
        except ValueError as error:
            raise ValueError(f"{PREFIX}WEBHOOK_ALLOWED_NETWORKS: {error}") from None

    @property
    def destinations(self) -> Destinations:
        """Return the filter of URLs and addresses."""
        return Destinations([int(port) for port in self.webhook_ports], self.webhook_allowed_networks)
