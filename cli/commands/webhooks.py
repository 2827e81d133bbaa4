"""Commands for webhooks: manage endpoints, read and repeat what was posted, and receive events locally."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from cli.client import Services, connect
from cli.commands.output import Limit, name_of, print_table
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.printer import Printer
from cli.webhook_listener import open_listener
from letterhead.identity.v1.domains_pb2 import GetDomainRequest
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.console.event_types import CHOOSABLE, TYPES
from services.console.event_types import name_of as type_name

webhooks = typer.Typer(no_args_is_help=True, help="Manage webhooks, and receive their events locally.")

Url = Annotated[str, typer.Argument(help="An https URL that is reachable from the Internet.")]
EndpointId = Annotated[str, typer.Argument(help="The endpoint's id, as `webhooks list` shows it.")]
EventId = Annotated[str, typer.Argument(help="The event's id, msg_…, as `webhooks events` shows it.")]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="An event type, such as email.bounced. Repeat the option for more."),
]
Domains = Annotated[
    list[str] | None,
    typer.Option("--domain", help="Only events of this domain. Repeat the option for more."),
]


@webhooks.command("list")
def list_endpoints(limit: Limit = 50) -> None:
    """List endpoints and their states, newest first."""
    run(_list(limit))


@webhooks.command("add")
def add_endpoint(url: Url, *, event: Events = None, domain: Domains = None) -> None:
    """Create an endpoint and print its signing secret. Without --event, it receives every event type."""
    run(_add(url, _types(event or CHOOSABLE), domain or ()))


@webhooks.command("show")
def show_endpoint(endpoint_id: EndpointId) -> None:
    """Show an endpoint with its signing secret."""
    run(_show(endpoint_id))


@webhooks.command("update")
def update_endpoint(
    endpoint_id: EndpointId,
    *,
    url: Annotated[str, typer.Option(help="The new URL.")] = "",
    event: Events = None,
    domain: Domains = None,
    all_domains: Annotated[bool, typer.Option("--all-domains", help="Events of all domains again.")] = False,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Post events, or only keep them.")
    ] = None,
) -> None:
    """Change an endpoint. What you do not give stays as it is."""
    if domain and all_domains:
        end(USAGE, "Give either --domain or --all-domains.")
    request = pb.UpdateEndpointRequest(endpoint=pb.Endpoint(id=endpoint_id, url=url))
    request.endpoint.event_types.extend(_types(event or ()))
    if enable is not None:
        request.endpoint.state = pb.Endpoint.STATE_ENABLED if enable else pb.Endpoint.STATE_DISABLED
    given = {
        "url": url,
        "event_types": event,
        "domain_ids": domain or all_domains,
        "state": enable is not None,
    }
    request.update_mask.paths.extend(path for path, is_given in given.items() if is_given)
    if not request.update_mask.paths:
        end(USAGE, "Nothing to change. `letterhead webhooks update --help` lists the options.")
    run(_update(request, domain or ()))


@webhooks.command("delete")
def delete_endpoint(endpoint_id: EndpointId) -> None:
    """Delete an endpoint with its secret. To stop posts for a while, disable it instead."""
    run(_delete(endpoint_id))


@webhooks.command("rotate")
def rotate_secret(endpoint_id: EndpointId) -> None:
    """Replace the signing secret. Posts are signed with the previous one too for 24 hours."""
    run(_rotate(endpoint_id))


@webhooks.command("test")
def send_test(endpoint_id: EndpointId) -> None:
    """Post an event of type webhook.test."""
    run(_test(endpoint_id))


@webhooks.command("events")
def list_events(
    endpoint_id: EndpointId,
    *,
    limit: Limit = 50,
    state: Annotated[
        list[str] | None, typer.Option(help="Only events in this state, such as FAILED; repeat for more.")
    ] = None,
) -> None:
    """List the events of an endpoint and whether they were delivered, newest first."""
    known = {name.removeprefix("STATE_"): value for name, value in pb.EndpointEvent.State.items() if value}
    if unknown := [each for each in state or () if each.upper() not in known]:
        end(USAGE, f"Unknown state {unknown[0]}. Use one of {', '.join(known)}.")
    states = [known[each.upper()] for each in state or ()]
    run(_events(pb.ListEventsRequest(endpoint_id=endpoint_id, page_size=limit, states=states)))


@webhooks.command("event")
def show_event(endpoint_id: EndpointId, event_id: EventId) -> None:
    """Print the payload of an event, as JSON."""
    run(_event(endpoint_id, event_id))


@webhooks.command("attempts")
def list_attempts(endpoint_id: EndpointId, event_id: EventId, limit: Limit = 50) -> None:
    """List the attempts to post an event and what the endpoint answered, newest first."""
    run(_attempts(pb.ListAttemptsRequest(endpoint_id=endpoint_id, event_id=event_id, page_size=limit)))


@webhooks.command("replay")
def replay_event(endpoint_id: EndpointId, event_id: EventId) -> None:
    """Post an event again, even if it was delivered."""
    run(_replay(endpoint_id, event_id))


@webhooks.command("recover")
def recover_events(
    endpoint_id: EndpointId,
    *,
    since: Annotated[datetime, typer.Option(help="From this time on, in UTC.")],
) -> None:
    """Post again the events since a time that were not delivered."""
    request = pb.ReplaySinceRequest(endpoint_id=endpoint_id, since_time=Timestamp())
    request.since_time.FromDatetime(since)
    run(_recover(request))


@webhooks.command("listen")
def listen(
    *,
    forward_to: Annotated[str, typer.Option(help="The URL to post to, such as http://localhost:3000/hook.")],
    event: Events = None,
) -> None:
    """Post events to a URL on this machine as they happen, signed, until Ctrl-C.

    Posts each event once, without retries. Meanwhile the list of endpoints has a disabled one for it.
    """
    parts = urlsplit(forward_to)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        end(USAGE, f"{forward_to} is not a URL. Use one such as http://localhost:3000/hook.")
    run(_listen(forward_to, _types(event or CHOOSABLE)))


def _types(names: Sequence[str]) -> list[pb.EventType.ValueType]:
    if unknown := [each for each in names if each not in CHOOSABLE]:
        end(USAGE, f"Unknown event type {unknown[0]}. Use one of {', '.join(CHOOSABLE)}.")
    return [TYPES[each] for each in names]


async def _list(limit: int) -> None:
    async with connect(Installation.read()) as services:
        answer = await services.webhooks.ListEndpoints(pb.ListEndpointsRequest(page_size=limit))
    print_table(("id", "state", "last success", "last failure", "url"), [
        (each.id, _state(each), _time(each, "last_success_time"), _time(each, "last_failure_time"), each.url)
        for each in answer.endpoints
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _add(url: str, types: Sequence[pb.EventType.ValueType], names: Sequence[str]) -> None:
    async with connect(Installation.read()) as services:
        request = pb.CreateEndpointRequest(
            url=url, event_types=types, domain_ids=await _domain_ids(services, names)
        )
        created = (await services.webhooks.CreateEndpoint(request)).endpoint
    Printer().good(f"created: {created.id}")
    Printer().say(f"secret  {created.secret}")


async def _show(endpoint_id: str) -> None:
    async with connect(Installation.read()) as services:
        request = pb.GetEndpointRequest(endpoint_id=endpoint_id)
        endpoint = (await services.webhooks.GetEndpoint(request)).endpoint
    printer = Printer()
    printer.heading(f"{endpoint.url}: {_state(endpoint)}")
    printer.table(("field", "value"), [
        ("events", ", ".join(map(type_name, endpoint.event_types))),
        ("domains", ", ".join(endpoint.domain_ids) or "all"),
        ("secret", endpoint.secret),
        *((name.removesuffix("_time").replace("_", " "), _time(endpoint, name)) for name in (
            "previous_secret_expire_time", "last_success_time", "last_failure_time", "failing_since_time",
            "disable_time", "create_time",
        )),
    ])  # fmt: skip


async def _update(request: pb.UpdateEndpointRequest, names: Sequence[str]) -> None:
    async with connect(Installation.read()) as services:
        request.endpoint.domain_ids.extend(await _domain_ids(services, names))
        updated = (await services.webhooks.UpdateEndpoint(request)).endpoint
    Printer().good(f"{updated.id}: {_state(updated)}")


async def _delete(endpoint_id: str) -> None:
    async with connect(Installation.read()) as services:
        await services.webhooks.DeleteEndpoint(pb.DeleteEndpointRequest(endpoint_id=endpoint_id))
    Printer().good(f"{endpoint_id} is deleted")


async def _rotate(endpoint_id: str) -> None:
    async with connect(Installation.read()) as services:
        request = pb.RotateSecretRequest(endpoint_id=endpoint_id)
        endpoint = (await services.webhooks.RotateSecret(request)).endpoint
    printer = Printer()
    printer.good(f"the previous secret signs too until {_time(endpoint, 'previous_secret_expire_time')}")
    printer.say(f"secret  {endpoint.secret}")


async def _test(endpoint_id: str) -> None:
    async with connect(Installation.read()) as services:
        sent = await services.webhooks.SendTest(pb.SendTestRequest(endpoint_id=endpoint_id))
    attempts = f"letterhead webhooks attempts {endpoint_id} {sent.event_id}"
    Printer().good(f"posting {sent.event_id} (`{attempts}` shows the answer)")


async def _events(request: pb.ListEventsRequest) -> None:
    async with connect(Installation.read()) as services:
        answer = await services.webhooks.ListEvents(request)
    print_table(("id", "type", "state", "attempts", "time", "next attempt"), [
        (each.id, type_name(each.type), name_of(pb.EndpointEvent.State, each.state), each.attempts,
         _time(each, "create_time"), _time(each, "next_attempt_time"))
        for each in answer.events
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _event(endpoint_id: str, event_id: str) -> None:
    async with connect(Installation.read()) as services:
        request = pb.GetEventRequest(endpoint_id=endpoint_id, event_id=event_id)
        event = (await services.webhooks.GetEvent(request)).event
    print(json.dumps(json.loads(event.payload), indent=2))


async def _attempts(request: pb.ListAttemptsRequest) -> None:
    async with connect(Installation.read()) as services:
        answer = await services.webhooks.ListAttempts(request)
    print_table(("time", "status", "problem", "milliseconds", "answer"), [
        (_time(each, "attempt_time"), each.status or "",
         name_of(pb.Attempt.Problem, each.problem) if each.problem else "", each.duration_ms, each.answer)
        for each in answer.attempts
    ], more=bool(answer.next_page_token))  # fmt: skip


async def _replay(endpoint_id: str, event_id: str) -> None:
    async with connect(Installation.read()) as services:
        await services.webhooks.Replay(pb.ReplayRequest(endpoint_id=endpoint_id, event_id=event_id))
    Printer().good(f"posting {event_id} again")


async def _recover(request: pb.ReplaySinceRequest) -> None:
    async with connect(Installation.read()) as services:
        await services.webhooks.ReplaySince(request)
    Printer().good(f"posting what was not delivered since {request.since_time.ToJsonString()}")


async def _listen(url: str, types: Sequence[pb.EventType.ValueType]) -> None:
    printer = Printer()
    async with connect(Installation.read()) as services, open_listener(services, types) as listener:
        printer.say(f"secret  {listener.secret}")
        printer.waiting(f"posting events to {url} as they happen; Ctrl-C ends")
        async for event in listener.follow():
            what = f"{type_name(event.type)}  {event.id}"
            try:
                status = await listener.post(event, url)
            except OSError as error:  # a timeout too
                printer.bad(f"{what}  no answer: {str(error) or 'timed out'}")
            else:
                (printer.good if 200 <= status < 300 else printer.bad)(f"{what}  {status}")


async def _domain_ids(services: Services, names: Sequence[str]) -> list[str]:
    return [(await services.domains.GetDomain(GetDomainRequest(name=each))).domain.id for each in names]


def _state(endpoint: pb.Endpoint) -> str:
    """Return the state, and why an endpoint is disabled."""
    state = name_of(pb.Endpoint.State, endpoint.state)
    if not endpoint.disable_reason:
        return state
    return f"{state} ({name_of(pb.Endpoint.DisableReason, endpoint.disable_reason)})"


def _time(of: pb.Endpoint | pb.EndpointEvent | pb.Attempt, field: str) -> str:
    """Return a time; empty if it is unset."""
    stamp: Timestamp = getattr(of, field)
    return stamp.ToJsonString() if stamp.seconds else ""
