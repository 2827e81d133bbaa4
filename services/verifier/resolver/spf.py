"""Evaluates SPF records as receivers do (RFC 7208), for whole networks of client addresses at once.

A mechanism splits the networks into those that it matches and those that it does not, so the result is exact
for every address. Addresses that take different ways through the record count their DNS lookups apart.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Protocol

from services.verifier.model.spf import Kind, Mechanism, Policy, Qualifier, SpfSyntaxError, is_spf, parse
from services.verifier.model.spf_macros import Address, Message, depends_on_address, expand, target_of
from services.verifier.model.spf_results import (
    EVERYTHING,
    Group,
    Network,
    Outcome,
    Problem,
    Result,
    divided,
    error,
    outcome,
    parts,
)

MOST_LOOKUPS = 10  # terms that query DNS (section 4.6.4)
MOST_VOID = 2  # queries without an answer
MOST_EXCHANGES = 10  # host names of one `mx`
MOST_REVERSE = 10  # host names of one `ptr`


class DnsFailedError(Exception):
    """A query got no definite answer."""


class Dns(Protocol):
    """The queries of one evaluation; an evaluation repeats queries, so it should remember answers."""

    async def query(self, name: str, type_: str) -> Sequence[str]:
        """Return the values of a TXT, A, AAAA, MX (host names only) or PTR query, CNAMEs followed.

        Return nothing if the name or the record does not exist. Raise DnsFailedError if that is unknown.
        """
        ...


_RESULTS = {
    Qualifier.PASS: Result.PASS,
    Qualifier.FAIL: Result.FAIL,
    Qualifier.SOFTFAIL: Result.SOFTFAIL,
    Qualifier.NEUTRAL: Result.NEUTRAL,
}
_ERRORS = (Result.TEMPERROR, Result.PERMERROR)


async def evaluate(
    dns: Dns, domain: str, networks: Iterable[Network], message: Message, *, record: str | None = None
) -> list[Outcome]:
    """Return the results for all addresses of some networks; together the outcomes have each address once.

    With `record`, evaluate this SPF record of the domain instead of querying for it.
    """
    evaluation = _Evaluation(dns, message)
    group = Group(tuple(networks))
    if record is not None:
        return await evaluation.evaluate(record, domain, group)
    return await evaluation.check_host(domain, group)


async def networks_of(dns: Dns, domain: str) -> list[Network]:
    """Return the networks that a domain's SPF record and those it includes list; raise DnsFailedError."""
    waiting, networks = [domain], list[Network]()
    for _ in range(MOST_LOOKUPS + 1):
        if not waiting:
            break
        records = [text for text in await dns.query(waiting.pop(), "TXT") if is_spf(text)]
        for mechanism in parse(records[0]).mechanisms if records else ():
            if mechanism.network is not None and mechanism.qualifier is Qualifier.PASS:
                networks.append(mechanism.network)
            if mechanism.kind is Kind.INCLUDE:
                waiting.append(mechanism.target.removesuffix("."))
    return networks


class _Stop(Exception):
    """The evaluation of a group ends with an error."""

    def __init__(self, group: Group, result: Result, problem: Problem) -> None:
        super().__init__(problem)
        self.group = group
        self.result = result
        self.problem = problem


class _Evaluation:
    def __init__(self, dns: Dns, message: Message) -> None:
        self._dns = dns
        self._message = message

    async def check_host(self, domain: str, group: Group) -> list[Outcome]:
        """Query for a domain's SPF record and evaluate it."""
        try:
            texts = await self._dns.query(domain, "TXT") if _proper(domain) else ()
        except DnsFailedError:
            return [error(group, Result.TEMPERROR, domain, "", Problem.DNS)]
        records = [text for text in texts if is_spf(text)]
        if len(records) > 1:
            return [error(group, Result.PERMERROR, domain, "", Problem.TWO_RECORDS)]
        if not records:
            return [error(group, Result.NONE, domain, "", Problem.NO_RECORD)]
        return await self.evaluate(records[0], domain, group)

    async def evaluate(self, record: str, domain: str, group: Group) -> list[Outcome]:
        """Evaluate one record."""
        try:
            policy = parse(record)
        except SpfSyntaxError as syntax:
            invalid = error(group, Result.PERMERROR, domain, syntax.term, Problem.SYNTAX)
            return [replace(invalid, suggestion=syntax.suggestion)]
        waiting, outcomes = [group], list[Outcome]()
        for mechanism in policy.mechanisms:
            further: list[Group] = []
            for each in waiting:
                unmatched, decided = await self._apply(mechanism, domain, each)
                further += unmatched
                outcomes += decided
            waiting = further
        for each in waiting:
            outcomes += await self._default(policy, domain, each)
        return outcomes

    async def _default(self, policy: Policy, domain: str, group: Group) -> list[Outcome]:
        """Return the results of networks that no mechanism matched."""
        if not policy.redirect:
            return [outcome(group, Result.NEUTRAL, domain, "")]
        term = f"redirect={policy.redirect}"
        try:
            group = _counted(group)
        except _Stop as stop:
            return [error(stop.group, stop.result, domain, term, stop.problem)]
        target = expand(policy.redirect, domain, _some(group), self._message)
        outcomes = await self.check_host(target, group)
        return [
            replace(each, result=Result.PERMERROR, domain=domain, term=term)
            if each.result is Result.NONE
            else each
            for each in outcomes
        ]

    async def _apply(
        self, mechanism: Mechanism, domain: str, group: Group
    ) -> tuple[list[Group], list[Outcome]]:
        """Return the groups that a mechanism does not match, and the outcomes of those that it does."""
        unmatched, outcomes = list[Group](), list[Outcome]()
        for each in _alike(mechanism, group):
            try:
                if mechanism.kind is Kind.INCLUDE:
                    inside, outside, errors = await self._include(mechanism, domain, _counted(each))
                else:
                    inside, outside, errors = await self._split(mechanism, domain, each)
            except _Stop as stop:
                inside, outside = [], []
                errors = [error(stop.group, stop.result, domain, mechanism.text, stop.problem)]
            outcomes += errors
            outcomes += [
                outcome(one, _RESULTS[mechanism.qualifier], domain, mechanism.text) for one in inside
            ]
            unmatched += outside
        return unmatched, outcomes

    async def _include(
        self, mechanism: Mechanism, domain: str, group: Group
    ) -> tuple[list[Group], list[Group], list[Outcome]]:
        """Return the groups that the included record passes, those that it does not, and its errors."""
        target = target_of(mechanism, domain, _some(group), self._message)
        outcomes = await self.check_host(target, group)
        groups = [(Group(each.networks, each.lookups, each.void), each) for each in outcomes]
        inside = [one for one, each in groups if each.result is Result.PASS]
        errors = [each for each in outcomes if each.result in _ERRORS] + [
            replace(each, result=Result.PERMERROR, domain=domain, term=mechanism.text)
            for each in outcomes
            if each.result is Result.NONE
        ]
        ended = (Result.PASS, Result.NONE, *_ERRORS)
        return inside, [one for one, each in groups if each.result not in ended], errors

    async def _split(
        self, mechanism: Mechanism, domain: str, group: Group
    ) -> tuple[list[Group], list[Group], list[Outcome]]:
        """Return the part of a group that a mechanism matches, and the rest."""
        group, matching = await self._matching(mechanism, domain, group, _some(group))
        inside, outside = divided(group.networks, matching)
        if _by_address(mechanism) and inside:
            # The mechanism matches the first address of the network; it counts only if it matches the last.
            _, matching = await self._matching(mechanism, domain, group, group.networks[0][-1])
            if not divided(group.networks, matching)[0]:
                inside, outside = (), group.networks
        return parts(group, inside), parts(group, outside), []

    async def _matching(
        self, mechanism: Mechanism, domain: str, group: Group, address: Address
    ) -> tuple[Group, Sequence[Network]]:
        """Return the networks that a mechanism names, and the group with the cost of finding out."""
        match mechanism.kind:
            case Kind.ALL:
                return group, EVERYTHING
            case Kind.IP4 | Kind.IP6:
                assert mechanism.network is not None
                return group, [mechanism.network]
        group = _counted(group)
        target = target_of(mechanism, domain, address, self._message)
        match mechanism.kind:
            case Kind.EXISTS:
                group, found = await self._query(group, target, "A")
                return group, EVERYTHING if found else ()
            case Kind.PTR:
                group, named = await self._named(group, target, address)
                return group, EVERYTHING if named else ()
            case Kind.MX:
                group, hosts = await self._query(group, target, "MX")
                if len(hosts) > MOST_EXCHANGES:
                    raise _Stop(group, Result.PERMERROR, Problem.EXCHANGES)
            case _:
                hosts = [target]
        networks: list[Network] = []
        for host in hosts:
            group, addresses = await self._query(group, host, _TYPES[address.version])
            prefix = mechanism.prefix4 if address.version == 4 else mechanism.prefix6
            networks += [ip_network(f"{each}/{prefix}", strict=False) for each in addresses]
        return group, networks

    async def _named(self, group: Group, target: str, address: Address) -> tuple[Group, bool]:
        """Return whether a host name of an address is the target or below it, and has the address."""
        try:
            names = await self._dns.query(address.reverse_pointer, "PTR")
        except DnsFailedError:
            return group, False  # section 5.5: the mechanism does not match
        for name in names[:MOST_REVERSE]:
            if name == target or name.endswith(f".{target}"):
                try:
                    if str(address) in await self._dns.query(name, _TYPES[address.version]):
                        return group, True
                except DnsFailedError:
                    continue
        return group, False

    async def _query(self, group: Group, name: str, type_: str) -> tuple[Group, Sequence[str]]:
        """Return the values of a query; MOST_VOID queries may find nothing."""
        try:
            values = await self._dns.query(name, type_) if _proper(name) else ()
        except DnsFailedError:
            raise _Stop(group, Result.TEMPERROR, Problem.DNS) from None
        if values:
            return group, values
        group = replace(group, void=group.void + 1)
        if group.void > MOST_VOID:
            raise _Stop(group, Result.PERMERROR, Problem.VOID_LOOKUPS)
        return group, ()


_TYPES = {4: "A", 6: "AAAA"}


def _some(group: Group) -> Address:
    """Return one address of a group, for macros; those that depend on it get a group for each network."""
    return group.networks[0][0]


def _by_address(mechanism: Mechanism) -> bool:
    return mechanism.kind is Kind.PTR or depends_on_address(mechanism.target)


def _alike(mechanism: Mechanism, group: Group) -> list[Group]:
    """Divide a group so that the mechanism makes the same queries for each part."""
    if _by_address(mechanism):
        return [replace(group, networks=(network,)) for network in group.networks]
    if mechanism.kind in (Kind.A, Kind.MX):
        families = (tuple(each for each in group.networks if each.version == version) for version in (4, 6))
        return [replace(group, networks=family) for family in families if family]
    return [group]


def _counted(group: Group) -> Group:
    """Return the group with one more lookup; raise _Stop if that is one too many."""
    group = replace(group, lookups=group.lookups + 1)
    if group.lookups > MOST_LOOKUPS:
        raise _Stop(group, Result.PERMERROR, Problem.LOOKUPS)
    return group


def _proper(name: str) -> bool:
    """Return whether a name can be queried: at least two labels of 1 to 63 octets (section 4.3)."""
    labels = name.split(".")
    return len(labels) > 1 and len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
