"""Fixtures that run the sandbox or its DNS on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sandbox.__main__ import running
from sandbox.client import SandboxClient, connect_sandbox
from sandbox.config import Addresses, SandboxConfig
from sandbox.dns import Internet
from tests.integration.sandbox.resolver import Resolver


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    """Run a simulated DNS whose name servers listen."""
    internet = Internet()
    async with internet.listening():
        yield internet


@pytest.fixture
def resolver(internet: Internet) -> Resolver:
    """Return a resolver that knows only the root server."""
    return Resolver(root=internet.root, port=internet.port)


@asynccontextmanager
async def a_sandbox(workspace: Path) -> AsyncIterator[Addresses]:
    """Run a whole sandbox on free ports."""
    settings = SandboxConfig(
        sandbox_control_port=0,
        sandbox_ses_port=0,
        sandbox_tls_port=0,
        sandbox_smtp_port=0,
        sandbox_dns_port=0,
        sandbox_directory=workspace / "sandbox",
    )
    async with running(settings) as addresses:
        yield addresses


@pytest.fixture
async def addresses(workspace: Path) -> AsyncIterator[Addresses]:
    """Run a sandbox for one test."""
    async with a_sandbox(workspace) as addresses:
        yield addresses


@pytest.fixture
async def control(addresses: Addresses) -> AsyncIterator[SandboxClient]:
    """Return a client of the sandbox's control API."""
    async with connect_sandbox(addresses.control) as client:
        yield client
