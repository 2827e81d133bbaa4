"""DKIM keys of the simulated SES: real RSA-2048, generated in a thread, because one takes about 50 ms.

The first selector of every identity, which signs, has its own key. The two standby selectors never sign
and share the pool's standby keys. Identities seeded in bulk share one key, so that seeding 2,000 is fast.
"""

import asyncio
import base64
from collections import deque

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

STOCK = 2  # keys generated in advance; identities are created at one per second


def make_key() -> rsa.RSAPrivateKey:
    """Return a new RSA-2048 key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def dkim_record(key: rsa.RSAPrivateKey) -> str:
    """Return the TXT record of the public key, RFC 6376 section 3.6.1."""
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


class KeyPool:
    """Keys for identities: shared ones, and a stock of new ones that is refilled after each use."""

    def __init__(
        self, *, seeded: rsa.RSAPrivateKey, standby: tuple[rsa.RSAPrivateKey, ...], own: bool = True
    ) -> None:
        """Take `own`: true gives each identity its own key, false the seeded key."""
        self._own = own
        self.seeded = seeded
        self.standby = standby
        self._stock: deque[rsa.RSAPrivateKey] = deque()
        self._wanted = asyncio.Event()

    async def take(self) -> rsa.RSAPrivateKey:
        """Return an unused key; generate one if the stock is empty."""
        if not self._own:
            return self.seeded
        self._wanted.set()
        if self._stock:
            return self._stock.popleft()
        return await asyncio.to_thread(make_key)

    async def run(self, stop: asyncio.Event) -> None:
        """Refill the stock after each use, until `stop` is set."""
        while not stop.is_set():
            await _wait_for_any(self._wanted, stop)
            self._wanted.clear()
            while len(self._stock) < STOCK and not stop.is_set():
                self._stock.append(await asyncio.to_thread(make_key))


async def _wait_for_any(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
