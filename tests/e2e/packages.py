"""Programs of Debian's packages that tests need: installed where that can be done, named loudly where not."""

import asyncio
import os
import shutil
from collections.abc import Mapping

INSTALL_WITHIN = 300  # seconds


async def install(packages: Mapping[str, str]) -> None:
    """Gets the packages whose programs are missing (program: package); raises RuntimeError, naming them."""
    missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(f"These tests need Debian's packages {' and '.join(missing)}: install them first.")
    quietly = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # installed, not started
    # Two workers of one run may come here at once: the lock of dpkg is waited for.
    waiting = ("-o", f"DPkg::Lock::Timeout={INSTALL_WITHIN}")
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
