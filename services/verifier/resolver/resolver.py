"""Iterative resolver that queries all authoritative name servers of a name, found by walking from the root.

Without a recursive resolver's negative cache, a record is seen as soon as it is published. Delegations and
name server addresses are cached for a short time; answers never are. DNSSEC is not validated.
"""

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import dns.message

from chassis.networks import Networks
from services.verifier.config import ResolverSettings
from services.verifier.model.records import DEFINITE, Answer, Observation, Outcome
from services.verifier.resolver.replies import ALIASES, Referral, Reply, Response, classify, usable
from services.verifier.resolver.wire import Budget, NoAnswerError, Wire
from services.verifier.resolver.zones import Zone, ZoneCache, is_registry

CHECK_SECONDS = 10.0
CHECK_QUERIES = 160  # for all records of a domain, including follow-up queries
SERVERS_ASKED = 8  # of one zone
ADDRESSES_TRIED = 2  # of one server
REFERRALS = 16
HEAD_START = 0.4  # seconds until the next server is queried too, when one answer is enough
NESTING = 3  # depth of name server lookups that need the address of another name server

_random = random.SystemRandom()


class Resolver:
    """The state that DNS checks share: sockets, and the caches of zones and addresses."""

    def __init__(self, settings: ResolverSettings) -> None:
        seconds = settings.dns_timeout.total_seconds()
        self.wire = Wire(port=settings.dns_port, timeout=seconds, tries=settings.dns_tries)
        self.zones = ZoneCache(settings.dns_roots)
        self.networks = Networks(settings.dns_allowed_networks)

    def lookup(self, *, seconds: float = CHECK_SECONDS) -> "Lookup":
        """Start a DNS check, whose queries share one budget."""
        deadline = asyncio.get_running_loop().time() + seconds
        return Lookup(self, Budget(deadline, CHECK_QUERIES))


class Lookup:
    """The queries of one DNS check within one budget. Once it is spent, further queries end as TIMEOUT."""

    def __init__(self, resolver: Resolver, budget: Budget, nesting: int = 0) -> None:
        self._resolver = resolver
        self._budget = budget
        self._nesting = nesting

    async def ask(self, name: str, type_: str, *, follow: bool = False, thorough: bool = True) -> Answer:
        """Query every server of the name's zone, or until one answers when the query is not `thorough`.

        With `follow`, CNAME records are followed into other zones too, eight at most.
        """
        answer = await self._answer(name, type_, thorough=thorough)
        trail = [name]
        while follow and (alias := _leads_out(answer)) is not None:
            if alias in trail or len(trail) > ALIASES:
                return _looped(answer, trail)
            trail.append(alias)
            further = await self._answer(alias, type_, thorough=thorough)
            answer = replace(further, name=name, zone=answer.zone, observations=_via(trail, further))
        return answer

    async def _answer(self, name: str, type_: str, *, thorough: bool) -> Answer:
        zone, replies = await self._walk(name, type_)
        registry = is_registry(zone.name)
        if thorough and not registry:
            replies |= await self._query_others(zone, replies, name, type_)
            # A server that has the child zone too answers for it, while the others refer to it.
            if down := _delegation(replies):
                zone = self._resolver.zones.learn(down)
                replies = await self._query_others(zone, {}, name, type_)
        seen = tuple(_observation(host, replies[host]) for host in sorted(replies))
        absent = registry and any(each.outcome is Outcome.NXDOMAIN for each in seen)
        return Answer(name, _apex(zone, replies), seen, unregistered=absent)

    async def _walk(self, name: str, type_: str) -> tuple[Zone, dict[str, Response]]:
        """Walk down to the zone that has the name; return it with the replies of its servers so far."""
        zone = self._resolver.zones.nearest(name)
        for _ in range(REFERRALS):
            replies = await self._race(zone, name, type_)
            down = _delegation(replies)
            if down is None:
                return zone, replies
            zone = self._resolver.zones.learn(down)
        return zone, {}

    async def _race(self, zone: Zone, name: str, type_: str) -> dict[str, Response]:
        """Query servers one after another, HEAD_START seconds apart, until one reply is usable."""
        waiting = _random.sample(list(zone.hosts), min(len(zone.hosts), SERVERS_ASKED))
        running: dict[asyncio.Task[Response], str] = {}
        replies: dict[str, Response] = {}
        try:
            while (waiting or running) and not any(map(usable, replies.values())):
                if waiting:
                    host = waiting.pop()
                    running[asyncio.create_task(self._query(zone, host, name, type_))] = host
                patience = HEAD_START if waiting else None
                done, _ = await asyncio.wait(running, timeout=patience, return_when="FIRST_COMPLETED")
                replies |= {running.pop(task): task.result() for task in done}
        finally:
            for task in running:
                task.cancel()
        return replies

    async def _query_others(
        self, zone: Zone, known: dict[str, Response], name: str, type_: str
    ) -> dict[str, Response]:
        hosts = [host for host in zone.hosts if host not in known][: SERVERS_ASKED - len(known)]
        replies = await asyncio.gather(*(self._query(zone, host, name, type_) for host in hosts))
        return dict(zip(hosts, replies, strict=True))

    async def _query(self, zone: Zone, host: str, name: str, type_: str) -> Response:
        try:
            addresses = zone.hosts[host] or await self._addresses(host)
            return classify(await self._first_answer(addresses, name, type_), name, type_, zone.name)
        except NoAnswerError as error:
            return Reply(error.outcome)

    async def _first_answer(self, addresses: Sequence[str], name: str, type_: str) -> dns.message.Message:
        failure = NoAnswerError(Outcome.FORBIDDEN_ADDRESS)
        permitted = [each for each in addresses if self._resolver.networks.permitted(each)]
        for address in permitted[:ADDRESSES_TRIED]:
            try:
                return await self._resolver.wire.ask(address, name, type_, self._budget)
            except NoAnswerError as error:
                failure = error
        raise failure

    async def _addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a name server without glue; IPv4 before IPv6.

        Raise NoAnswerError with NO_ADDRESS when there are none, or with the failure of the host's own zone.
        """
        known = self._resolver.zones.addresses(host)
        if known is not None:
            return known
        if self._nesting >= NESTING:
            raise NoAnswerError(Outcome.NO_ADDRESS)
        nested, replies = Lookup(self._resolver, self._budget, self._nesting + 1), dict[str, Response]()
        for type_ in ("A", "AAAA"):
            _, replies = await nested._walk(host, type_)
            if found := _addresses_in(replies.values()):
                self._resolver.zones.learn_addresses(host, found)
                return found
        raise NoAnswerError(_failure(replies.values()))


def _delegation(replies: Mapping[str, Response]) -> Referral | None:
    return next((each for each in replies.values() if isinstance(each, Referral)), None)


def _addresses_in(replies: Iterable[Response]) -> tuple[str, ...]:
    return tuple(value.text for each in replies if isinstance(each, Reply) for value in each.values)


def _failure(replies: Iterable[Response]) -> Outcome:
    """Return why no address was found: NO_ADDRESS after a definite answer, otherwise the servers' failure."""
    outcomes = [each.outcome for each in replies if isinstance(each, Reply)]
    return Outcome.NO_ADDRESS if not outcomes or DEFINITE.intersection(outcomes) else outcomes[0]


def _observation(host: str, reply: Response) -> Observation:
    if isinstance(reply, Referral):  # other servers answered authoritatively, so this one is lame
        return Observation(host, Outcome.LAME)
    return Observation(host, reply.outcome, reply.values, reply.aliases, reply.contradictory)


def _apex(zone: Zone, replies: dict[str, Response]) -> str:
    """Return the zone's name, taken from the SOA record when it is deeper than the last referral.

    A server that has both parent and child zone answers for the child without a referral.
    """
    apexes = [each.apex for each in replies.values() if isinstance(each, Reply) and each.apex]
    below = [apex for apex in apexes if not zone.name or apex.endswith(f".{zone.name}")]
    return below[0] if below else zone.name


def _leads_out(answer: Answer) -> str | None:
    ends = (
        seen.aliases[-1]
        for seen in answer.observations
        if seen.aliases and not seen.values and not seen.contradictory
    )
    return next(ends, None)


def _via(trail: Sequence[str], answer: Answer) -> tuple[Observation, ...]:
    return tuple(replace(seen, aliases=(*trail[1:], *seen.aliases)) for seen in answer.observations)


def _looped(answer: Answer, trail: Sequence[str]) -> Answer:
    seen = (replace(each, outcome=Outcome.LOOP, aliases=tuple(trail[1:])) for each in answer.observations)
    return replace(answer, observations=tuple(seen))
