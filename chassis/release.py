"""The release that a process runs: a digest of its own source, so that no build has to set it."""

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What every image and checkout has. The generated code follows from the contract that these are written for.
FOLDERS = ("chassis", "services", "schema")
SUFFIXES = frozenset({".py", ".sql", ".html", ".css", ".js"})
DIGITS = 12


@cache
def release() -> str:
    """Return the digest; equal for two processes only if they run the same source."""
    digest = hashlib.sha256()
    for path in sorted(each for folder in FOLDERS for each in (ROOT / folder).rglob("*")):
        if path.suffix in SUFFIXES:
            digest.update(f"{path.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:DIGITS]
