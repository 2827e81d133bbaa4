"""Reads domains and recent emails from an account at Resend. Makes only GET requests."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from cli.resend.comparison import Entry

WITHIN = aiohttp.ClientTimeout(total=30)
LARGEST = 64 * 1024 * 1024  # bytes of one response
PAGE = 100
MOST_PAGES = 100
TRIES = 6  # of a request that exceeds Resend's rate limit
LONGEST_PAUSE = 10.0  # seconds
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# The fields of an email that Resend returns as POST /emails takes them.
FIELDS = ("from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "tags", "topic_id")


class AccountError(Exception):
    """Resend cannot be read; the text says why, and what to do."""


class KeyRejected(AccountError):
    """Resend does not accept the key."""


class Account:
    """An account at Resend, or at a server with the same API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def domains(self) -> list[Entry]:
        """Return all domains with their options. Raise AccountError."""
        found = [
            await self._get(f"/domains/{each['id']}")
            async for each in self._list("/domains", PAGE * MOST_PAGES)
        ]
        return [Entry(str(each.get("name", "")), json.dumps(each).encode()) for each in found]

    async def emails(self, limit: int) -> list[Entry]:
        """Return recent emails, newest first, as POST /emails would take them. Raise AccountError."""
        return [await self._email(str(each["id"])) async for each in self._list("/emails", limit)]

    async def _email(self, email_id: str) -> Entry:
        """Return one email; Resend keeps neither its headers nor the content of its files."""
        found = await self._get(f"/emails/{email_id}")
        email = {name: found[name] for name in FIELDS if found.get(name)}
        if not (email.get("html") or email.get("text")):
            email["text"] = "-"  # the body is not kept any longer, and was accepted
        if found.get("last_event") == "scheduled":
            email["scheduled_at"] = found.get("scheduled_at")
        files = (await self._get(f"/emails/{email_id}/attachments")).get("data") or []
        email["attachments"] = [
            {"filename": each.get("filename"), "content_type": each.get("content_type"), "content": ""}
            | ({"content_id": each["content_id"]} if each.get("content_id") else {})
            for each in files
        ]
        return Entry(email_id, json.dumps(email).encode())

    async def _list(self, path: str, limit: int) -> AsyncIterator[dict[str, Any]]:
        after = ""
        while limit > 0:
            query = {"limit": str(min(limit, PAGE))} | ({"after": after} if after else {})
            page = await self._get(path, query)
            for each in page.get("data") or []:
                yield each
                after, limit = str(each["id"]), limit - 1
            if not page.get("has_more") or not page.get("data"):
                return

    async def _get(self, path: str, query: dict[str, str] | None = None) -> dict[str, Any]:
        for _ in range(TRIES):
            try:
                async with self._session.get(
                    self._url + path, params=query, allow_redirects=False
                ) as response:
                    if response.status == 429:
                        await asyncio.sleep(_pause(response.headers.get("retry-after", "1")))
                        continue
                    return _answer(path, response.status, await response.content.read(LARGEST))
            except (aiohttp.ClientError, TimeoutError) as error:
                raise AccountError(
                    f"{self._url} is not reachable: {str(error) or 'no answer in time'}"
                ) from None
        raise AccountError(f"{self._url} still limits the rate after {TRIES} requests. Try again later.")


@asynccontextmanager
async def an_account(url: str, key: str) -> AsyncIterator[Account]:
    """Open an account with a key, which is only sent over TLS, or to this machine. Raise AccountError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname in LOOPBACK) != ("http", True):
        raise AccountError(f"{url} is not an https URL. The key is not sent in clear text.")
    headers = {"authorization": f"Bearer {key}", "user-agent": "letterhead"}
    async with aiohttp.ClientSession(timeout=WITHIN, headers=headers) as session:
        yield Account(session, url)


def _pause(seconds: str) -> float:
    try:
        return min(max(float(seconds), 0.1), LONGEST_PAUSE)
    except ValueError:
        return 1.0


def _answer(path: str, status: int, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if status in (401, 403):
        detail = answer.get("message", "") if isinstance(answer, dict) else ""
        raise KeyRejected(f"The key was rejected for GET {path}: {detail} Use a key with full access.")
    if status == 404 and path.endswith("/attachments"):
        return {}
    if status != 200 or not isinstance(answer, dict):
        raise AccountError(f"GET {path} returned status {status}, not a JSON object.")
    return answer
