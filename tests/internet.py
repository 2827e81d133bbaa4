"""The pretend Internet of one test: name servers, SES with SNS and SQS, and a mailbox, on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.__main__ import running
from sandbox.client import SandboxClient, connect_sandbox
from sandbox.config import Addresses, SandboxConfig


@dataclass(frozen=True)
class Internet:
    """Where everything listens, and the control API to tell it what to be like."""

    addresses: Addresses
    control: SandboxClient


@asynccontextmanager
async def pretend_internet(
    certificates: Path, *, check_interval: float = 0.1, control_rate: float = 0
) -> AsyncIterator[Internet]:
    """Runs a sandbox within this process; it knows nothing of any other test.

    SES looks at DNS every `check_interval` seconds and takes `control_rate` requests a second (0: any).
    """
    settings = SandboxConfig(
        sandbox_control_port=0,
        sandbox_ses_port=0,
        sandbox_tls_port=0,
        sandbox_smtp_port=0,
        sandbox_dns_port=0,
        sandbox_directory=certificates,
        sandbox_check_interval=check_interval,
        sandbox_control_rate=control_rate,
    )
    async with running(settings) as addresses, connect_sandbox(addresses.control) as control:
        yield Internet(addresses, control)
