"""A client of the sandbox's control API, with which the demo and the tests publish records and read mail.

It does not import the sandbox and depends only on the URLs documented in sandbox/README.md.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Json = dict[str, Any]


class SandboxError(Exception):
    """The control API answered with an error; the text is its message."""


class SandboxClient:
    """A client of one sandbox, by the URL of its control API. Every call times out after 30 seconds."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def call(self, method: str, path: str, body: Json | None = None, **query: str | int) -> Json:
        """Call the control API and return its JSON; raise SandboxError for an error."""
        async with self._session.request(method, self._url + path, json=body, params=query) as answer:
            content: Json = await answer.json()
        if answer.status >= 400:
            raise SandboxError(str(content.get("error", content)))
        return content

    async def publish(
        self, record_type: str, name: str, value: str, *, priority: int = 0, **more: Any
    ) -> None:
        """Publish a DNS record; `servers=[…]` limits it to some name servers of the zone."""
        body = {"type": record_type, "name": name, "value": value, "priority": priority} | more
        await self.call("POST", "/dns/records", body)

    async def withdraw(self, record_type: str, name: str, value: str | None = None) -> None:
        """Delete a DNS record, or all records of a type at a name."""
        body = {"type": record_type, "name": name}
        if value is not None:
            body["value"] = value
        await self.call("DELETE", "/dns/records", body)

    async def posts(self, path: str) -> list[Json]:
        """Return the posts to a path of the receiver of webhooks, oldest first."""
        posts: list[Json] = (await self.call("GET", "/receiver/posts", None, at=path))["posts"]
        return posts

    async def behave(self, path: str, **behavior: Any) -> None:
        """Set how the receiver answers posts to a path; the names are those of the control API."""
        await self.call("POST", "/receiver/behaviors", {"path": path} | behavior)

    async def emails(self, **filters: str | int) -> list[Json]:
        """Return the emails in the mailbox, newest first, filtered by `to`, `from` or `subject`."""
        emails: list[Json] = (await self.call("GET", "/mailbox/emails", None, **filters))["emails"]
        return emails

    async def email(self, email_id: str) -> Json:
        """Return one email with its authentication results."""
        return await self.call("GET", f"/mailbox/emails/{email_id}")

    async def raw(self, email_id: str) -> bytes:
        """Return the raw bytes of one email as it was delivered."""
        async with self._session.get(f"{self._url}/mailbox/emails/{email_id}/raw") as answer:
            answer.raise_for_status()
            return await answer.read()

    async def ledger(self) -> Json:
        """Return the calls that reached SES: posts, accepted, controls, throttled."""
        return await self.call("GET", "/ses/ledger")


@asynccontextmanager
async def connect_sandbox(url: str) -> AsyncIterator[SandboxClient]:
    """Open a client on the control API at `url`."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield SandboxClient(session, url)
