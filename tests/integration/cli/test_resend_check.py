"""`letterhead resend check` says for each domain and email at Resend, or in a file, what would differ."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.field_reasons import SENTENCES
from tests.integration.cli.resend_server import KEY, ResendServer, serving

pytestmark = pytest.mark.timeout(180)

DOMAIN = {"id": "d9", "name": "mnexa.ai", "status": "verified", "region": "us-east-1", "tls": "opportunistic"}
EMAIL = {
    "from": "Ada <agent@mnexa.ai>",
    "to": ["reader@readers.com"],
    "subject": "Hello",
    "text": "Good day.",
}
# As GET /emails/{id} of Resend returns it.
SENT: dict[str, Any] = EMAIL | {
    "object": "email", "id": "e1", "created_at": "2026-11-03 22:13:42.674981+00", "html": None, "cc": None,
    "bcc": [], "reply_to": None, "last_event": "delivered", "scheduled_at": None, "tags": [],
    "message_id": "<1@x>",
}  # fmt: skip


async def check(*arguments: str) -> tuple[int, str, str]:
    """Run the command with this process's environment; return its exit status and what it prints."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "cli", "resend", "check", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    output, problems = await process.communicate()
    return process.returncode or 0, output.decode(), problems.decode()


async def report(*arguments: str) -> tuple[int, dict[str, Any]]:
    status, output, problems = await check("--json", *arguments)
    assert problems == ""
    return status, json.loads(output)


def outcomes(compared: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["label"], each["outcome"]) for each in compared]


def a_file(folder: Path, *lines: Any) -> str:
    path = folder / "recent.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines))
    return str(path)


async def test_a_file_is_compared_line_by_line(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        ["mnexa.ai", "https://Mail.Mnexa.ai/", "co.uk"],
        {"name": "opens.mnexa.ai", "open_tracking": True},
        EMAIL,
        EMAIL | {"scheduled_at": "in 1 hour", "subject": "\ud800"},
        EMAIL | {"attachments": [{"filename": "a.csv", "content": "a,b\n"}]},
        EMAIL | {"from": "agent@other.ai"},
        EMAIL | {"scheduledAt": "in 1 hour"},
        EMAIL | {"headers": {"X-Foo": "a\nb"}},
        EMAIL | {"to": []},
        "{",
    )

    status, found = await report("--file", path)

    assert status == 1
    assert found["summary"] == {"alike": 2, "different": 5, "refused": 5}
    assert outcomes(found["domains"]) == [
        ("mnexa.ai", "alike"), ("https://Mail.Mnexa.ai/", "different"), ("co.uk", "refused"),
        ("opens.mnexa.ai", "different"),
    ]  # fmt: skip
    notes = [each["notes"] for each in found["emails"]]
    assert notes[0] == []
    assert [len(each) for each in notes[1:4]] == [2, 1, 1]
    assert "read in UTC" in notes[1][1]
    assert "plain text" in notes[2][0]
    assert "other.ai" in notes[3][0]
    assert notes[4:] == [
        ["`scheduledAt` is not a field. Use `scheduled_at`."],
        [f"`headers.X-Foo` {SENTENCES['NOT_ONE_LINE']}."],
        ["Missing `to` field."],
        ["The body is not JSON. Send one JSON document in UTF-8."],
    ]


async def test_a_document_with_both_lists_that_is_accepted_alike_exits_with_0(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"domains": ["mnexa.ai"], "emails": [EMAIL, EMAIL]})

    status, output, _ = await check("--file", path)

    assert status == 0
    assert "3 alike, 0 different, 0 refused" in output


async def test_an_account_is_read_with_get_requests_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEND_API_KEY", KEY)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat(" ").removesuffix(":00")
    server = ResendServer(
        domains=[DOMAIN | {"id": f"d{number}", "name": f"d{number}.mnexa.ai"} for number in range(3)]
        + [DOMAIN],
        emails=[
            SENT,
            SENT | {"id": "e2", "last_event": "scheduled", "scheduled_at": tomorrow},
            SENT | {"id": "e3", "topic_id": "t1"},
            SENT | {"id": "e4", "html": None, "text": None},
            SENT | {"id": "e5"},
        ],
        attachments={"e4": [{"id": "a", "filename": "virus.exe", "content_type": "text/plain", "size": 3}]},
        busy=2,
    )
    async with serving(server):
        status, found = await report("--url", server.url, "--emails", "4")

    assert status == 1
    assert {outcome for _, outcome in outcomes(found["domains"])} == {"alike"}
    assert len(found["domains"]) == 4
    assert outcomes(found["emails"]) == [
        ("e1", "alike"), ("e2", "alike"), ("e3", "refused"), ("e4", "refused")
    ]  # fmt: skip
    assert "`topic_id` is not supported" in found["emails"][2]["notes"][0]
    assert "`attachments[0].filename` is of type .exe" in found["emails"][3]["notes"][0]
    assert {method for method, _ in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("key", "arguments", "status", "words"),
    [
        ("re_other", (), 2, "Only for sending. Use a key with full access."),
        ("", (), 2, "Set RESEND_API_KEY"),
        (KEY, ("--url", "http://resend.example.com"), 3, "not an https URL"),
        (KEY, ("--url", "http://127.0.0.1:1"), 3, "is not reachable"),
    ],
)
async def test_an_account_that_cannot_be_read_is_explained(
    monkeypatch: pytest.MonkeyPatch, key: str, arguments: tuple[str, ...], status: int, words: str
) -> None:
    monkeypatch.setenv("RESEND_API_KEY", key)
    async with serving(ResendServer(domains=[DOMAIN], emails=[])) as server:
        code, output, problems = await check(*("--url", server.url), *arguments)

    assert (code, output) == (status, "")
    assert words in problems
    assert KEY not in problems
