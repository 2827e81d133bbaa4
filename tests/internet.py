"""The sandbox Internet of one test: name servers, SES with SNS and SQS, and a mailbox, on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.aws import session
from sandbox.__main__ import running
from sandbox.client import SandboxClient, connect_sandbox
from sandbox.config import Addresses, SandboxConfig
from tests.factories import REGION


@dataclass(frozen=True)
class Internet:
    """The addresses of all servers, and the control API that configures them."""

    addresses: Addresses
    control: SandboxClient

    def aws(self, service: str, region: str = REGION) -> Any:
        """Return a blocking client of an AWS service, such as `sesv2`, with an operator's permissions."""
        return session().create_client(
            service,
            region_name=region,
            endpoint_url=self.addresses.ses,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )


@asynccontextmanager
async def pretend_internet(
    certificates: Path, *, check_interval: float = 0.1, control_rate: float = 0
) -> AsyncIterator[Internet]:
    """Run a sandbox in this process, isolated from other tests.

    Its SES checks DNS every `check_interval` seconds and accepts `control_rate` requests per second (0 = no
    limit).
    """
    settings = SandboxConfig(
        sandbox_control_port=0,
        sandbox_ses_port=0,
        sandbox_tls_port=0,
        sandbox_smtp_port=0,
        sandbox_dns_port=0,
        sandbox_receiver_port=0,
        sandbox_directory=certificates,
        sandbox_check_interval=check_interval,
        sandbox_control_rate=control_rate,
    )
    async with running(settings) as addresses, connect_sandbox(addresses.control) as control:
        yield Internet(addresses, control)
