# ruff: noqa: ARG002, N802 - rpc names come from the contract, and gRPC passes a context to each
"""The rpcs on emails: they map messages to values and back, and contain no rules of their own."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from chassis.access import Visibility, installation_visibility, tenant_visibility, visibility
from chassis.errors import InvalidField
from chassis.idempotency import valid_request_id
from chassis.pages import search_of, window
from chassis.protos import id_of
from letterhead.sender.v1 import emails_pb2 as pb
from letterhead.sender.v1 import emails_pb2_grpc as pb_grpc
from services.sender.commands import batches, drafts, threads
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.changes import Changes
from services.sender.commands.specs import EmailSpec
from services.sender.commands.test_emails import TestEmails
from services.sender.errors import DomainNotFound, EmailNotFound, TenantNotFound
from services.sender.model.emails import Email, Rejection
from services.sender.model.states import State
from services.sender.servicer.mappers import nearest_time, spec_of, to_proto, to_result
from services.sender.store.acceptance import Request
from services.sender.store.emails import EmailStore

HTML_AT_ONCE = 16 * 1024  # characters whose text takes about a millisecond

Checked = TypeVar("Checked")


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
        [spec] = await self._threaded([spec_of(request)], sees)
        draft = await _checked([spec], partial(drafts.draft, spec, datetime.now(UTC)))
        to_accept = Request(sees, request_id, _content_hash(request))
        [email] = await self._acceptance.accept(to_accept, [draft])
        return pb.SendEmailResponse(email=to_proto(email))

    async def SendEmails(self, request: pb.SendEmailsRequest, context: Any) -> pb.SendEmailsResponse:
        sees = tenant_visibility(request.tenant_id)
        request_id = valid_request_id(request.request_id)
        batches.check_items([each.request_id or each.tenant_id for each in request.emails])
        to_accept = Request(sees, request_id, _content_hash(request))
        specs = await self._threaded(list(map(spec_of, request.emails)), sees)
        outcomes: Sequence[Email | Rejection]
        if _is_permissive(request):
            checked = await _checked(specs, partial(batches.evaluate, specs, datetime.now(UTC)))
            outcomes = await self._acceptance.accept_each(to_accept, checked)
        else:
            good = await _checked(specs, partial(batches.drafts_of, specs, datetime.now(UTC)))
            outcomes = await self._acceptance.accept(to_accept, good)
        return pb.SendEmailsResponse(results=map(to_result, outcomes))

    async def _threaded(self, specs: Sequence[EmailSpec], sees: Visibility) -> Sequence[EmailSpec]:
        """Return the requests with the Message-IDs of the emails that their threading headers name by id."""
        ids = {each for spec in specs for each in threads.ids_in(spec)}
        if not ids:
            return specs
        message_ids = await self._store.message_ids(ids, sees)
        return [replace(spec, message_ids=message_ids) for spec in specs]

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


async def _checked(specs: Sequence[EmailSpec], check: Callable[[], Checked]) -> Checked:
    """Return the result of a check, made in a thread if the texts of much HTML are part of it.

    Other requests would wait for it otherwise.
    """
    if sum(len(each.html) for each in specs if each.text is None) <= HTML_AT_ONCE:
        return check()
    return await asyncio.to_thread(check)


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
