# ruff: noqa: ARG002, N802 - methods have the rpc names of the proto, and gRPC passes each a context
"""WebhookService: a tenant's endpoints, and what was posted to them."""

from typing import Any
from uuid import UUID

from chassis.access import tenant_visibility, visibility
from chassis.destinations import Destinations
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.ids import message_id_of, webhook_id
from chassis.pages import next_token, page, window
from chassis.protos import id_of, time_of
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from letterhead.webhooks.v1 import webhook_service_pb2_grpc
from services.webhooks.errors import EndpointEventNotFound, EndpointNotFound
from services.webhooks.model.endpoints import Endpoint, Message
from services.webhooks.servicer.mappers import attempt_to_proto, endpoint_to_proto, message_to_proto
from services.webhooks.servicer.targets import change_of, target_of
from services.webhooks.store.deliveries import DeliveryStore
from services.webhooks.store.endpoints import EndpointStore


class WebhookServicer(webhook_service_pb2_grpc.WebhookServiceServicer):
    """Implements WebhookService on the stores."""

    def __init__(
        self, endpoints: EndpointStore, deliveries: DeliveryStore, destinations: Destinations
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._destinations = destinations

    async def CreateEndpoint(
        self, request: pb.CreateEndpointRequest, context: Any
    ) -> pb.CreateEndpointResponse:
        sees = tenant_visibility(request.tenant_id)
        target = target_of(request, self._destinations)
        endpoint = await self._endpoints.create(target, valid_request_id(request.request_id), sees)
        return pb.CreateEndpointResponse(endpoint=endpoint_to_proto(endpoint))

    async def GetEndpoint(self, request: pb.GetEndpointRequest, context: Any) -> pb.GetEndpointResponse:
        endpoint = await self._endpoints.get(id_of(request.endpoint_id, EndpointNotFound), visibility())
        return pb.GetEndpointResponse(endpoint=endpoint_to_proto(endpoint))

    async def ListEndpoints(self, request: pb.ListEndpointsRequest, context: Any) -> pb.ListEndpointsResponse:
        sees = tenant_visibility(request.tenant_id)
        asked = window(request, of=f"endpoints/{sees.tenant_id}")
        shown, more = asked.cut(await self._endpoints.page(sees, asked))
        return pb.ListEndpointsResponse(endpoints=map(endpoint_to_proto, shown), next_page_token=more)

    async def UpdateEndpoint(
        self, request: pb.UpdateEndpointRequest, context: Any
    ) -> pb.UpdateEndpointResponse:
        endpoint_id = id_of(request.endpoint.id, EndpointNotFound)
        change = change_of(request, self._destinations)
        endpoint = await self._endpoints.update(endpoint_id, change, visibility())
        return pb.UpdateEndpointResponse(endpoint=endpoint_to_proto(endpoint))

    async def DeleteEndpoint(
        self, request: pb.DeleteEndpointRequest, context: Any
    ) -> pb.DeleteEndpointResponse:
        await self._endpoints.delete(id_of(request.endpoint_id, EndpointNotFound), visibility())
        return pb.DeleteEndpointResponse()

    async def RotateSecret(self, request: pb.RotateSecretRequest, context: Any) -> pb.RotateSecretResponse:
        endpoint = await self._endpoints.rotate(id_of(request.endpoint_id, EndpointNotFound), visibility())
        return pb.RotateSecretResponse(endpoint=endpoint_to_proto(endpoint))

    async def SendTest(self, request: pb.SendTestRequest, context: Any) -> pb.SendTestResponse:
        endpoint = await self._endpoint(request.endpoint_id)
        message_id = await self._deliveries.send_test(endpoint, valid_request_id(request.request_id))
        return pb.SendTestResponse(event_id=webhook_id(message_id))

    async def ListEvents(self, request: pb.ListEventsRequest, context: Any) -> pb.ListEventsResponse:
        endpoint = await self._endpoint(request.endpoint_id)
        states = [_name_of_state(each) for each in request.states]
        of = f"endpoint_events/{endpoint.id}/{','.join(states)}"
        asked = page(request.page_size, request.page_token, of=of)
        after = asked.after_id() or _message_id(request.after_id)
        found = await self._deliveries.messages(endpoint, states=states, after=after, limit=asked.size + 1)
        shown = found[: asked.size]
        more = next_token(of, shown[-1].id) if len(found) > len(shown) else ""
        return pb.ListEventsResponse(events=map(message_to_proto, shown), next_page_token=more)

    async def GetEvent(self, request: pb.GetEventRequest, context: Any) -> pb.GetEventResponse:
        message = await self._message(await self._endpoint(request.endpoint_id), request.event_id)
        return pb.GetEventResponse(event=message_to_proto(message))

    async def ListAttempts(self, request: pb.ListAttemptsRequest, context: Any) -> pb.ListAttemptsResponse:
        message = await self._message(await self._endpoint(request.endpoint_id), request.event_id)
        of = f"attempts/{message.id}"
        asked = page(request.page_size, request.page_token, of=of)
        after = asked.after_id() or _attempt_id(request.after_id)
        found = await self._deliveries.attempts(message, after=after, limit=asked.size + 1)
        shown = found[: asked.size]
        more = next_token(of, shown[-1].id) if len(found) > len(shown) else ""
        return pb.ListAttemptsResponse(attempts=map(attempt_to_proto, shown), next_page_token=more)

    async def Replay(self, request: pb.ReplayRequest, context: Any) -> pb.ReplayResponse:
        endpoint = await self._endpoint(request.endpoint_id)
        await self._deliveries.replay(endpoint, await self._message(endpoint, request.event_id))
        return pb.ReplayResponse()

    async def ReplaySince(self, request: pb.ReplaySinceRequest, context: Any) -> pb.ReplaySinceResponse:
        endpoint = await self._endpoint(request.endpoint_id)
        if not request.HasField("since_time"):
            raise InvalidField("since_time", "MISSING")
        await self._deliveries.replay_since(endpoint, time_of("since_time", request.since_time))
        return pb.ReplaySinceResponse()

    async def _endpoint(self, endpoint_id: str) -> Endpoint:
        return await self._endpoints.get_without_secret(id_of(endpoint_id, EndpointNotFound), visibility())

    async def _message(self, endpoint: Endpoint, event_id: str) -> Message:
        try:
            message_id = message_id_of(event_id)
        except ValueError:
            raise EndpointEventNotFound from None
        return await self._deliveries.message(endpoint, message_id)


def _name_of_state(state: pb.EndpointEvent.State.ValueType) -> str:
    if state not in pb.EndpointEvent.State.values() or not state:
        raise InvalidField("states", "UNKNOWN_VALUE", allowed=", ".join(pb.EndpointEvent.State.keys()[1:]))
    return pb.EndpointEvent.State.Name(state).removeprefix("STATE_")


def _message_id(text: str) -> UUID | None:
    try:
        return message_id_of(text) if text else None
    except ValueError:
        raise InvalidField("after_id", "NOT_A_UUID") from None


def _attempt_id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise InvalidField("after_id", "NOT_A_UUID") from None
