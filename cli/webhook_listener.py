"""Posts a tenant's webhook events to a URL on this machine, signed as deliverer signs them.

The service posts only to public URLs. The listener creates an endpoint and disables it: a disabled endpoint
receives nothing, but its events are kept, and the listener reads them. It deletes the endpoint at its end.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

from cli.client import Services
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from services.deliverer.model.signatures import signed_headers
from services.deliverer.posting import HEADERS

# Names below example.com are reserved (RFC 2606), so nothing can be posted even before it is disabled.
PLACEHOLDER = "https://letterhead-webhooks-listen.example.com/"
POLL_SECONDS = 1.0
ANSWER_SECONDS = 15.0  # as deliverer waits
PAGE = 100


@asynccontextmanager
async def open_listener(
    services: Services, types: Sequence[pb.EventType.ValueType]
) -> AsyncIterator["Listener"]:
    """Open a listener for events of these types, from now on."""
    request = pb.CreateEndpointRequest(url=PLACEHOLDER, event_types=types)
    endpoint = (await services.webhooks.CreateEndpoint(request)).endpoint
    try:
        disable = pb.UpdateEndpointRequest(
            endpoint=pb.Endpoint(id=endpoint.id, state=pb.Endpoint.STATE_DISABLED)
        )
        disable.update_mask.paths.append("state")
        await services.webhooks.UpdateEndpoint(disable)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, headers=HEADERS) as session:
            yield Listener(services, endpoint, session)
    finally:
        await services.webhooks.DeleteEndpoint(pb.DeleteEndpointRequest(endpoint_id=endpoint.id))


class Listener:
    """Reads events as they arrive, and posts them."""

    def __init__(self, services: Services, endpoint: pb.Endpoint, session: aiohttp.ClientSession) -> None:
        self._services = services
        self._endpoint = endpoint
        self._session = session
        self._seen: set[str] = set()

    @property
    def secret(self) -> str:
        """Return the secret that verifies the signatures of this listener."""
        return self._endpoint.secret

    async def follow(self) -> AsyncIterator[pb.EndpointEvent]:
        """Yield each event once, with its payload."""
        while True:
            for event in await self._new():
                request = pb.GetEventRequest(endpoint_id=self._endpoint.id, event_id=event.id)
                yield (await self._services.webhooks.GetEvent(request)).event
            await asyncio.sleep(POLL_SECONDS)

    async def post(self, event: pb.EndpointEvent, url: str) -> int:
        """Post an event once, and return the status of the answer. Raise OSError if there is none."""
        body = event.payload.encode()
        headers = signed_headers(event.id, int(time.time()), body, [self.secret])
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from error

    async def _new(self) -> list[pb.EndpointEvent]:
        """Return the events that arrived since the last call, oldest first, without their payloads."""
        found: list[pb.EndpointEvent] = []
        request = pb.ListEventsRequest(endpoint_id=self._endpoint.id, page_size=PAGE)
        while True:
            page = await self._services.webhooks.ListEvents(request)
            new = [each for each in page.events if each.id not in self._seen]
            self._seen.update(each.id for each in new)
            found += new
            request.page_token = page.next_page_token
            if not new or not page.next_page_token:
                return found[::-1]
