"""Requests as each client of Resend emits them are accepted or refused as they should be, and mean the same.

`recorded/` has one file for each client; README.md describes the form.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from sandbox.client import Json
from tests.clients.stage import Stage
from tests.clients.times import named_times

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

RECORDED = Path(__file__).with_name("recorded")
AT_ONCE = 16

Replays: TypeAlias = Mapping[str, asyncio.Task[None]]


@dataclass(frozen=True)
class Recording:
    """One request of a client, and what has to come of it."""

    client: str
    request: Json

    def __str__(self) -> str:
        return f"{self.client}: {self.request['what']}"


def recordings() -> list[Recording]:
    """Return every recorded request."""
    documents = [(path.stem, json.loads(path.read_text())) for path in sorted(RECORDED.glob("*.json"))]
    return [Recording(client, request) for client, document in documents for request in document["requests"]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def replays(stage: Stage) -> AsyncIterator[Replays]:
    """Replay every recording; many at once, because each mostly waits for its email to arrive."""
    places = asyncio.Semaphore(AT_ONCE)

    async def replayed(request: Json) -> None:
        async with places:
            await means_what_its_client_meant(stage, request)

    tasks = {str(each): asyncio.create_task(replayed(each.request)) for each in recordings()}
    yield tasks
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("recording", [str(each) for each in recordings()])
async def test_a_recorded_request_means_what_its_client_meant(replays: Replays, recording: str) -> None:
    await replays[recording]


async def means_what_its_client_meant(stage: Stage, request: Json) -> None:
    """Send a request and what follows it; check the answer, each email that arrives, and what is read."""
    names = {"domain": stage.domain, "reader": f"r{uuid4().hex[:12]}.com", "unique": uuid4().hex}
    request = filled(request, names | named_times())

    answer = await asked(stage, request)
    if "error" in request:
        is_refused(answer, request["error"])
        return
    assert answer.status_code == 200, answer.text
    email_id = {"id": answer.json().get("id", "")}
    for each in request.get("then", []):
        following = await asked(stage, filled(each, email_id))
        assert following.status_code == 200, following.text

    mails: Json = request.get("mails", {})
    assert await stage.meanings(mails) == mails
    for address in request.get("envelope", []):
        assert sorted((await stage.delivered_to(address))["envelope_to"]) == sorted(request["envelope"])
    if "read" in request:
        assert await stage.reads(email_id["id"], request["read"]) == request["read"]


async def asked(stage: Stage, request: Json) -> httpx.Response:
    """Send a request with the client's own headers."""
    headers = {"accept": "*/*", "content-type": "application/json"} | request.get("headers", {})
    content = json.dumps(request["body"]) if "body" in request else None
    return await stage.api.request(request["method"], request["path"], headers=headers, content=content)


def is_refused(answer: httpx.Response, wanted: Json) -> None:
    """Check the status and the name of an error, and that its message names the cause."""
    problem = answer.json()
    assert (answer.status_code, problem["name"]) == (wanted["status"], wanted["name"]), answer.text
    assert [each for each in wanted["says"] if each not in problem["message"]] == [], problem["message"]


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """Return a JSON value in which each `{name}` is replaced; other braces stay as they are."""
    if isinstance(value, str):
        for name, content in names.items():
            value = value.replace(f"{{{name}}}", content)
        return value
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    if isinstance(value, dict):
        return {filled(key, names): filled(each, names) for key, each in value.items()}
    return value
