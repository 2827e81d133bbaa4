"""Requests for another tenant's resources, for every rpc."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from chassis.access import Scope
from chassis.scopes import scopes_of
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1 import api_keys_pb2 as keys
from letterhead.identity.v1 import contacts_pb2 as contacts
from letterhead.identity.v1 import domains_pb2 as domains
from letterhead.identity.v1 import links_pb2 as links
from letterhead.identity.v1 import tenants_pb2 as tenants
from letterhead.sender.v1 import emails_pb2 as emails
from letterhead.sender.v1 import resolution_pb2 as resolution
from letterhead.sender.v1 import suppressions_pb2 as suppressions
from letterhead.sender.v1 import test_addresses_pb2 as test_addresses
from letterhead.verifier.v1 import verifier_pb2 as verifier
from letterhead.webhooks.v1 import feedback_pb2 as feedback
from letterhead.webhooks.v1 import webhook_service_pb2 as webhooks
from tests.e2e.apart.things import Things
from tests.factories import bearer
from tests.integration.sender.callers import a_request

Case = Callable[[Things], Message]

_HOOKS = "https://hooks.reader-of-letters.com/"
_FULL = scope_pb2.SCOPE_FULL_ACCESS


def _renamed(t: Things) -> Message:
    return tenants.UpdateTenantRequest(
        tenant=tenants.Tenant(id=t.tenant_id, name="Mine now"), update_mask=FieldMask(paths=["name"])
    )


def _relabeled(t: Things) -> Message:
    return domains.UpdateDomainRequest(
        domain=domains.Domain(id=t.domain_id, mail_from_label="mine"),
        update_mask=FieldMask(paths=["mail_from_label"]),
    )


def _advised(t: Things) -> Message:
    return domains.UpdateDomainRequest(
        domain=domains.Domain(
            id=t.domain_id, dmarc_policy=domains.DmarcPolicy(policy=domains.DmarcPolicy.POLICY_REJECT)
        ),
        update_mask=FieldMask(paths=["dmarc_policy"]),
    )


def _a_key(t: Things) -> Message:
    return keys.CreateApiKeyRequest(
        name="Mine", scope=scope_pb2.SCOPE_SENDING_ACCESS, domain_ids=[t.domain_id]
    )


def _silenced(t: Things) -> Message:
    return webhooks.UpdateEndpointRequest(
        endpoint=webhooks.Endpoint(id=t.endpoint_id, state=webhooks.Endpoint.STATE_DISABLED),
        update_mask=FieldMask(paths=["state"]),
    )


def _replayed(t: Things) -> Message:
    request = webhooks.ReplaySinceRequest(endpoint_id=t.endpoint_id)
    request.since_time.GetCurrentTime()
    return request


def _a_batch(t: Things) -> Message:
    return emails.SendEmailsRequest(emails=[a_request(f"agent@{t.domain_name}")])


# By service and rpc: requests that name the owner's resources in every possible way. An rpc that cannot name
# another tenant's resource has a request too, because its answer must not reveal any.
CASES: Mapping[str, Sequence[Case]] = {
    "TenantService/CreateTenant": [lambda _: tenants.CreateTenantRequest(name="Mine")],
    "TenantService/GetTenant": [lambda t: tenants.GetTenantRequest(tenant_id=t.tenant_id)],
    "TenantService/ListTenants": [lambda _: tenants.ListTenantsRequest()],
    "TenantService/UpdateTenant": [_renamed],
    "TenantService/PauseTenant": [lambda t: tenants.PauseTenantRequest(tenant_id=t.tenant_id)],
    "TenantService/ResumeTenant": [lambda t: tenants.ResumeTenantRequest(tenant_id=t.tenant_id)],
    "ApiKeyService/CreateApiKey": [
        _a_key,
        lambda t: keys.CreateApiKeyRequest(tenant_id=t.tenant_id, name="Mine", scope=_FULL),
    ],
    "ApiKeyService/ListApiKeys": [lambda t: keys.ListApiKeysRequest(tenant_id=t.tenant_id)],
    "ApiKeyService/UpdateApiKey": [lambda t: keys.UpdateApiKeyRequest(api_key_id=t.key_id, name="Mine")],
    "ApiKeyService/RevokeApiKey": [lambda t: keys.RevokeApiKeyRequest(api_key_id=t.key_id)],
    "ApiKeyService/RotateApiKey": [lambda t: keys.RotateApiKeyRequest(api_key_id=t.key_id)],
    "ApiKeyService/GetCaller": [lambda _: keys.GetCallerRequest()],
    "ContactService/SetContact": [
        lambda t: contacts.SetContactRequest(tenant_id=t.tenant_id, address="eve@example.com")
    ],
    "ContactService/ConfirmContact": [
        lambda t: contacts.ConfirmContactRequest(tenant_id=t.tenant_id, code="12345678"),
        lambda _: contacts.ConfirmContactRequest(code="12345678"),
    ],
    "ContactService/GetContact": [
        lambda t: contacts.GetContactRequest(tenant_id=t.tenant_id),
        lambda _: contacts.GetContactRequest(),
    ],
    "ContactService/RemoveContact": [lambda t: contacts.RemoveContactRequest(tenant_id=t.tenant_id)],
    "DomainService/CreateDomain": [
        lambda t: domains.CreateDomainRequest(tenant_id=t.tenant_id, name=t.domain_name)
    ],
    "DomainService/GetDomain": [
        lambda t: domains.GetDomainRequest(domain_id=t.domain_id),
        lambda t: domains.GetDomainRequest(name=t.domain_name),
        lambda t: domains.GetDomainRequest(name=t.domain_name, tenant_id=t.tenant_id),
    ],
    "DomainService/ListDomains": [
        lambda t: domains.ListDomainsRequest(tenant_id=t.tenant_id),
        lambda t: domains.ListDomainsRequest(search=t.domain_name),
    ],
    "DomainService/UpdateDomain": [_relabeled, _advised],
    "DomainService/DeleteDomain": [lambda t: domains.DeleteDomainRequest(domain_id=t.domain_id)],
    "DomainService/AdoptDomain": [lambda t: domains.AdoptDomainRequest(domain_id=t.domain_id, reason="mine")],
    "DomainService/ReleaseDomain": [lambda t: domains.ReleaseDomainRequest(domain_id=t.domain_id)],
    "DomainService/RepairDomain": [
        lambda t: domains.RepairDomainRequest(
            domain_id=t.domain_id, generation=1, cause=domains.RepairDomainRequest.CAUSE_MAIL_FROM_FAILED
        )
    ],
    "LinkService/CreateLink": [lambda t: links.CreateLinkRequest(domain_id=t.domain_id)],
    "LinkService/ListLinks": [lambda t: links.ListLinksRequest(domain_id=t.domain_id)],
    "LinkService/RevokeLink": [lambda t: links.RevokeLinkRequest(link_id=t.link_id)],
    "LinkService/OpenLink": [lambda _: links.OpenLinkRequest()],
    "VerifierService/VerifyDomain": [lambda t: verifier.VerifyDomainRequest(domain_id=t.domain_id)],
    "VerifierService/GetVerification": [lambda t: verifier.GetVerificationRequest(domain_id=t.domain_id)],
    "VerifierService/WatchDomain": [lambda t: verifier.WatchDomainRequest(domain_id=t.domain_id)],
    "VerifierService/ListTransitions": [lambda t: verifier.ListTransitionsRequest(domain_id=t.domain_id)],
    "VerifierService/GetSesAccount": [lambda _: verifier.GetSesAccountRequest()],
    "SenderService/SendEmail": [
        lambda t: a_request(f"agent@{t.domain_name}"),
        lambda t: a_request(f"agent@{t.domain_name}", tenant_id=t.tenant_id),
    ],
    "SenderService/SendEmails": [_a_batch],
    "SenderService/SendTestEmail": [
        lambda t: emails.SendTestEmailRequest(domain_id=t.domain_id, to="ada@example.com")
    ],
    "SenderService/UpdateEmail": [
        lambda t: emails.UpdateEmailRequest(email_id=t.email_id, send_time=_soon())
    ],
    "SenderService/CancelEmail": [lambda t: emails.CancelEmailRequest(email_id=t.email_id)],
    "SenderService/GetEmail": [lambda t: emails.GetEmailRequest(email_id=t.email_id)],
    "SenderService/ListEmails": [
        lambda t: emails.ListEmailsRequest(tenant_id=t.tenant_id),
        lambda t: emails.ListEmailsRequest(after_id=t.email_id),
        lambda _: emails.ListEmailsRequest(all_tenants=True),
    ],
    "TestAddressService/SendTestCode": [
        lambda t: test_addresses.SendTestCodeRequest(domain_id=t.domain_id, address="eve@example.com")
    ],
    "TestAddressService/ConfirmTestAddress": [
        lambda t: test_addresses.ConfirmTestAddressRequest(
            domain_id=t.domain_id, address="eve@example.com", code="123456"
        )
    ],
    "ResolutionService/ResolveEmail": [
        lambda t: resolution.ResolveEmailRequest(
            email_id=t.email_id, outcome=resolution.ResolveEmailRequest.OUTCOME_SENT, reason="mine"
        )
    ],
    "ResolutionService/HoldEmails": [lambda _: resolution.HoldEmailsRequest(reason="mine")],
    "SuppressionService/ListSuppressions": [
        lambda t: suppressions.ListSuppressionsRequest(tenant_id=t.tenant_id)
    ],
    "SuppressionService/GetSuppression": [
        lambda t: suppressions.GetSuppressionRequest(suppression_id=t.suppression_id),
        lambda t: suppressions.GetSuppressionRequest(address=t.address),
        lambda t: suppressions.GetSuppressionRequest(tenant_id=t.tenant_id, address=t.address),
    ],
    "SuppressionService/AddSuppression": [
        lambda t: suppressions.AddSuppressionRequest(tenant_id=t.tenant_id, address="eve@example.com")
    ],
    "SuppressionService/RemoveSuppression": [
        lambda t: suppressions.RemoveSuppressionRequest(suppression_id=t.suppression_id),
        lambda t: suppressions.RemoveSuppressionRequest(address=t.address),
        lambda t: suppressions.RemoveSuppressionRequest(tenant_id=t.tenant_id, address=t.address),
    ],
    "FeedbackService/ListFeedback": [
        lambda t: feedback.ListFeedbackRequest(tenant_id=t.tenant_id),
        lambda t: feedback.ListFeedbackRequest(email_id=t.email_id),
    ],
    "WebhookService/CreateEndpoint": [
        lambda t: webhooks.CreateEndpointRequest(
            tenant_id=t.tenant_id, url=_HOOKS, event_types=[webhooks.EVENT_TYPE_EMAIL_SENT]
        ),
        lambda t: webhooks.CreateEndpointRequest(
            url=_HOOKS, event_types=[webhooks.EVENT_TYPE_EMAIL_SENT], domain_ids=[t.domain_id]
        ),
    ],
    "WebhookService/GetEndpoint": [lambda t: webhooks.GetEndpointRequest(endpoint_id=t.endpoint_id)],
    "WebhookService/ListEndpoints": [
        lambda t: webhooks.ListEndpointsRequest(tenant_id=t.tenant_id),
        lambda t: webhooks.ListEndpointsRequest(after_id=t.endpoint_id),
    ],
    "WebhookService/UpdateEndpoint": [_silenced],
    "WebhookService/DeleteEndpoint": [lambda t: webhooks.DeleteEndpointRequest(endpoint_id=t.endpoint_id)],
    "WebhookService/RotateSecret": [lambda t: webhooks.RotateSecretRequest(endpoint_id=t.endpoint_id)],
    "WebhookService/SendTest": [lambda t: webhooks.SendTestRequest(endpoint_id=t.endpoint_id)],
    "WebhookService/ListEvents": [lambda t: webhooks.ListEventsRequest(endpoint_id=t.endpoint_id)],
    "WebhookService/GetEvent": [
        lambda t: webhooks.GetEventRequest(endpoint_id=t.endpoint_id, event_id=t.event_id)
    ],
    "WebhookService/ListAttempts": [
        lambda t: webhooks.ListAttemptsRequest(endpoint_id=t.endpoint_id, event_id=t.event_id)
    ],
    "WebhookService/Replay": [
        lambda t: webhooks.ReplayRequest(endpoint_id=t.endpoint_id, event_id=t.event_id)
    ],
    "WebhookService/ReplaySince": [_replayed],
}


def _soon() -> Any:
    request = emails.UpdateEmailRequest()
    request.send_time.GetCurrentTime()
    request.send_time.seconds += 3600
    return request.send_time


@dataclass(frozen=True)
class Rpc:
    """One method of the contract."""

    service: str
    name: str
    streams: bool
    package: str
    scopes: frozenset[Scope]

    def admits(self, kind: str) -> bool:
        """Return whether a token of this kind, such as `full_access`, may call it."""
        return Scope[kind.upper()] in self.scopes

    @property
    def case(self) -> str:
        """Return the key of this rpc in CASES."""
        return f"{self.service}/{self.name}"

    @property
    def home(self) -> str:
        """Return the service that serves it."""
        return self.package.split(".")[1]

    @property
    def reply(self) -> Any:
        """Return the message class of its response."""
        service = descriptor_pool.Default().FindServiceByName(f"{self.package}.{self.service}")
        return GetMessageClass(service.methods_by_name[self.name].output_type)


def rpcs_of(files: Iterable[FileDescriptorProto]) -> Iterator[Rpc]:
    """Yield every rpc of the contract."""
    for file in files:
        for service in file.service:
            for method in service.method:
                scopes = frozenset(scopes_of(method.options))
                yield Rpc(service.name, method.name, method.server_streaming, file.package, scopes)


def check_covered(rpcs: Iterable[Rpc]) -> None:
    """Fail for rpcs without a case and cases without an rpc."""
    known = {rpc.case for rpc in rpcs}
    assert not (untested := known - CASES.keys()), f"no case in tests/e2e/apart/rpcs.py: {untested}"
    assert not (obsolete := CASES.keys() - known), f"cases of rpcs that do not exist: {obsolete}"


async def answer(channel: grpc.aio.Channel, rpc: Rpc, request: Message, token: str) -> tuple[str, str]:
    """Call an rpc with a token; return the status code, and the response or the error's details."""
    make: Any = channel.unary_stream if rpc.streams else channel.unary_unary
    method = make(
        f"/{rpc.package}.{rpc.case}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=rpc.reply.FromString,
    )
    call = method(request, metadata=bearer(token), timeout=20)
    try:
        reply = await (call.read() if rpc.streams else call)
    except grpc.aio.AioRpcError as error:
        return error.code().name, _details(error)
    return "OK", json_format.MessageToJson(reply, sort_keys=True)


def _details(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)
    assert status is not None
    lines = [status.message]
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            named = {key: value for key, value in sorted(info.metadata.items()) if key != "request_id"}
            lines += [info.reason, str(named)]
        elif detail.Unpack(bad):
            lines += [f"{each.field}: {each.description}" for each in bad.field_violations]
    return "\n".join(lines)
