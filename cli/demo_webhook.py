"""The receiver of webhooks in the demo: its endpoint, and the posts that arrive there."""

from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from cli.client import Services
from cli.polling import until
from letterhead.webhooks.v1.webhook_service_pb2 import (
    CreateEndpointRequest,
    DeleteEndpointRequest,
    Endpoint,
    EventType,
)
from sandbox.client import Json, SandboxClient

HOST = "hooks.letterhead-mailbox.com"  # the name in the certificate of the sandbox's receiver
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


class DemoReceiver:
    """A path of the sandbox's receiver; `request_id` makes it a new one for each run."""

    def __init__(self, services: Services, sandbox: SandboxClient, receiver: str, request_id: str) -> None:
        self._services = services
        self._sandbox = sandbox
        self._path = f"/{request_id}"
        self._url = f"https://{HOST}:{receiver.rpartition(':')[2]}{self._path}"
        self._request_id = request_id
        self._endpoint = Endpoint()

    async def create_endpoint(self, event_type: EventType.ValueType, domain_id: str) -> Endpoint:
        """Create the endpoint for one type of event of one domain, and keep it."""
        await self._sandbox.publish("A", HOST, "127.0.0.1")
        request = CreateEndpointRequest(
            url=self._url, event_types=[event_type], domain_ids=[domain_id], request_id=self._request_id
        )
        answer = await until(
            "CreateEndpoint answers", lambda: self._services.webhooks.CreateEndpoint(request)
        )
        self._endpoint = answer.endpoint
        return self._endpoint

    async def delete_endpoint(self) -> None:
        """Delete the endpoint: a tenant can have only so many, and the demo may run often."""
        request = DeleteEndpointRequest(endpoint_id=self._endpoint.id)
        await until("DeleteEndpoint answers", lambda: self._services.webhooks.DeleteEndpoint(request))

    async def post(self, what: str) -> Json:
        """Return the first post that arrives."""

        async def arrived() -> Json | None:
            return next(iter(await self._sandbox.posts(self._path)), None)

        return await until(f"{what} arrives at {self._url}", arrived)

    def verified(self, body: str, headers: dict[str, str]) -> Any:
        """Return the event that a post carries; None if the official library rejects the signature."""
        try:
            return Webhook(self._endpoint.secret).verify(body, headers)
        except WebhookVerificationError:
            return None
