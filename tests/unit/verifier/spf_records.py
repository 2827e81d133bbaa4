"""Seeded SPF records and the zones around them, and pyspf's results for them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

import spf

from services.verifier.resolver.spf import DnsFailedError

Network = IPv4Network | IPv6Network
_Growing = dict[tuple[str, str], Sequence[str] | None]
Zones = Mapping[tuple[str, str], Sequence[str] | None]  # None: the query fails

DOMAIN, SENDER, HELO = "send.shop.com", "0100018f-id@send.shop.com", "a1-2.smtp-out.amazonses.com"
SES: tuple[Network, ...] = tuple(
    map(
        ip_network,
        ("199.255.192.0/22", "54.240.0.0/18", "23.249.208.0/20", "76.223.128.0/19", "2600:1f18:15d1::/48"),
    )
)
SES_RECORD = f"v=spf1 {' '.join(f'ip{each.version}:{each}' for each in SES)} -all"


@dataclass
class MemoryDns:
    """DNS answers from memory."""

    zones: Zones

    async def query(self, name: str, type_: str) -> Sequence[str]:
        """Return the values of a name, as `resolver.spf.Dns` does."""
        found = self.zones.get((name.lower().rstrip("."), type_), ())
        if found is None:
            raise DnsFailedError
        return found


class PySpf(spf.query):  # type: ignore[misc]
    """pyspf with answers from memory."""

    def __init__(self, zones: Zones, address: str) -> None:
        super().__init__(i=address, s=SENDER, h=HELO, strict=1)
        self.zones = zones

    def dns(self, name: str, qtype: str, *, ignore_void: bool = False) -> list[object]:
        """Return record data in pyspf's format."""
        found = self.zones.get((name.lower().rstrip("."), qtype), ())
        if found is None:
            raise spf.TempError("DNS failed")
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Void lookup limit exceeded")
        return [_shaped(qtype, value) for value in found]


def _shaped(qtype: str, value: str) -> object:
    match qtype:
        case "TXT":
            return (value.encode(),)
        case "MX":
            return (10, value)
    return value


def by_pyspf(zones: Zones, address: str) -> tuple[str, str]:
    """Return pyspf's result for one client address, and its explanation."""
    result, _, explanation = PySpf(zones, address).check()
    return result, explanation


def counts_unreached_redirect(zones: Zones, explanation: str) -> bool:
    """Return whether pyspf counted the lookup of a `redirect` that the evaluation does not reach.

    It does so while it parses a record. RFC 7208 section 4.6.4 counts the terms that are evaluated.
    """
    redirects = any("redirect=" in text for texts in zones.values() for text in texts or ())
    return redirects and "Too many DNS lookups" in explanation


def a_zone(rng: random.Random) -> Zones:
    """Return a random domain's zone: an SPF record, mostly valid, and what its terms lead to."""
    zones: _Growing = {("amazonses.com", "TXT"): [SES_RECORD]}
    zones[DOMAIN, "TXT"] = [_record(rng, zones, depth=0)]
    return zones


_HOSTS = ("mx1.shop.com", "mx2.shop.com", "web.shop.com", "gone.shop.com", "broken.shop.com")
_V4 = ("54.240.8.1", "199.255.192.0", "203.0.113.7", "54.240.63.255", "23.249.208.1")
_V6 = ("2600:1f18:15d1::1", "2001:db8::7")


def _record(rng: random.Random, zones: _Growing, *, depth: int) -> str:
    terms = [_term(rng, zones, depth) for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 7)))]
    if rng.random() < 0.6:
        terms.insert(
            rng.randint(0, len(terms)),
            rng.choice(
                ("include:amazonses.com",) * 5
                + ("?include:amazonses.com", "~include:amazonses.com", "include:amazonses.com.")
            ),
        )
    if rng.random() < 0.85:
        terms.append(rng.choice(("~all", "-all", "?all", "-ALL", "all")))
    elif rng.random() < 0.5:
        terms.append(f"redirect={_other(rng, zones, depth)}")
    if rng.random() < 0.12:
        terms.insert(rng.randint(0, len(terms)), rng.choice(_WRONG))
    return (" " if rng.random() < 0.95 else "  ").join(["v=spf1", *terms])


_WRONG = (
    "inlcude:amazonses.com",
    "~al",
    "ip4:1.2.3.4/33",
    "ip4:1.2.3",
    "ip6:::1/129",
    "a:",
    "include",
    "mx:/24",
    "foo",
    "all:x.com",
    "redirect=a.com redirect=b.com",
    "exists",
    "ip4:1.2.3.4/",
    "a//129",
    "include:a..b",
    "\u2013all",
    "exp=",
    "ptr:",
    "x_y=%{q}",
    "ip4:01.2.3.4",
    "ip4:54.240.0.0/018",
)


def _term(rng: random.Random, zones: _Growing, depth: int) -> str:
    sign, kind = rng.choice(("", "", "", "+", "-", "~", "?")), rng.randint(0, 9)
    if kind == 0:
        return f"u{rng.randint(0, 10**6)}=%{{d}}/x"
    if kind <= 5:
        return sign + _TERMS[kind - 1](rng, zones)
    return f"{sign}include:{_other(rng, zones, depth)}"


def _ip4(rng: random.Random, _: object) -> str:
    return f"ip4:{rng.choice(_V4)}{rng.choice(('', '/32', '/24', '/18', '/8', '/0'))}"


def _ip6(rng: random.Random, _: object) -> str:
    return f"ip6:{rng.choice(_V6)}{rng.choice(('', '/48', '/64', '/128', '/16'))}"


def _a(rng: random.Random, zones: _Growing) -> str:
    return f"a{rng.choice(('', f':{_host(rng, zones)}'))}{rng.choice(('', '/24', '//64', '/16//48'))}"


def _mx(rng: random.Random, zones: _Growing) -> str:
    return f"mx{rng.choice(('', f':{_mail(rng, zones)}'))}{rng.choice(('', '/24', '//64'))}"


def _exists(rng: random.Random, zones: _Growing) -> str:
    zones["ex.shop.com", "A"] = ["127.0.0.2"]
    names = ("ex.shop.com", "no.shop.com", "%{o2}.ex.com", "ex.%{d2}", "%{d2r}.x.com")
    return f"exists:{rng.choice(names)}"


_TERMS = (_ip4, _ip6, _a, _mx, _exists)


def _host(rng: random.Random, zones: _Growing) -> str:
    host = rng.choice(_HOSTS)
    if host.startswith("broken"):
        zones[host, "A"] = zones[host, "AAAA"] = None
    elif not host.startswith("gone"):
        zones[host, "A"] = rng.sample(_V4, rng.randint(1, 3))
        zones[host, "AAAA"] = rng.sample(_V6, rng.randint(0, 2))
    return host


def _mail(rng: random.Random, zones: _Growing) -> str:
    name = f"m{rng.randint(0, 9)}.shop.com"
    hosts = [_host(rng, zones) for _ in range(rng.choice((0, 1, 2, 3, 11)))]
    # Hosts of one priority are queried in any order, so the first error must not depend on it.
    zones[name, "MX"] = [each for each in hosts if each.startswith("broken")] or hosts
    return name


def _other(rng: random.Random, zones: _Growing, depth: int) -> str:
    name = f"i{len(zones)}.shop.com"
    zones[name, "TXT"] = ()
    chance = rng.random()
    if chance < 0.06:
        return name  # nothing there
    if chance < 0.1:
        zones[name, "TXT"] = None
    elif chance < 0.14:
        zones[name, "TXT"] = ["v=spf1 -all", "v=spf1 ~all"]
    elif depth < 4:
        zones[name, "TXT"] = ["a text", _record(rng, zones, depth=depth + 1)]
    else:
        zones[name, "TXT"] = [SES_RECORD]
    return name
