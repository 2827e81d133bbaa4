"""The installation that the scenes run on, and the events recorded there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from cli.client import Services
from cli.events import Event, Tail
from cli.polling import until
from sandbox.client import SandboxClient

READERS = "mail.reader-of-letters.com"


@dataclass(frozen=True)
class Stage:
    """The public APIs of an installation, the controls of its sandbox, and its database to simulate age.

    `tenant` and `other` call with the keys of two tenants, `operator` with the operator's.
    """

    tenant: Services
    other: Services
    operator: Services
    sandbox: SandboxClient
    receiver: str
    tail: Tail
    database: asyncpg.Connection
    ses: Any  # boto3's client of the sandbox's SES, as another user of the AWS account has it
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def record(self, resource: str, *subjects: str, **data: str) -> None:
        """Wait for an event of each subject about a resource, with these data, and keep it as the example."""
        for subject in subjects:
            await self.record_while(subject, resource, _wait, **data)

    async def record_while(
        self, subject: str, resource: str, act: Callable[[], Awaitable[None]], **data: str
    ) -> None:
        """Repeat an action until such an event arrives, and keep it as the example."""

        async def arrived() -> Event | None:
            event = self._find(subject, resource, data)
            if event is None:
                await act()
            return event

        event = await until(f"{subject} about {resource} arrives", arrived)
        self.examples[subject] = event.content

    async def find(self, subject: str, resource: str) -> Event | None:
        """Return the first event of a subject about a resource; None if none has arrived."""
        return self._find(subject, resource, {})

    def _find(self, subject: str, resource: str, data: Mapping[str, str]) -> Event | None:
        return self.tail.find(
            subject, lambda event: event.resource == resource and data.items() <= event.data.items()
        )

    async def inject(self, event_type: str, ses_id: str, **details: Any) -> None:
        """Have SES report an event about an email."""
        await self.sandbox.call(
            "POST", "/events/inject", {"event_type": event_type, "message_id": ses_id, **details}
        )


async def _wait() -> None:
    """Do nothing while an event is on its way."""
