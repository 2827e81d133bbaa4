# ruff: noqa: ARG002, N802 - rpc names come from the contract, and gRPC passes a context to each
"""The rpcs on emails: they map messages to values and back, and contain no rules of their own."""

import hashlib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from chassis.access import Visibility, installation_visibility, tenant_visibility, visibility
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.pages import search_of, window
from chassis.protos import id_of
from letterhead.sender.v1 import emails_pb2 as pb
from letterhead.sender.v1 import emails_pb2_grpc as pb_grpc
from services.sender.commands import batches, drafts
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.changes import Changes
from services.sender.commands.test_emails import TestEmails
from services.sender.errors import DomainNotFound, EmailNotFound, TenantNotFound
from services.sender.model.emails import Email, Rejection
from services.sender.model.states import State
from services.sender.servicer.mappers import nearest_time, spec_of, to_proto, to_result
from services.sender.store.acceptance import Request
from services.sender.store.emails import EmailStore


class SenderServicer(pb_grpc.SenderServiceServicer):
    """letterhead.sender.v1.SenderService."""

    def __init__(
        self, acceptance: Acceptance, store: EmailStore, changes: Changes, test_emails: TestEmails
    ) -> None:
        self._acceptance = acceptance
        self._test_emails = test_emails
        self._store = store
        self._changes = changes

    async def SendEmail(self, request: pb.SendEmailRequest, context: Any) -> pb.SendEmailResponse:
        sees = tenant_visibility(request.tenant_id)
        request_id = valid_request_id(request.request_id)
        draft = drafts.draft(spec_of(request), datetime.now(UTC))
        to_accept = Request(sees, request_id, _content_hash(request))
        [email] = await self._acceptance.accept(to_accept, [draft])
        return pb.SendEmailResponse(email=to_proto(email))

    async def SendEmails(self, request: pb.SendEmailsRequest, context: Any) -> pb.SendEmailsResponse:
        sees = tenant_visibility(request.tenant_id)
        request_id = valid_request_id(request.request_id)
        batches.check_items([each.request_id or each.tenant_id for each in request.emails])
        to_accept = Request(sees, request_id, _content_hash(request))
        email_requests = list(map(spec_of, request.emails))
        outcomes: Sequence[Email | Rejection]
        if _is_permissive(request):
            checked = batches.evaluate(email_requests, datetime.now(UTC))
            outcomes = await self._acceptance.accept_each(to_accept, checked)
        else:
            good = batches.drafts_of(email_requests, datetime.now(UTC))
            outcomes = await self._acceptance.accept(to_accept, good)
        return pb.SendEmailsResponse(results=map(to_result, outcomes))

    async def SendTestEmail(self, request: pb.SendTestEmailRequest, context: Any) -> pb.SendTestEmailResponse:
        sees = visibility()
        request_id = valid_request_id(request.request_id)
        claim_id = id_of(request.domain_id, DomainNotFound)
        email = await self._test_emails.send(claim_id, request.to, request_id, sees)
        return pb.SendTestEmailResponse(email=to_proto(email))

    async def UpdateEmail(self, request: pb.UpdateEmailRequest, context: Any) -> pb.UpdateEmailResponse:
        sees = visibility()
        send_at = nearest_time(request.send_time) if request.HasField("send_time") else None
        email = await self._changes.reschedule(id_of(request.email_id, EmailNotFound), send_at, sees)
        return pb.UpdateEmailResponse(email=to_proto(email))

    async def CancelEmail(self, request: pb.CancelEmailRequest, context: Any) -> pb.CancelEmailResponse:
        sees = visibility()
        email = await self._changes.cancel(id_of(request.email_id, EmailNotFound), sees)
        return pb.CancelEmailResponse(email=to_proto(email))

    async def GetEmail(self, request: pb.GetEmailRequest, context: Any) -> pb.GetEmailResponse:
        sees = visibility()
        email = await self._store.get(id_of(request.email_id, EmailNotFound), sees)
        if email is None:
            raise EmailNotFound
        return pb.GetEmailResponse(email=to_proto(email))

    async def ListEmails(self, request: pb.ListEmailsRequest, context: Any) -> pb.ListEmailsResponse:
        sees = _visibility_of(request)
        states, search = _states(request.states), search_of(request)
        of = "emails " + " ".join([str(sees.tenant_id or "all"), *sorted(states), search])
        page = window(request, of=of)
        if request.tenant_id and not await self._store.tenant_exists(sees):
            raise TenantNotFound
        found = await self._store.page(sees, page, states=states, search=search)
        emails, token = page.cut(found)
        return pb.ListEmailsResponse(emails=map(to_proto, emails), next_page_token=token)


def _visibility_of(request: pb.ListEmailsRequest) -> Visibility:
    """Return whose emails are requested: one tenant's, or all tenants', which needs scope ADMIN."""
    if not request.all_tenants:
        return tenant_visibility(request.tenant_id)
    sees = installation_visibility()
    if request.tenant_id:
        raise InvalidField("all_tenants", "BOTH_SET", other_field="tenant_id")
    return sees


def _content_hash(request: pb.SendEmailRequest | pb.SendEmailsRequest) -> bytes:
    """Return a hash of a request without its id and its tenant, which is already part of the id's key.

    A send time that was given in words counts as its words, because a retry means a later time.
    """
    content = deepcopy(request)
    for each in content.emails if isinstance(content, pb.SendEmailsRequest) else (content,):
        if each.send_time_text:
            each.ClearField("send_time")
    content.ClearField("request_id")
    content.ClearField("tenant_id")
    kind = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(kind + b"\0" + content.SerializeToString(deterministic=True)).digest()


def _is_permissive(request: pb.SendEmailsRequest) -> bool:
    """Return whether a batch is PERMISSIVE; raise InvalidArgument for an unknown validation."""
    if request.validation not in pb.SendEmailsRequest.Validation.values():
        raise InvalidField("validation", "UNKNOWN_VALUE", allowed="STRICT, PERMISSIVE")
    return request.validation == pb.SendEmailsRequest.VALIDATION_PERMISSIVE


def _states(values: Iterable[int]) -> set[State]:
    """Return the requested states; raise InvalidArgument for an unknown one."""
    known: dict[int, State] = {pb.Email.State.Value(f"STATE_{state}"): state for state in State}
    try:
        return {known[value] for value in values}
    except KeyError:
        raise InvalidField("states", "UNKNOWN_VALUE", allowed=", ".join(State)) from None
