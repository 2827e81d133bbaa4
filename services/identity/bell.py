"""Wakes those in this process who wait for a change of some domain. Not for saying which."""

import asyncio


class Bell:
    """Rung when any domain changed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wakes all who wait now."""
        self._next.set()
        self._next = asyncio.Event()

    def next_ring(self) -> asyncio.Event:
        """Gives what the next ring sets; take it before looking, so that no change is missed."""
        return self._next
