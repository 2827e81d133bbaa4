"""Checks NATS: that it answers, and that the stream exists, with all its replicas and with room."""

import asyncio

import aiohttp
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from chassis.config import Nats
from chassis.events.stream import credentials
from cli.doctor.findings import Finding, reason, unavailable, unseen, well, wrong
from cli.events import hush

ANSWER_SECONDS = 5
NEARLY_FULL = 0.9
NEARLY_FULL_DISK = 0.8
RUNBOOK = "See docs/runbooks/events-are-not-published.md."


async def check_nats(wire: Nats, user: str) -> list[Finding]:
    """Check, as this user of NATS, that it answers, and the stream."""
    client, answers = Client(), well("nats", f"{wire.nats_url} answers")
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await client.connect(**credentials(wire, user), max_reconnect_attempts=1, error_cb=hush)
            info = await client.jetstream().stream_info(wire.nats_stream)
        return [answers, _stream(wire, info)]
    except NotFoundError:
        note = f"NATS has no stream {wire.nats_stream}"
        remedy = f"identity creates it and publishes its events again: check that it runs. {RUNBOOK}"
        return [answers, wrong("stream", note, remedy)]
    except (OSError, NatsError, TimeoutError) as error:
        note = f"cannot reach NATS at {wire.nats_url}: {reason(error)}"
        remedy = f"Check that it runs, its log and its disk. No event is lost meanwhile. {RUNBOOK}"
        return [unavailable("nats", note, remedy)]
    finally:
        await client.close()


async def check_storage(monitor_url: str) -> list[Finding]:
    """Check how much of the storage that JetStream may use it uses, by NATS's monitoring port."""
    try:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{monitor_url}/jsz") as answer,
        ):
            state = await answer.json()
        used, most = state["storage"], state["config"]["max_storage"]
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
        note = f"NATS's monitoring at {monitor_url} does not answer: {error!r}"
        return [unseen("storage", note, "Check LETTERHEAD_NATS_MONITOR_URL.")]
    if used >= most * NEARLY_FULL_DISK:
        note = f"JetStream stores {used / most:.0%} of what it may: {used} of {most} bytes"
        return [wrong("storage", note, f"Enlarge the volume of NATS, and `max_file_store`. {RUNBOOK}")]
    return [well("storage", f"JetStream stores {used / most:.0%} of what it may")]


def _stream(wire: Nats, info: StreamInfo) -> Finding:
    remedy = f"Check `nats stream info` and the servers' logs. {RUNBOOK}"
    if info.cluster and not info.cluster.leader:
        return wrong("stream", f"the stream {wire.nats_stream} has no leader", remedy)
    for limit, used, unit in (
        (info.config.max_bytes, info.state.bytes, "bytes"),
        (info.config.max_msgs, info.state.messages, "events"),
    ):
        if limit and 0 < limit * NEARLY_FULL <= used:
            note = f"the stream {wire.nats_stream} is full: {used} of {limit} {unit}"
            return wrong("stream", note, f"Remove its limit: `nats stream edit`. {RUNBOOK}")
    peers = (info.cluster.replicas or []) if info.cluster else []
    behind = [peer.name or "" for peer in peers if peer.offline or not peer.current]
    if behind:
        return wrong(
            "stream", f"replicas of {wire.nats_stream} are offline or behind: {', '.join(behind)}", remedy
        )
    replicas = info.config.num_replicas or 1
    return well(
        "stream", f"the stream {wire.nats_stream} has {info.state.messages} events, replicas: {replicas}"
    )
