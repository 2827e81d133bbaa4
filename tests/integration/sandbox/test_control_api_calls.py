"""Successful calls of the control API, and the start of the process."""

import asyncio
import json
import signal
import sys
from datetime import timedelta
from pathlib import Path

import aiohttp

from sandbox.client import SandboxClient
from sandbox.config import Addresses
from tests.integration.sandbox.resolver import Resolver, values
from tests.waiting import eventually


async def fetched(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_a_record_is_published_and_deleted(addresses: Addresses, control: SandboxClient) -> None:
    resolver = Resolver(addresses.dns_root, addresses.dns_port)
    await control.publish("MX", "send.mnexa.ai", "feedback-smtp.us-east-1.amazonses.com", priority=10)

    before = values(await resolver.walk("send.mnexa.ai", "MX"))
    await control.withdraw("MX", "send.mnexa.ai", "10 feedback-smtp.us-east-1.amazonses.com")
    after = values(await resolver.walk("send.mnexa.ai", "MX"))

    assert (before, after) == (["10 feedback-smtp.us-east-1.amazonses.com."], [])


async def test_a_zone_file_is_published(addresses: Addresses, control: SandboxClient) -> None:
    text = '$TTL 60\n@ TXT "v=spf1 -all"\nwww CNAME elsewhere.com.\n*.wild 30 A 192.0.2.1\n'

    await control.call("POST", "/dns/zonefile", {"apex": "mnexa.ai", "text": text})

    resolver = Resolver(addresses.dns_root, addresses.dns_port)
    assert values(await resolver.walk("x.wild.mnexa.ai", "A")) == ["192.0.2.1"]
    assert values(await resolver.walk("www.mnexa.ai", "CNAME")) == ["elsewhere.com."]


async def test_a_zone_shows_the_records_of_each_server(control: SandboxClient) -> None:
    await control.call("PUT", "/dns/zones/mnexa.ai", {"name_servers": ["ns1.mnexa.ai", "ns.other-host.net"]})
    await control.publish("TXT", "mnexa.ai", "here", servers=["ns.other-host.net"])

    zone = await control.call("GET", "/dns/zones/mnexa.ai")

    held = {host: [each["type"] for each in server["records"]] for host, server in zone["servers"].items()}
    assert held == {"ns1.mnexa.ai": ["A"], "ns.other-host.net": ["TXT", "A"]}


async def test_the_query_log_lists_queries_and_servers(addresses: Addresses, control: SandboxClient) -> None:
    resolver = Resolver(addresses.dns_root, addresses.dns_port)
    await control.publish("TXT", "mnexa.ai", "here")

    await resolver.walk("mnexa.ai", "TXT")

    queries = (await control.call("GET", "/dns/queries", name="mnexa.ai"))["queries"]
    assert [(each["type"], each["transport"]) for each in queries] == [("TXT", "udp")] * 3
    assert queries[0]["server"] == "a.root-servers.net"


async def test_the_clock_is_advanced(control: SandboxClient) -> None:
    before = (await control.call("GET", "/clock"))["now"]

    after = (await control.call("POST", "/clock", {"advance_seconds": 259200}))["now"]

    assert after[:10] > before[:10]


async def test_the_index_lists_every_call(addresses: Addresses) -> None:
    page = await fetched(addresses.control)

    for call in ("PUT /dns/zones/{apex}", "POST /dns/faults", "GET /mailbox/emails", "POST /clock"):
        assert f"<code>{call}</code>" in page


async def test_the_process_writes_its_addresses_and_stops_on_sigterm(tmp_path: Path) -> None:
    addresses_file = tmp_path / "addresses.json"
    ports = {f"LETTERHEAD_SANDBOX_{name}_PORT": "0" for name in ("CONTROL", "SMTP", "DNS", "SES", "TLS")}
    files = {"ADDRESSES_FILE": addresses_file, "DIRECTORY": tmp_path}
    environ = ports | {f"LETTERHEAD_SANDBOX_{name}": str(path) for name, path in files.items()}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "sandbox", env=environ, stdout=-1)

    # A process starts slowly on a busy machine.
    await eventually(addresses_file.exists, within=timedelta(seconds=60))
    health = await fetched(f"{json.loads(addresses_file.read_text())['control']}/healthz")
    process.send_signal(signal.SIGTERM)

    assert json.loads(health) == {"status": "ok"}
    assert await process.wait() == 0


async def test_a_port_in_use_is_reported_by_the_name_of_its_setting(
    addresses: Addresses, tmp_path: Path
) -> None:
    taken = {"LETTERHEAD_SANDBOX_CONTROL_PORT": addresses.control.rpartition(":")[2]}
    ports = {f"LETTERHEAD_SANDBOX_{name}_PORT": "0" for name in ("SMTP", "DNS", "SES", "TLS")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", env=ports | taken, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )

    _, errors = await process.communicate()

    assert process.returncode == 78
    assert "LETTERHEAD_SANDBOX_CONTROL_PORT" in errors.decode()
