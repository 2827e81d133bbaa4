"""The pretend Internet of one test: name servers, SES with SNS and SQS, and a mailbox, on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from sandbox.__main__ import Addresses, SandboxConfig, running
from sandbox.client import SandboxClient, connect_sandbox


@dataclass(frozen=True)
class Internet:
    """Where everything listens, and the control API to tell it what to be like."""

    addresses: Addresses
    control: SandboxClient


@asynccontextmanager
async def pretend_internet() -> AsyncIterator[Internet]:
    """Runs a sandbox within this process; it knows nothing of any other test."""
    ports = {spec.name: 0 for spec in fields(SandboxConfig) if spec.name.endswith("_port")}
    async with (
        running(SandboxConfig(**ports)) as addresses,
        connect_sandbox(addresses.control) as control,
    ):
        yield Internet(addresses, control)
