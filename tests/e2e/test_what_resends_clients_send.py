"""What clients of Resend's API send besides the documented shapes is accepted, or rejected with its cause."""

import base64
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.e2e.conftest import World
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

PDF = b"%PDF-1.4 \xff"
CSV = b"name,price\r\nTea,3.50\r\n"
FILE = {"filename": "a.txt", "content": ""}


class Sender:
    """A client of the API with a verified domain."""

    def __init__(self, client: httpx.AsyncClient, world: World, domain: str) -> None:
        self.client = client
        self._world = world
        self.domain = domain

    async def send(self, **more: Any) -> httpx.Response:
        content = json.dumps(self.an_email(**more))  # httpx itself cannot write unpaired surrogates
        return await self.client.post("/emails", content=content)

    def an_email(self, **more: Any) -> dict[str, Any]:
        email = {"from": f"agent@{self.domain}", "to": "ada@readers.com", "subject": "Hello", "text": "Day."}
        return email | more

    async def accepted(self, **more: Any) -> dict[str, Any]:
        """Send an email and return it as the API shows it."""
        response = await self.send(**more)
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = (await self.client.get(f"/emails/{response.json()['id']}")).json()
        return shown

    async def rejected(self, **more: Any) -> tuple[int, str, str]:
        response = await self.send(**more)
        body = response.json()
        return response.status_code, body["name"], body["message"]

    async def received(self, subject: str) -> Any:
        """Return the MIME message that the recipient received."""

        async def found() -> Any:
            emails = await self._world.sandbox.emails(subject=subject)
            return await self._world.sandbox.raw(emails[0]["id"]) if emails else None

        raw = await eventually(found, within=timedelta(seconds=60))
        return message_from_bytes(raw, policy=policy.default)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sender(world: World) -> AsyncIterator[Sender]:
    headers = {"authorization": f"Bearer {world.installation.api_key}"}
    async with httpx.AsyncClient(base_url=world.installation.console, headers=headers, timeout=60) as client:
        pasted = f" HTTPS://D{uuid4().hex[:10]}.com/contact "
        created = (await client.post("/domains", json={"name": pasted})).json()
        assert created["name"] == pasted.strip().lower().removeprefix("https://").removesuffix("/contact")
        yield Sender(client, world, created["name"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def verified(world: World, sender: Sender) -> Sender:
    """Return the client once its domain is verified, so that its emails are delivered."""
    for each in (await sender.client.get("/domains?limit=100")).json()["data"]:
        if each["name"] == sender.domain:
            await _verify(world, sender, each["id"])
    return sender


@pytest.mark.parametrize(
    "more",
    [
        {"headers": [], "tags": {}, "attachments": {}},
        {"headers": {}, "tags": [], "attachments": []},
        {"cc": None, "bcc": None, "reply_to": None, "html": None, "headers": None, "tags": None,
         "attachments": None, "scheduled_at": None, "template": None, "topic_id": None},
    ],
)  # fmt: skip
async def test_empty_and_null_fields_are_empty(sender: Sender, more: dict[str, Any]) -> None:
    shown = await sender.accepted(**more)

    assert (shown["cc"], shown["bcc"], shown["reply_to"], shown["tags"]) == ([], [], [], [])


async def test_an_email_may_have_75_tags_and_no_more(sender: Sender) -> None:
    tags = [{"name": f"t{number}", "value": "v" * 256} for number in range(76)]

    assert len((await sender.accepted(tags=tags[:75]))["tags"]) == 75
    status, name, message = await sender.rejected(tags=tags)
    assert (status, name) == (422, "validation_error")
    assert "75" in message


@pytest.mark.parametrize(
    ("text", "ahead"), [("in 1 hour", timedelta(hours=1)), ("in 2 days", timedelta(days=2))]
)
async def test_a_time_in_words_is_shown_resolved_and_a_retry_is_the_same_email(
    sender: Sender, text: str, ahead: timedelta
) -> None:
    headers = {"idempotency-key": uuid4().hex}
    email = sender.an_email(scheduled_at=text)

    first = (await sender.client.post("/emails", json=email, headers=headers)).json()
    again = await sender.client.post("/emails", json=email, headers=headers)

    meant = datetime.fromisoformat(first["scheduled_at"]) - datetime.now(UTC)
    assert timedelta(0) <= ahead - meant < timedelta(minutes=1)
    assert (again.status_code, again.json()) == (200, first)
    other = await sender.client.post("/emails", json=email | {"scheduled_at": "in 3 days"}, headers=headers)
    assert (other.status_code, other.json()["name"]) == (409, "invalid_idempotent_request")
    shown = (await sender.client.get(f"/emails/{first['id']}")).json()
    assert (shown["last_event"], shown["scheduled_at"]) == ("scheduled", first["scheduled_at"])


async def test_a_time_without_a_zone_is_utc_also_in_a_batch_and_when_it_is_changed(sender: Sender) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    naive = later.replace(tzinfo=None).isoformat()

    batch = (await sender.client.post("/emails/batch", json=[sender.an_email(scheduled_at=naive)])).json()
    email_id = batch["data"][0]["id"]
    moved = await sender.client.patch(f"/emails/{email_id}", json={"scheduled_at": "in 3 hours"})

    assert batch["data"] == [{"id": email_id, "scheduled_at": later.isoformat()}]
    assert moved.status_code == 200
    assert datetime.fromisoformat(moved.json()["scheduled_at"]) > datetime.now(UTC) + timedelta(hours=2)


@pytest.mark.parametrize(
    ("more", "name", "message"),
    [
        ({"scheduledAt": "in 1 hour"}, "validation_error", "`scheduledAt` is not a field. Use"),
        ({"replyTo": "a@b.com"}, "validation_error", "`replyTo` is not a field. Use `reply_to`."),
        ({"scheduled_at": "tomorrow at 9"}, "validation_error", "`scheduled_at` has an hour"),
        ({"headers": {"X-Foo": "a\nb"}}, "validation_error", "`headers.X-Foo` must be one line"),
        ({"headers": {"X-Ok": "a", "X-Foo": 1}}, "validation_error", "`headers.X-Foo` is invalid"),
        (
            {"attachments": [FILE, FILE, FILE | {"content_type": "x"}]},
            "invalid_attachment",
            "`attachments[2].content_type` is not a media type",
        ),
        ({"tags": [{"name": "a", "value": "\ud800"}]}, "validation_error", "`tags[0].value` has an unpaired"),
        (
            {"attachments": [{"filename": "a", "path": "https://x.com/a"}]},
            "invalid_attachment",
            "`attachments[0].path` is not fetched",
        ),
    ],
)  # fmt: skip
async def test_what_has_no_clear_meaning_is_rejected_with_its_cause(
    sender: Sender, more: dict[str, Any], name: str, message: str
) -> None:
    status, found, words = await sender.rejected(**more)

    assert (status, found) == (422, name)
    assert words.startswith(message)


async def test_an_unpaired_surrogate_in_a_text_is_replaced(sender: Sender) -> None:
    shown = await sender.accepted(subject="Hi \ud83d", **{"from": f"A\ud83d <agent@{sender.domain}>"})

    assert (shown["subject"], shown["from"]) == ("Hi \ufffd", f'"A\ufffd" <agent@{sender.domain}>')


async def test_an_unpaired_surrogate_arrives_as_a_replacement_character(verified: Sender) -> None:
    unique = uuid4().hex

    await verified.accepted(
        subject=f"Hi \ud83d {unique}",
        html="<p>Hi \ud83d</p>",
        text="Hi \udc00\ud83d!",
        to=["A\ud83da <ada@readers.com>"],
        cc="\ude00 C <cc@readers.com>",
        reply_to="\ud83d <desk@readers.com>",
        attachments=[{"filename": "a\ud83d.txt", "content": "SGk="}],
        **{"from": f"Agent \ud83d <agent@{verified.domain}>"},
    )

    message = await verified.received(f"Hi \ufffd {unique}")
    names = {header: message[header].addresses[0].display_name for header in ("From", "To", "Cc", "Reply-To")}
    assert names == {"From": "Agent \ufffd", "To": "A\ufffda", "Cc": "\ufffd C", "Reply-To": "\ufffd"}
    assert message.get_body(("html",)).get_content().strip() == "<p>Hi \ufffd</p>"
    assert message.get_body(("plain",)).get_content().strip() == "Hi \ufffd\ufffd!"
    assert [each.get_filename() for each in message.iter_attachments()] == ["a\ufffd.txt"]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"headers": {"X-Foo": "\ud83d"}}, "headers.X-Foo"),
        ({"tags": [{"name": "a", "value": "\ud83d"}]}, "tags[0].value"),
        ({"scheduled_at": "in 1 hour\ud83d"}, "scheduled_at"),
        ({"attachments": [FILE, FILE | {"contentType": "\ud83d"}]}, "attachments[1].contentType"),
        ({"attachments": [FILE | {"content": "\ud83d"}]}, "attachments[0].content"),
        ({"more": {"deep": ["\ud83d"]}}, "more.deep[0]"),
    ],
)
async def test_an_unpaired_surrogate_elsewhere_is_named_with_its_path(
    sender: Sender, more: dict[str, Any], path: str
) -> None:
    status, name, message = await sender.rejected(**more)

    assert (status, name) == (422, "validation_error")
    assert message == f"`{path}` has an unpaired surrogate, which is not a character. Remove it."


async def test_headers_arrive_as_meant_encoded_or_not(verified: Sender) -> None:
    subject = f"Headers {uuid4().hex}"
    headers = {"X-Encoded": "=?utf-8?Q?Zo=C3=AB?=", "X-Plain": "山田 太郎", "X-Ascii": "17"}

    await verified.accepted(subject=subject, headers=headers)

    message = await verified.received(subject)
    found = {name: str(message[name]) for name in headers}
    assert found == {"X-Encoded": "Zoë", "X-Plain": "山田 太郎", "X-Ascii": "17"}


async def test_files_arrive_as_their_bytes_whichever_way_they_are_sent(verified: Sender) -> None:
    subject, padded = f"Files {uuid4().hex}", base64.b64encode(PDF).decode()
    files: dict[str, dict[str, Any]] = {
        "a.pdf": {"content": padded},
        "b.pdf": {"content": base64.urlsafe_b64encode(PDF).decode().rstrip("=")},
        "c.pdf": {"content": {"type": "Buffer", "data": list(PDF)}},
        "d.pdf": {"content": list(PDF)},
        "e.pdf": {"path": f"data:application/pdf;base64,{padded}"},
        "f.csv": {"content": CSV.decode()},
    }

    await verified.accepted(
        subject=subject, attachments=[{"filename": name, **content} for name, content in files.items()]
    )

    message = await verified.received(subject)
    received = {part.get_filename(): part for part in message.walk() if part.get_filename()}
    wanted = dict.fromkeys(("a.pdf", "b.pdf", "c.pdf", "d.pdf", "e.pdf"), PDF) | {"f.csv": CSV}
    assert {name: part.get_payload(decode=True) for name, part in received.items()} == wanted
    assert received["e.pdf"].get_content_type() == "application/pdf"


async def _verify(world: World, sender: Sender, domain_id: str) -> None:
    """Publish the records of a domain, and wait until it is verified."""

    async def is_verified() -> bool:
        domain = (await sender.client.get(f"/domains/{domain_id}")).json()
        for each in domain["records"]:
            name = f"{each['name']}.{sender.domain}".removeprefix("@.")
            await world.sandbox.publish(each["type"], name, each["value"], priority=each.get("priority", 0))
        await sender.client.post(f"/domains/{domain_id}/verify")
        return bool(domain["status"] == "verified")

    await eventually(is_verified, within=timedelta(seconds=90))


async def test_a_key_is_renamed(sender: Sender) -> None:
    made = (
        await sender.client.post("/api-keys", json={"name": "old", "permission": "sending_access"})
    ).json()

    answer = await sender.client.patch(f"/api-keys/{made['id']}", json={"id": made["id"], "name": "new"})

    assert answer.json() == {"object": "api_key", "id": made["id"]}
    listed = (await sender.client.get("/api-keys?limit=100")).json()["data"]
    assert [each["name"] for each in listed if each["id"] == made["id"]] == ["new"]
    empty = await sender.client.patch(f"/api-keys/{made['id']}", json={"name": ""})
    assert (empty.status_code, empty.json()["name"]) == (422, "validation_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/emails/0198f0c0-0000-7000-8000-000000000000/share"),
        ("GET", "/emails/metrics"),
        ("GET", "/usage"),
        ("GET", "/inboxes"),
        ("POST", "/inboxes/ada@readers.com/drafts"),
        ("POST", "/contacts/imports"),
        ("POST", "/templates/x/publish"),
        ("GET", "/emails/0198f0c0-0000-7000-8000-000000000000/attachments"),
    ],
)
async def test_what_is_not_supported_is_answered_in_words(sender: Sender, method: str, path: str) -> None:
    answer = await sender.client.request(method, path, json={})

    assert answer.status_code == 404
    assert answer.json().keys() == {"statusCode", "name", "message"}
    assert answer.json()["name"] == "not_found"
    assert re.search("not supported|not available|cannot be retrieved", answer.json()["message"])
