"""Requests as each client of Resend emits them are accepted or refused as they should be, and mean the same.

`recorded/` has one file for each client; its README describes the form.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sandbox.client import Json
from tests.clients.stage import Stage
from tests.clients.times import named_times

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

RECORDED = Path(__file__).with_name("recorded")


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


@pytest.mark.parametrize("recording", recordings(), ids=str)
async def test_a_recorded_request_means_what_its_client_meant(stage: Stage, recording: Recording) -> None:
    names = {"domain": stage.domain, "reader": f"r{uuid4().hex[:12]}.com", "unique": uuid4().hex}
    request = filled(recording.request, names | named_times())

    answer = await asked(stage, request)
    if "error" in request:
        is_refused(answer, request)
        return
    assert answer.status_code == 200, answer.text
    names["id"] = answer.json().get("id", "")
    for each in request.get("then", []):
        follow = filled(each, names)
        again = await asked(stage, follow)
        assert again.status_code == 200, again.text

    mails: Json = request.get("mails", {})
    assert await stage.meanings(mails) == mails
    for address in request.get("envelope", []):
        assert sorted((await stage.delivered_to(address))["envelope_to"]) == sorted(request["envelope"])
    read: Json = request.get("read", {})
    if read:
        assert await stage.reads(names["id"], read) == read


async def asked(stage: Stage, request: Json) -> httpx.Response:
    """Send a request with the client's own headers."""
    headers = {"accept": "*/*", "content-type": "application/json"} | request.get("headers", {})
    content = json.dumps(request["body"]) if "body" in request else None
    return await stage.api.request(request["method"], request["path"], headers=headers, content=content)


def is_refused(answer: httpx.Response, request: Json) -> None:
    """Check the status and the name of an error, and that its message names the cause."""
    wanted = request["error"]
    problem = answer.json()
    assert (answer.status_code, problem["name"]) == (wanted["status"], wanted["name"]), answer.text
    assert [each for each in wanted["says"] if each not in problem["message"]] == [], problem["message"]


def filled(value: Any, names: dict[str, str]) -> Any:
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
