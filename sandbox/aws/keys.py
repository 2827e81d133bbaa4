"""DKIM keys of the pretend SES: real RSA-2048, made in a thread, since one takes a twentieth of a second.

Every identity's first selector, the one that signs, has a key of its own. The two standby selectors never
sign here and share the pool's standby keys; identities seeded in bulk share one key, so 2,000 cost nothing.
"""

import asyncio
import base64
from collections import deque

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

STOCK = 2  # keys made ahead; identities come at one a second


def make_key() -> rsa.RSAPrivateKey:
    """A new RSA-2048 key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def dkim_record(key: rsa.RSAPrivateKey) -> str:
    """The TXT record under which receivers find the key's public half, RFC 6376 section 3.6.1."""
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


class KeyPool:
    """Keys for identities: shared ones, and a stock of fresh ones, filled once somebody has taken one."""

    def __init__(
        self, *, seeded: rsa.RSAPrivateKey, standby: tuple[rsa.RSAPrivateKey, ...], own: bool = True
    ) -> None:
        """`own`: each identity gets a key of its own; else all get the seeded one."""
        self._own = own
        self.seeded = seeded
        self.standby = standby
        self._stock: deque[rsa.RSAPrivateKey] = deque()
        self._wanted = asyncio.Event()

    async def take(self) -> rsa.RSAPrivateKey:
        """A key that nobody else has; waits for its making when the stock is empty."""
        if not self._own:
            return self.seeded
        self._wanted.set()
        if self._stock:
            return self._stock.popleft()
        return await asyncio.to_thread(make_key)

    async def run(self, stop: asyncio.Event) -> None:
        """Fills the stock up after each take, until `stop` is set."""
        while not stop.is_set():
            await _either(self._wanted, stop)
            self._wanted.clear()
            while len(self._stock) < STOCK and not stop.is_set():
                self._stock.append(await asyncio.to_thread(make_key))


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
