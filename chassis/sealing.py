"""Encryption of secrets that are stored in Postgres, with keys from a file that can be rotated.

The file has one Fernet key per line. The first encrypts; all decrypt. To replace a key, see docs/webhooks.md.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from chassis.config import Secret


class SealBroken(Exception):
    """A value was not encrypted with any of the keys."""


class Seal:
    """Encrypts and decrypts with the keys of a file; raises ValueError for a line that is not a key."""

    def __init__(self, keys: Secret) -> None:
        fernets = [Fernet(line.strip()) for line in keys.reveal().split()]
        self._fernet = MultiFernet(fernets)
        self._newest = fernets[0]

    def seal(self, text: str) -> bytes:
        """Return the text encrypted with the first key."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Return the text; raise SealBroken if none of the keys encrypted it."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise SealBroken("none of the keys in the file encrypted this value") from None

    def resealed(self, sealed: bytes) -> bytes | None:
        """Return the value encrypted with the first key; None if it is. Raise SealBroken as `open` does."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return self.seal(self.open(sealed))
        return None


def generate_key() -> str:
    """Return a new key, one line of the file."""
    return Fernet.generate_key().decode()
