"""Live updates of domains: one stream from verifier for each domain and key with open pages.

Keys do not share a stream: verifier ends the stream of a revoked key or link, and its pages end with it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.backoff import wait_any
from chassis.client import CallFailed, stream
from chassis.notifier import Notifier
from letterhead.verifier.v1.verifier_pb2 import Verification, WatchDomainRequest
from services.console.metrics import LIVE_PAGES, LIVE_STREAMS
from services.console.stubs import Stubs

MOST_PAGES = 200  # per domain and key
HEARTBEAT = timedelta(seconds=15)
REOPEN_DELAY = timedelta(seconds=0.5)  # delay before a broken stream is reopened


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of a domain, with its rendered HTML, which is created once for all pages that watch it."""

    verification: Verification
    shown: dict[str, str] = field(default_factory=dict)

    def rendered(self, kind: str, render: Callable[[Verification], str]) -> str:
        """Return the HTML of this kind, rendering it on first use."""
        if kind not in self.shown:
            self.shown[kind] = render(self.verification)
        return self.shown[kind]


class _Watched:
    """The shared state of all pages that watch one domain with one key."""

    def __init__(self) -> None:
        self.notifier = Notifier()
        self.snapshot: Snapshot | None = None
        self.failure: CallFailed | None = None  # why verifier gave no snapshot
        self.ended = False
        self.pages = 0
        self.task: asyncio.Task[None]


class Live:
    """All domains watched through this process."""

    def __init__(self, stubs: Stubs) -> None:
        self._stubs = stubs
        self._watched: dict[tuple[str, str], _Watched] = {}  # by domain and key
        self._stopping = asyncio.Event()

    async def follow(self, domain_id: str, key: str) -> AsyncGenerator[Snapshot | None]:
        """Yield the current snapshot, then one after each change, and None as a heartbeat.

        End when the domain is gone or the process stops. Raise CallFailed if verifier gives this key no
        snapshot. Only the first page of a domain costs a call: after a restart, all pages return at once.
        """
        with self._join(domain_id, key) as watched:
            last: Snapshot | None = None
            while not (watched.ended or self._stopping.is_set()):
                changed = watched.notifier.next_event()
                if watched.snapshot is not last:
                    last = watched.snapshot
                    yield last
                    continue
                await wait_any(changed, timeout=HEARTBEAT.total_seconds())
                if not changed.is_set():
                    yield None
            if watched.failure is not None:
                raise watched.failure

    def full(self, domain_id: str, key: str) -> bool:
        """Return whether a key has its limit of pages of a domain open; no key may take all connections."""
        watched = self._watched.get((domain_id, key))
        return watched is not None and watched.pages >= MOST_PAGES

    def end(self) -> None:
        """End every stream."""
        self._stopping.set()
        for watched in self._watched.values():
            watched.notifier.notify()

    @contextmanager
    def _join(self, domain_id: str, key: str) -> Iterator[_Watched]:
        watched = self._watched.get((domain_id, key))
        if watched is None or watched.ended:
            watched = self._watched[domain_id, key] = _Watched()
            watched.task = asyncio.create_task(self._watch(watched, domain_id, key))
        watched.pages += 1
        try:
            with LIVE_PAGES.track_inprogress():
                yield watched
        finally:
            watched.pages -= 1
            if not watched.pages:
                watched.task.cancel()
                if self._watched.get((domain_id, key)) is watched:
                    del self._watched[domain_id, key]

    async def _watch(self, watched: _Watched, domain_id: str, key: str) -> None:
        try:
            with LIVE_STREAMS.track_inprogress():
                while await self._stream(watched, domain_id, key):
                    await wait_any(self._stopping, timeout=REOPEN_DELAY.total_seconds())
        finally:
            watched.ended = True
            watched.notifier.notify()

    async def _stream(self, watched: _Watched, domain_id: str, key: str) -> bool:
        """Follow one stream to its end; return whether to open another."""
        try:
            request = WatchDomainRequest(domain_id=domain_id)
            async with aclosing(stream(self._stubs.verifier.WatchDomain, request, key=key)) as updates:
                async for update in updates:
                    watched.snapshot = Snapshot(update.verification)
                    watched.notifier.notify()
        except CallFailed as failure:
            if watched.snapshot is None:
                watched.failure = failure
                return False
            return failure.code.name == "UNAVAILABLE"
        return False
