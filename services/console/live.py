"""What is known of domains, as it changes: one upstream stream for each domain and key that has pages open.

Keys do not share a stream: verifier ends the stream of a revoked key or link, and its pages end with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from prometheus_client import Gauge

from chassis.backoff import wait_any
from chassis.bell import Bell
from letterhead.verifier.v1.verifier_pb2 import Verification, WatchDomainRequest
from services.console.calls import Calls, Refused

PAGES = Gauge("letterhead_live_pages", "Pages that watch a domain now")
STREAMS = Gauge("letterhead_live_streams", "Streams from verifier that they share")

MOST_PAGES = 200  # that watch one domain with one key
HEARTBEAT = timedelta(seconds=15)
AGAIN = timedelta(seconds=0.5)  # until a stream that broke is opened again


@dataclass(frozen=True, slots=True)
class Sight:
    """One state of knowledge; what was rendered of it is kept with it, and made once for all who watch."""

    known: Verification
    shown: dict[str, str] = field(default_factory=dict)

    def rendered(self, kind: str, render: Callable[[Verification], str]) -> str:
        """Returns what `render` makes of it."""
        if kind not in self.shown:
            self.shown[kind] = render(self.known)
        return self.shown[kind]


class _Watched:
    """One domain that is watched with one key."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.sight: Sight | None = None
        self.ended = False
        self.pages = 0
        self.task: asyncio.Task[None]


class Live:
    """All domains that are watched through this process."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._watched: dict[tuple[str, str], _Watched] = {}  # by domain and key
        self._ends = asyncio.Event()

    async def follow(self, domain_id: str, key: str) -> AsyncGenerator[Sight | None]:
        """Gives what is known at once and at each change, and None when nothing happened for a while.

        Ends when the domain is gone or the process ends. The caller has made sure that `key` may see it.
        """
        with self._joined(domain_id, key) as watched:
            last: Sight | None = None
            while not (watched.ended or self._ends.is_set()):
                ring = watched.bell.next_ring()
                if watched.sight is not last:
                    last = watched.sight
                    yield last
                    continue
                await wait_any(ring, timeout=HEARTBEAT.total_seconds())
                if not ring.is_set():
                    yield None

    def full(self, domain_id: str, key: str) -> bool:
        """Tells whether one key has all the pages of a domain that it may; nobody takes every connection."""
        watched = self._watched.get((domain_id, key))
        return watched is not None and watched.pages >= MOST_PAGES

    def end(self) -> None:
        """Ends every stream."""
        self._ends.set()
        for watched in self._watched.values():
            watched.bell.ring()

    @contextmanager
    def _joined(self, domain_id: str, key: str) -> Iterator[_Watched]:
        watched = self._watched.get((domain_id, key))
        if watched is None or watched.ended:
            watched = self._watched[domain_id, key] = _Watched()
            watched.task = asyncio.create_task(self._watch(watched, domain_id, key))
        watched.pages += 1
        try:
            with PAGES.track_inprogress():
                yield watched
        finally:
            watched.pages -= 1
            if not watched.pages:
                watched.task.cancel()
                if self._watched.get((domain_id, key)) is watched:
                    del self._watched[domain_id, key]

    async def _watch(self, watched: _Watched, domain_id: str, key: str) -> None:
        try:
            with STREAMS.track_inprogress():
                while await self._stream(watched, domain_id, key):
                    await wait_any(self._ends, timeout=AGAIN.total_seconds())
        finally:
            watched.ended = True
            watched.bell.ring()

    async def _stream(self, watched: _Watched, domain_id: str, key: str) -> bool:
        """Follows one stream to its end; tells whether to open another."""
        try:
            async with aclosing(
                self._calls.watch(WatchDomainRequest(domain_id=domain_id), key=key)
            ) as stream:
                async for told in stream:
                    watched.sight = Sight(told.verification)
                    watched.bell.ring()
        except Refused as refused:
            return refused.code.name == "UNAVAILABLE"
        return False
