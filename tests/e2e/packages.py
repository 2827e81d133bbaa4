"""Programs of Debian's packages that tests need: installed where that can be done, named loudly where not."""

import asyncio
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

INSTALL_WITHIN = 300  # seconds
ONE_AT_A_TIME = Path(tempfile.gettempdir(), "letterhead-tests-packages.lock")


async def install(packages: Mapping[str, str]) -> None:
    """Gets the packages whose programs are missing (program: package); raises RuntimeError, naming them."""
    with _alone():
        missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
        if missing:
            await _get(missing)


@contextmanager
def _alone() -> Iterator[None]:
    """Lets in one worker of a run after the other: apt waits for dpkg's lock, not for that of its lists."""
    with ONE_AT_A_TIME.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _get(missing: list[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(f"These tests need Debian's packages {' and '.join(missing)}: install them first.")
    quietly = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # installed, not started
    waiting = ("-o", f"DPkg::Lock::Timeout={INSTALL_WITHIN}")  # somebody else may be installing something
    await output("apt-get", "update", "-q", *waiting, environ=quietly)
    await output(
        "apt-get", "install", "-q", "-y", "--no-install-recommends", *waiting, *missing, environ=quietly
    )


async def output(*command: str, given: bytes = b"", environ: Mapping[str, str] | None = None) -> str:
    """What a program prints; raises RuntimeError with its complaint when it fails."""
    path = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=path | dict(environ or {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(INSTALL_WITHIN):
        said, complained = await process.communicate(given)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {complained.decode()[-500:]}")
    return said.decode()
