"""Attacks on NATS: everything that one user must not be able to do, attempted one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

from chassis.events.authorization import STREAM, STREAM_MANAGER, SUBSCRIBER, inbox_prefix
from chassis.events.subjects import OWNERS, PUBLISHED
from tests.integration.chassis.attackers import (
    FILTERS,
    NOBODY,
    Attacker,
    Count,
    Vault,
    an_event,
    own_consumers,
)

API = "$JS.API"


async def attack(vault: Vault, user: str, count: Count) -> None:
    """Attempt everything that one user must not be able to do."""
    attacker = Attacker(vault.server, user)
    if user != NOBODY:
        await attacker.connect()
    try:
        for what, subject, body, reply in _tries(vault, user):
            if reply:
                await attacker.publish(subject, body, reply)
                answer = b""
            else:
                answer = await attacker.ask(subject, body)
            breach = await vault.breached_by(user) or _is_loot(answer)
            count.note(f"{user}: {what}: {subject} {reply}", breach=breach)
        await _eavesdrop(vault, attacker, count)
        await _reply_to_others(vault, attacker, count)
        count.note(f"{user}: late effects", breach=await vault.breached_by(user))
    finally:
        await attacker.close()


def _is_loot(answer: bytes) -> bool:
    """Return whether a reply contains the requested data, and not an error."""
    return bool(answer) and b'"error"' not in answer


Try = tuple[str, str, bytes | Mapping[str, Any], str]


def _tries(vault: Vault, user: str) -> Iterator[Try]:
    yield from _forgeries(user)
    yield from _on_consumers(vault, user)
    yield from _on_the_stream(user)


def _forgeries(user: str) -> Iterator[Try]:
    """Publish on subjects of others, or make the server send a reply to them."""
    own = PUBLISHED.get(user, ())
    for subject, owner in OWNERS.items():
        if owner == user:
            continue
        yield "forge", subject, an_event(subject), ""
        yield "reflect a reply", f"{API}.STREAM.INFO.{STREAM}", b"", subject
        if own:
            yield "reflect an acknowledgement", own[0], an_event(subject), subject
        for name in own_consumers(user):
            yield "reflect a delivery", f"{API}.CONSUMER.MSG.NEXT.{STREAM}.{name}", _ONE, subject


_ONE = {"batch": 1, "no_wait": True}


def _on_consumers(vault: Vault, user: str) -> Iterator[Try]:
    """Read, change or delete consumers of others, and acknowledge their deliveries."""
    for name, (service, _) in FILTERS.items():
        if service == user:
            continue
        starved: dict[str, Any] = {
            "stream_name": STREAM,
            "config": {
                "durable_name": name,
                "name": name,
                "filter_subject": "open.received",
                "ack_policy": "explicit",
            },
        }
        yield "read", f"{API}.CONSUMER.MSG.NEXT.{STREAM}.{name}", _ONE, ""
        yield "change", f"{API}.CONSUMER.DURABLE.CREATE.{STREAM}.{name}", starved, ""
        yield "change", f"{API}.CONSUMER.CREATE.{STREAM}.{name}", starved, ""
        yield "change", f"{API}.CONSUMER.CREATE.{STREAM}.{name}.open.received", starved, ""
        yield "change by another name", f"{API}.CONSUMER.CREATE.{STREAM}", starved, ""
        yield "change by another name", f"{API}.CONSUMER.CREATE.{STREAM}.loot", starved, ""
        yield "change by another name", f"{API}.CONSUMER.DURABLE.CREATE.{STREAM}.loot", starved, ""
        for verb in ("DELETE", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN", "INFO"):
            yield verb, f"{API}.CONSUMER.{verb}.{STREAM}.{name}", _MORE.get(verb, {}), ""
        acknowledgement = vault.open_deliveries[name]
        for word in (b"", b"+ACK", b"+TERM", b"-NAK"):
            yield "ack", acknowledgement, word, vault.server.url and f"{inbox_prefix(user)}.loot"
        yield "ack with a reply", f"{API}.STREAM.INFO.{STREAM}", b"", acknowledgement
        for mine in own_consumers(user):
            yield "ack with a delivery", f"{API}.CONSUMER.MSG.NEXT.{STREAM}.{mine}", _ONE, acknowledgement


_MORE: Mapping[str, Mapping[str, Any]] = {
    "PAUSE": {"pause_until": "2099-01-01T00:00:00Z"},
    "RESET": {"seq": 1},
    "UNPIN": {"group": "loot"},
}


def _on_the_stream(user: str) -> Iterator[Try]:
    """Delete, change, copy or read the stream, bypassing its consumers."""
    for verb, body in _STREAM_REQUESTS.items():
        yield verb, f"{API}.STREAM.{verb}.{STREAM}", body, ""
    rewritten = {"name": STREAM, "subjects": ["open.>", "domain.>"], "subject_transform": _TRANSFORM}
    if user != STREAM_MANAGER:
        yield "UPDATE", f"{API}.STREAM.UPDATE.{STREAM}", rewritten, ""
        yield "CREATE", f"{API}.STREAM.CREATE.{STREAM}", rewritten, ""
    for loot in (
        {"sources": [{"name": STREAM}]},
        {"subjects": ["_INBOX_sender.>"]},
        {"mirror": {"name": STREAM}},
    ):
        yield "CREATE another", f"{API}.STREAM.CREATE.LOOT", {"name": "LOOT", **loot}, ""
    yield "reflect a message", f"{API}.DIRECT.GET.{STREAM}", {"seq": 1}, "domain.ready"
    for subject in (
        f"{API}.INFO",
        f"{API}.STREAM.LIST",
        f"{API}.CONSUMER.LIST.{STREAM}",
        "$SYS.REQ.SERVER.PING",
    ):
        yield "list", subject, b"", ""
    for goal in (
        f"{API}.STREAM.PURGE.{STREAM}",
        f"{API}.STREAM.DELETE.{STREAM}",
        "domain.ready",
        "_INBOX_sender.x",
    ):
        config = {"name": "loot", "durable_name": "loot", "deliver_subject": goal, "ack_policy": "none"}
        body = {"stream_name": STREAM, "config": config}
        yield "deliver to", f"{API}.CONSUMER.DURABLE.CREATE.{STREAM}.loot", body, "_INBOX_none.x"
        for name in own_consumers(user):
            body = {"stream_name": STREAM, "config": config | {"name": name, "durable_name": name}}
            yield "deliver to", f"{API}.CONSUMER.DURABLE.CREATE.{STREAM}.{name}", body, "_INBOX_none.x"
            yield "deliver to", f"{API}.CONSUMER.MSG.NEXT.{STREAM}.{name}", _ONE, goal


_TRANSFORM = {"src": "open.received", "dest": "domain.ready"}
_STREAM_REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "DELETE": {},
    "PURGE": {},
    "MSG.DELETE": {"seq": 1},
    "MSG.GET": {"seq": 1},
    "SNAPSHOT": {"deliver_subject": "_INBOX_loot.x"},
    "RESTORE": {"config": {"name": STREAM}},
    "LEADER.STEPDOWN": {},
    "PEER.REMOVE": {"peer": "x"},
}


async def _eavesdrop(vault: Vault, attacker: Attacker, count: Count) -> None:
    """Subscribe to the inboxes of others and to wildcards while all services publish."""
    others = [f"{inbox_prefix(each)}.>" for each in (*PUBLISHED, SUBSCRIBER) if each != attacker.user]
    wide = [">", "*.>", "_INBOX.>", "$JS.>", "$JS.ACK.>", "$JS.API.>", "$SYS.>"]
    received = {subject: await attacker.overhear(subject) for subject in (*others, *wide, *OWNERS)}
    for subject in OWNERS:
        await vault.publish_truly(subject)
    await vault.breached_by(attacker.user)  # takes the events just published into the snapshot
    for subject, messages in received.items():
        count.note(f"{attacker.user}: subscribe to {subject}", breach=bool(messages))


async def _reply_to_others(vault: Vault, attacker: Attacker, count: Count) -> None:
    """Publish on the reply subject of a waiting service, which normally only the server knows."""
    for service in PUBLISHED:
        if service != attacker.user:
            subject, replies = await vault.replies_of(service)
            await attacker.publish(subject, an_event("domain.ready"))
            await vault.settled()
            count.note(f"{attacker.user}: reply to another: {subject}", breach=bool(replies))
