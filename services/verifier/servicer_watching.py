"""Wakes the streams of this process that watch domains, when a look of any replica has changed something."""

import asyncio


class Bell:
    """Rung once for all who wait."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wakes all who wait now."""
        self._next.set()
        self._next = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """Returns what the next ring sets; take it before looking, so that no change is missed."""
        return self._next
