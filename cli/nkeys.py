"""Generates the nkeys of NATS's users, which the server and the services read from files."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import nkeys

from chassis.events.authorization import nkeys_file

PUBLIC_KEYS = "nkeys.conf"


@dataclass(frozen=True)
class Nkey:
    """A key pair of a user; the seed is the private half."""

    seed: str
    public: str

    @classmethod
    def generate(cls) -> Self:
        """Return a new key pair."""
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        return cls(seed.decode(), nkeys.from_seed(seed).public_key.decode())


def generate_keys(users: Iterable[str]) -> dict[str, Nkey]:
    """Return a new key pair for each user."""
    return {user: Nkey.generate() for user in users}


def public_keys(keys: Mapping[str, Nkey]) -> str:
    """Return the file that nats-server includes: the public key of each user."""
    return nkeys_file({user: key.public for user, key in keys.items()})


def write_keys(directory: Path, keys: Mapping[str, Nkey]) -> list[Path]:
    """Write one file per seed and one with all public keys; return the paths.

    Raise FileExistsError rather than overwrite a file.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {f"{user}-nats-seed": key.seed for user, key in keys.items()} | {PUBLIC_KEYS: public_keys(keys)}
    for name, text in files.items():
        with os.fdopen(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    return [directory / name for name in files]
