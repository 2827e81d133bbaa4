"""Unmodified clients of npm and PyPI send, attach, schedule and cancel; their emails say what they meant.

Unmodified libraries of both verify webhooks, and the official SDKs manage them.
"""

import base64
import json
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from sandbox.client import Json
from tests.clients.stage import Stage
from tests.clients.times import named_times
from tests.e2e.packages import (
    INSTALL_WITHIN,
    NODE,
    install,
    install_npm_project,
    install_python_packages,
    output,
)
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(3 * INSTALL_WITHIN)]

ROOT = Path(__file__).resolve().parents[3]
PINS = ROOT / "requirements/clients.txt"
HERE = Path(__file__).parent
WEBHOOK_WITHIN = timedelta(seconds=60)

# A program of node/ or python/, and the packages whose versions it shows.
CLIENTS = {
    "node/resend-node": ("resend", "@react-email/render"),
    "node/nodemailer": ("nodemailer", "@documenso/nodemailer-resend"),
    "node/authjs": ("@auth/core",),
    "node/payload": ("payload", "@payloadcms/email-resend"),
    "node/strapi": ("strapi-provider-email-resend",),
    "node/resend-cli": ("resend-cli",),
    "node/resend-mcp": ("resend-mcp",),
    "python/resend_sdk": ("resend",),
    "python/django_anymail": ("django-anymail",),
}
VERIFIERS = {
    "node/verifiers": ("resend", "standardwebhooks", "svix"),
    "python/verifiers": ("resend", "standardwebhooks", "svix"),
}
WEBHOOK_CLIENTS = {
    "node/resend-webhooks": ("resend",),
    "python/resend_webhooks": ("resend",),
}
VERIFYING = {"Webhooks.verify", "verify"}  # calls nothing; the verifiers do it

FILE = {"filename": "Prix été.csv", "content_type": "text/csv", "content": "item,price\nété,7\n"}
IMAGE = {"filename": "logo.png", "content_type": "image/png", "content_id": "logo"}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Installed:
    """The clients, installed."""

    node: Path
    python: Path

    async def reports(self, client: str, setting: Json) -> list[Json]:
        """Run a client; return what it reports of its calls. Raise RuntimeError if one fails."""
        language, _, name = client.partition("/")
        command = (
            ("node", str(self.node / f"{name}.mjs"))
            if language == "node"
            else (str(self.python), "-m", f"tests.clients.real.python.{name}")
        )
        environ = {"PYTHONPATH": str(ROOT)}
        lines = await output(*command, given=json.dumps(setting).encode(), environ=environ)
        return [json.loads(line) for line in lines.splitlines()]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed(workspace: Path) -> AsyncIterator[Installed]:
    """Install every client, from its lock file."""
    await install(NODE)
    node = shutil.copytree(HERE / "node", workspace / "clients-node")
    await install_npm_project(node)
    yield Installed(node, await install_python_packages(PINS, workspace / "clients-python"))


@pytest.mark.parametrize("client", CLIENTS)
async def test_an_unmodified_client_says_what_it_meant(
    stage: Stage, installed: Installed, client: str, figure: Figure
) -> None:
    reports = await installed.reports(client, a_setting(stage))

    for each in reports:
        mails: Json = each.get("mails", {})
        assert await stage.meanings(mails) == mails, each["what"]
        if "read" in each:
            assert await stage.reads(each["id"], each["read"]) == each["read"], each["what"]
    done = "; ".join(dict.fromkeys(each["what"] for each in reports))
    figure(f"{', '.join(versions(client))}: {done}")


@pytest.mark.parametrize("client", VERIFIERS)
async def test_unmodified_libraries_verify_a_webhook_with_the_new_and_the_previous_secret(
    stage: Stage, installed: Installed, client: str, figure: Figure
) -> None:
    post, secrets = await a_webhook(stage)

    reports = await installed.reports(client, {"post": post, "secrets": secrets})

    assert [each["what"] for each in reports] == [f"{name} verifies" for name in VERIFIERS[client]]
    figure(f"{', '.join(versions(client))}: each verifies a webhook, and rejects another body")


@pytest.mark.parametrize("client", WEBHOOK_CLIENTS)
async def test_an_official_sdk_makes_every_call_about_webhooks(
    stage: Stage, installed: Installed, client: str, figure: Figure
) -> None:
    url = await a_receiver(stage, f"/{uuid4().hex}")

    [report] = await installed.reports(client, a_setting(stage) | {"receiver": url})

    assert set(report["called"]) == set(report["offered"]) - VERIFYING
    figure(f"{', '.join(versions(client))}: {', '.join(report['called'])}")


async def a_receiver(stage: Stage, path: str) -> str:
    """Give the sandbox's receiver its name; return the URL of a path."""
    host = "hooks.letterhead-mailbox.com"
    await stage.sandbox.publish("A", host, "127.0.0.1")
    return f"https://{host}:{stage.receiver.rpartition(':')[2]}{path}"


async def a_webhook(stage: Stage) -> tuple[Json, list[str]]:
    """Send an email; return the post about it, and the secrets that signed it."""
    path = f"/{uuid4().hex}"
    url = await a_receiver(stage, path)
    created = await answer(stage, "/webhooks", {"endpoint": url, "events": ["email.sent"]})
    rotated = await answer(stage, f"/webhooks/{created['id']}/signing-secret/rotate")
    email = {
        "from": f"agent@{stage.domain}",
        "to": f"ada@r{uuid4().hex[:12]}.com",
        "subject": "é",
        "text": "x",
    }
    await answer(stage, "/emails", email)
    [post, *_] = await eventually(lambda: stage.sandbox.posts(path), WEBHOOK_WITHIN)
    await stage.api.delete(f"/webhooks/{created['id']}")
    return post, [created["signing_secret"], rotated["signing_secret"]]


async def answer(stage: Stage, path: str, body: Json | None = None) -> Json:
    """Post to the HTTP API and return its answer."""
    response: Json = (await stage.api.post(path, json=body)).raise_for_status().json()
    return response


def a_setting(stage: Stage) -> Json:
    """Return what a client is given: where it calls, and a letter to readers that no other client has."""
    readers = f"r{uuid4().hex[:12]}.com"
    times = named_times()
    letter = {
        "from": f"Zoë Ångström <agent@{stage.domain}>",
        "to": f"ada@{readers}",
        "second": f"second@{readers}",
        "third": f"third@{readers}",
        "subject": "Grüße aus Köln ✉",
        "text": "Good day.",
        "html": '<p>Good day.</p><img src="cid:logo">',
        "replyTo": f"Büro <desk@{readers}>",
        "headers": {"X-Entity-Ref-ID": "7", "X-Priority": "1"},
    }
    return {
        "url": stage.url,
        "key": stage.key,
        "letter": letter,
        "file": FILE | {"content": base64.b64encode(FILE["content"].encode()).decode()},
        "image": IMAGE | {"content": PIXEL},
        "times": {"inAnHour": times["in_an_hour_ms"], "inTwoHours": times["in_two_hours_ms"]},
    }


def versions(client: str) -> list[str]:
    """Return the packages of a client with their versions, as they are pinned."""
    pinned = json.loads((HERE / "node/package.json").read_text())["dependencies"]
    if client.startswith("python/"):
        pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", PINS.read_text(), re.MULTILINE))
    return [f"{name} {pinned[name]}" for name in (CLIENTS | VERIFIERS | WEBHOOK_CLIENTS)[client]]
