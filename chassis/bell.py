"""Wakes all in this process who wait for some change. Not for saying what changed."""

import asyncio


class Bell:
    """Rung for all who wait; one that nobody waits for is not heard later."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._next.set()
        self._next = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """Give what the next ring sets; take it before looking, so that no change is missed."""
        return self._next
