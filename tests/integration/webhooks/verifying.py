"""webhooks with its queue and its HTTPS endpoint, which fetches certificates from the test's own host."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from services.webhooks.__main__ import running
from services.webhooks.config import Config, Endpoint, Policy, Sns
from tests.integration.webhooks.certificate_host import HOST, CertificateHost, Elsewhere
from tests.internet import Internet


@dataclass(frozen=True)
class SnsClient:
    """Posts to the endpoint of a running service."""

    url: str
    session: aiohttp.ClientSession

    async def post(self, body: Any, headers: dict[str, str] | None = None) -> int:
        """Post as SNS does; return the status of the answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "text/plain; charset=UTF-8"} | (headers or {})
        async with self.session.post(self.url, data=io.BytesIO(content), headers=sent) as answer:
            return answer.status


@dataclass(frozen=True)
class VerifyingWebhooks:
    """The service's settings, and the hosts that it connects to."""

    settings: Config
    internet: Internet
    host: CertificateHost
    elsewhere: Elsewhere
    ca_file: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/sns"

    @property
    def known(self) -> set[tuple[str, int]]:
        """Return the addresses that the service and this test may connect to."""
        settings = self.settings
        urls = [settings.database.database_url.reveal(), settings.nats.nats_url, self.internet.addresses.ses]
        addresses = [urlsplit(url) for url in [*urls, self.internet.addresses.control, self.url]]
        return {(each.hostname or "", each.port or 0) for each in addresses} | {(HOST, self.host.port)}

    @asynccontextmanager
    async def start(self, policy: Policy = "off", *, queue: str = "") -> AsyncIterator[SnsClient]:
        """Run the service, reading another queue than the test's if one is given."""
        feedback = self.settings.feedback
        settings = replace(
            self.settings,
            sns=Sns(sns_ca_file=self.ca_file, sns_certificate_address=self.host.address),
            sns_endpoint=Endpoint(sns_port=self.port),
            feedback=replace(
                feedback, feedback_signatures=policy, feedback_queue=queue or feedback.feedback_queue
            ),
        )
        async with running(settings), aiohttp.ClientSession() as session:
            yield SnsClient(self.url, session)

    async def confirmations(self) -> int:
        """Return how many subscriptions the service asked SNS to confirm."""
        calls: dict[str, int] = (await self.internet.control.ledger())["others"]
        return calls.get("sns.ConfirmSubscription", 0)
