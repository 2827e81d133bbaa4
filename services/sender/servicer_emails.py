# ruff: noqa: ARG002, N802 - rpcs bear the contract's names, and gRPC hands each a context
"""The rpcs over emails: from messages to values and back. Holds no rule of its own."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from chassis.access import Principal, Scope, require, tenant_for
from chassis.pages import next_token, page
from letterhead.sender.v1 import emails_pb2 as pb
from letterhead.sender.v1 import emails_pb2_grpc as pb_grpc
from services.sender import drafts
from services.sender.acceptance import Acceptance
from services.sender.drafts import Wish
from services.sender.model import Address, Email, Recipient, State, Transition
from services.sender.protos import after_of, id_of, stamp_of
from services.sender.refusals import EmailNotFound, InvalidField, TenantNotFound
from services.sender.store_emails import EmailStore, Request

_SENDING = (Scope.SENDING_ACCESS, Scope.FULL_ACCESS)


class SenderServicer(pb_grpc.SenderServiceServicer):
    """letterhead.sender.v1.SenderService."""

    def __init__(self, acceptance: Acceptance, store: EmailStore) -> None:
        self._acceptance = acceptance
        self._store = store

    async def SendEmail(self, request: pb.SendEmailRequest, context: Any) -> pb.SendEmailResponse:
        who = require(*_SENDING)
        tenant_id = tenant_for(request.tenant_id)
        drafts.check_request_id(request.request_id)
        draft = drafts.draft(_wish(request))
        asked = Request(tenant_id, request.request_id or None, _content_hash(request))
        [email] = await self._acceptance.accept(asked, [draft], who.claim_ids)
        return pb.SendEmailResponse(email=_to_proto(email))

    async def GetEmail(self, request: pb.GetEmailRequest, context: Any) -> pb.GetEmailResponse:
        who = require(*_SENDING)
        email = await self._store.get(
            id_of(request.email_id, EmailNotFound), tenant_id=_tenant_seen_by(who), claim_ids=who.claim_ids
        )
        if email is None:
            raise EmailNotFound
        return pb.GetEmailResponse(email=_to_proto(email))

    async def ListEmails(self, request: pb.ListEmailsRequest, context: Any) -> pb.ListEmailsResponse:
        who = require(*_SENDING)
        tenant_id = tenant_for(request.tenant_id)
        states = _states(request.states)
        of = "emails " + " ".join([str(tenant_id), *sorted(states)])
        asked = page(request.page_size, request.page_token, of=of)
        if tenant_id != who.tenant_id and not await self._store.tenant_exists(tenant_id):
            raise TenantNotFound
        found = await self._store.page(
            tenant_id, after=after_of(asked), limit=asked.size + 1, states=states, claim_ids=who.claim_ids
        )
        emails = found[: asked.size]
        token = next_token(of, emails[-1].id) if len(found) > asked.size else ""
        return pb.ListEmailsResponse(emails=map(_to_proto, emails), next_page_token=token)


def _wish(request: pb.SendEmailRequest) -> Wish:
    sender = request.__getattribute__("from")  # a keyword of Python's
    return Wish(
        sender=(sender.address, sender.name),
        to=_pairs(request.to),
        cc=_pairs(request.cc),
        bcc=_pairs(request.bcc),
        reply_to=_pairs(request.reply_to),
        subject=request.subject,
        text=request.text,
        html=request.html,
        headers=request.headers,
        tags=request.tags,
    )


def _pairs(addresses: Iterable[pb.Address]) -> list[tuple[str, str]]:
    return [(each.address, each.name) for each in addresses]


def _content_hash(request: pb.SendEmailRequest) -> bytes:
    """Digest all of a request but its id; the tenant is part of the id's key."""
    content = pb.SendEmailRequest()
    content.CopyFrom(request)
    content.ClearField("request_id")
    content.ClearField("tenant_id")
    return hashlib.sha256(content.SerializeToString(deterministic=True)).digest()


def _tenant_seen_by(who: Principal) -> UUID | None:
    return None if who.scope is Scope.ADMIN else who.tenant_id


def _states(values: Iterable[int]) -> set[State]:
    """Read the states asked for; raises InvalidArgument for one that does not exist."""
    known: dict[int, State] = {pb.Email.State.Value(f"STATE_{state}"): state for state in State}
    try:
        return {known[value] for value in values}
    except KeyError:
        raise InvalidField("states", "names a state that does not exist") from None


def _to_proto(email: Email) -> pb.Email:
    return pb.Email(
        id=str(email.id),
        tenant_id=str(email.tenant_id),
        recipients=map(_recipient, email.recipients),
        reply_to=map(_address, email.content.reply_to),
        subject=email.content.subject,
        text=email.content.text or "",
        html=email.content.html or "",
        headers=email.content.headers,
        tags=email.tags,
        state=pb.Email.State.Value(f"STATE_{email.state}"),
        state_note=email.note,
        sent_as=pb.Email.SentAs.Value(f"SENT_AS_{email.sent_as or 'UNSPECIFIED'}"),
        sent_from=email.sent_from,
        ses_id=email.ses_id,
        domain_id=str(email.claim_id),
        create_time=stamp_of(email.created_at),
        send_time=stamp_of(email.sent_at),
        state_time=stamp_of(email.state_at),
        expire_time=stamp_of(email.expires_at),
        history=map(_transition, email.history),
        **{"from": _address(email.sender)},
    )


def _address(address: Address) -> pb.Address:
    return pb.Address(address=address.address, name=address.name)


def _recipient(recipient: Recipient) -> pb.Recipient:
    return pb.Recipient(
        address=_address(recipient.address),
        kind=pb.Recipient.Kind.Value(f"KIND_{recipient.kind}"),
        state=pb.Recipient.State.Value(f"STATE_{recipient.state}"),
        state_note=recipient.note,
        state_time=stamp_of(recipient.state_at),
    )


def _transition(transition: Transition) -> pb.EmailTransition:
    return pb.EmailTransition(
        state=pb.Email.State.Value(f"STATE_{transition.state}"),
        note=transition.note,
        time=stamp_of(transition.at),
    )
