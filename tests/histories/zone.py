"""The zone that the DNS owner edits, and a zone that a stranger controls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sandbox.client import SandboxClient
from tests.histories.clock import OwnTime
from tests.histories.oracle import TokenSpan
from tests.histories.stories import Target

PREFIX = "letterhead-verification="
SERVERS = ("ns1.dns-host.com", "ns2.dns-host.com")


@dataclass(frozen=True, slots=True)
class Line:
    """A DNS record as a person copies it from the page."""

    type: str
    name: str
    value: str
    priority: int = 0

    @property
    def token(self) -> str | None:
        """Return the ownership token in the record, if it is an ownership record."""
        is_ownership = self.type == "TXT" and self.value.startswith(PREFIX)
        return self.value.removeprefix(PREFIX) if is_ownership else None


@dataclass
class Zone:
    """The zone of one history, which only its DNS owner edits."""

    control: SandboxClient
    apex: str
    trap: str  # the apex of a zone that a stranger controls
    time: OwnTime
    lines: dict[Line, Target] = field(default_factory=dict)
    lagging: dict[Line, Target] = field(default_factory=dict)  # on the first name server only
    odd: dict[Line, Target] = field(default_factory=dict)
    spans: list[TokenSpan] = field(default_factory=list)

    async def begin(self, servers: Sequence[str]) -> None:
        """Create both zones."""
        for apex in (self.apex, self.trap):
            await self.control.call("PUT", f"/dns/zones/{apex}", {"name_servers": list(servers)})

    async def end(self) -> None:
        """Delete both zones."""
        for apex in (self.apex, self.trap):
            await self.control.call("DELETE", f"/dns/zones/{apex}")

    async def publish(self, target: Target, lines: Iterable[Line], *, one_server: bool = False) -> int:
        """Publish the records that are missing; return how many were."""
        new = [line for line in lines if line not in self.lines]
        for line in new:
            more = {"servers": SERVERS[:1]} if one_server else {}
            # Before it is published: a check may find it at once. On one server it may be found by chance.
            if line.token:
                self.spans.append(TokenSpan(target, line.token, self.time.now()))
            await self.control.publish(line.type, line.name, line.value, priority=line.priority, **more)
            (self.lagging if one_server else self.lines)[line] = target
        return len(new)

    async def withdraw(self, lines: Iterable[Line]) -> None:
        """Remove records."""
        for line in list(lines):
            await self.control.withdraw(line.type, line.name, line.value)
            self.lines.pop(line, None)
            self.lagging.pop(line, None)
            for span in self.spans:
                if span.token == line.token and span.until is None:
                    span.until = self.time.now()

    def of(self, target: Target) -> list[Line]:
        """Return the records of one of the names."""
        return [line for line, where in (self.lines | self.lagging).items() if where is target]

    def tokens(self, target: Target) -> list[Line]:
        """Return the ownership records of one of the names."""
        return [line for line in self.of(target) if line.token]

    async def wildcard(self, target: Target, name: str, type_: str, token: str) -> None:
        """Publish a wildcard below a name that returns a token."""
        if type_ == "TXT":
            await self._oddity(target, Line("TXT", f"*.{name}", PREFIX + token))
        else:
            await self._trap(token)
            await self._oddity(target, Line("CNAME", f"*.{name}", f"trap.{self.trap}"))

    async def alias(self, target: Target, name: str, token: str) -> None:
        """Publish a CNAME from the ownership record's name to a host that a stranger controls."""
        await self._trap(token)
        await self._oddity(target, Line("CNAME", f"_letterhead.{name}", f"trap.{self.trap}"))

    async def plain(self, target: Target) -> None:
        """Remove wildcards and aliases."""
        for line in [line for line, where in self.odd.items() if where is target]:
            await self.control.withdraw(line.type, line.name, line.value)
            del self.odd[line]

    async def _oddity(self, target: Target, line: Line) -> None:
        await self.control.publish(line.type, line.name, line.value)
        self.odd[line] = target

    async def _trap(self, token: str) -> None:
        await self.control.publish("TXT", f"trap.{self.trap}", PREFIX + token)
