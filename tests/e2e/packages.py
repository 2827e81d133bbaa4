"""Installs what tests need: Debian packages (without root it names them), npm projects, Python packages."""

import asyncio
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

INSTALL_WITHIN = 300  # seconds
NODE = {"node": "nodejs", "npm": "npm"}
PERL_LIBRARIES = ("/usr/share/perl5", "/usr/local/share/perl5")
ONE_AT_A_TIME = Path(tempfile.gettempdir(), "letterhead-tests-packages.lock")


async def install(packages: Mapping[str, str]) -> None:
    """Install the packages (program: package) whose programs are missing; raise RuntimeError without root."""
    with _exclusively():
        missing = sorted({package for program, package in packages.items() if shutil.which(program) is None})
        if missing:
            await _install(missing)


async def install_library(module: str, package: str) -> None:
    """Install the package of a Perl module, such as `Mail/SPF.pm`, if it is missing."""
    with _exclusively():
        if not any(Path(folder, module).is_file() for folder in PERL_LIBRARIES):
            await _install([package])


@contextmanager
def _exclusively() -> Iterator[None]:
    """Serialize the workers of a run: apt waits for dpkg's lock but not for the lock of its lists."""
    with ONE_AT_A_TIME.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _install(missing: list[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError(
            f"These tests need the Debian packages {' and '.join(missing)}. Install them first."
        )
    quietly = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # do not start services
    waiting = ("-o", f"DPkg::Lock::Timeout={INSTALL_WITHIN}")  # another program may be installing packages
    await output("apt-get", "update", "-q", *waiting, environ=quietly)
    await output(
        "apt-get", "install", "-q", "-y", "--no-install-recommends", *waiting, *missing, environ=quietly
    )


async def output(*command: str, given: bytes = b"", environ: Mapping[str, str] | None = None) -> str:
    """Run a program and return its output; raise RuntimeError with its stderr if it fails."""
    path = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=path | dict(environ or {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(INSTALL_WITHIN):
        stdout, stderr = await process.communicate(given)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {stderr.decode()[-500:]}")
    return stdout.decode()


async def install_npm_project(folder: Path) -> None:
    """Install an npm project from its lock file."""
    await _install_from_registry(
        "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder
    )


async def install_python_packages(pins: Path, folder: Path) -> Path:
    """Install pinned packages into a new virtual environment; return its Python."""
    await _install_from_registry(sys.executable, "-m", "venv", str(folder))
    python = folder / "bin/python"
    pip = ("-m", "pip", "install", "-qq", "--disable-pip-version-check", "--require-hashes", "--no-deps")
    await _install_from_registry(str(python), *pip, "-r", str(pins))
    return python


async def _install_from_registry(*command: str, cwd: Path | None = None) -> None:
    """Run an installer with this process's environment, which may set a proxy or an index."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=cwd, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(INSTALL_WITHIN):
        _, stderr = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed: {stderr.decode()[-500:]}")
