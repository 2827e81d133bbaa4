"""Mappers between the contract's email messages and values.

Times and durations out of range become the nearest possible ones, so that the checks can name the field.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status

from chassis.protos import stamp_of
from letterhead.events.v1.email_reason_pb2 import EmailReason as PublicReason
from letterhead.events.v1.sent_as_pb2 import SentAs as PublicSentAs
from letterhead.sender.v1 import emails_pb2 as pb
from letterhead.webhooks.v1.feedback_pb2 import Feedback
from services.sender.commands.specs import EmailSpec, File
from services.sender.events.published import to_parameters
from services.sender.model.emails import (
    Address,
    Attachment,
    Email,
    Entry,
    OnUnknown,
    Recipient,
    RecipientKind,
    Rejection,
    Transition,
)
from services.sender.model.headers import Unsubscribe
from services.sender.model.reasons import EmailReason
from services.sender.model.states import RecipientState, SentAs, State

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_STATES = {state: pb.Email.State.Value(f"STATE_{state}") for state in State}
_POLICIES = {policy: pb.OnUnknown.Value(f"ON_UNKNOWN_{policy}") for policy in OnUnknown}
_REQUESTED_POLICIES: Mapping[int, OnUnknown] = {
    pb.ON_UNKNOWN_UNSPECIFIED: OnUnknown.HOLD,
    **{value: policy for policy, value in _POLICIES.items()},
}
# A newer webhooks may store kinds that this version does not know.
_FEEDBACK = {name.removeprefix("KIND_"): kind for name, kind in Feedback.Kind.items()}
_SENT_AS: Mapping[SentAs | None, "PublicSentAs.ValueType"] = {
    None: PublicSentAs.SENT_AS_UNSPECIFIED,
    **{sent_as: PublicSentAs.Value(f"SENT_AS_{sent_as}") for sent_as in SentAs},
}
_KINDS = {kind: pb.Recipient.Kind.Value(f"KIND_{kind}") for kind in RecipientKind}
_REASONS = {reason: PublicReason.Value(f"EMAIL_REASON_{reason.name}") for reason in EmailReason}
_RECIPIENT_STATES = {state: pb.Recipient.State.Value(f"STATE_{state}") for state in RecipientState}


def spec_of(request: pb.SendEmailRequest) -> EmailSpec:
    """Return the requested email as a value."""
    sender = request.__getattribute__("from")  # a keyword in Python
    return EmailSpec(
        sender=(sender.address, sender.name),
        to=_pairs(request.to),
        cc=_pairs(request.cc),
        bcc=_pairs(request.bcc),
        reply_to=_pairs(request.reply_to),
        subject=request.subject,
        text=request.text if request.HasField("text") else None,
        html=request.html,
        headers=request.headers,
        tags=request.tags,
        files=[
            File(each.file_name, each.content_type, each.content_id, each.content)
            for each in request.attachments
        ],
        send_at=nearest_time(request.send_time) if request.HasField("send_time") else None,
        on_unknown=_REQUESTED_POLICIES.get(request.on_unknown, ""),  # the checks reject an unknown policy
        window=_nearest_span(request.unknown_window) if request.HasField("unknown_window") else None,
        unsubscribe=_unsubscribe(request),
        in_reply_to=request.in_reply_to,
        references=request.references,
    )


def _pairs(addresses: Iterable[pb.Address]) -> list[tuple[str, str]]:
    return [(each.address, each.name) for each in addresses]


def _unsubscribe(request: pb.SendEmailRequest) -> Unsubscribe | None:
    if not request.HasField("list_unsubscribe"):
        return None
    unsubscribe = request.list_unsubscribe
    return Unsubscribe(unsubscribe.url, unsubscribe.mailto, unsubscribe.one_click)


def to_result(outcome: Email | Rejection) -> pb.SendEmailsResult:
    """Return the result message of one email in a batch."""
    if isinstance(outcome, Rejection):
        return pb.SendEmailsResult(error=Status.FromString(outcome.status))
    return pb.SendEmailsResult(email=to_proto(outcome))


def to_proto(email: Email) -> pb.Email:
    """Return an email as a message; what its value leaves out stays absent."""
    return pb.Email(
        id=str(email.id),
        tenant_id=str(email.tenant_id),
        recipients=map(_recipient, email.recipients),
        reply_to=map(_address, email.content.reply_to),
        subject=email.content.subject,
        text=email.content.text or "",
        html=email.content.html or "",
        headers=email.content.headers or None,
        tags=email.tags or None,
        state=_STATES[email.state],
        state_message=email.why.message,
        state_reason=_REASONS[email.why.reason],
        state_parameters=to_parameters(email.why.parameters),
        sent_as=_SENT_AS[email.sent_as],
        sent_from=email.sent_from,
        ses_id=email.ses_id,
        message_id=email.message_id,
        domain_id=str(email.claim_id),
        create_time=stamp_of(email.created_at),
        send_time=stamp_of(email.sent_at),
        state_time=stamp_of(email.state_at),
        expire_time=stamp_of(email.expires_at),
        history=map(_transition, email.history),
        timeline=map(_entry, email.timeline),
        attachments=map(_attachment, email.content.attachments),
        scheduled_time=stamp_of(email.terms.send_at),
        on_unknown=_POLICIES[email.terms.on_unknown],
        unknown_window=_duration(email.terms.window),
        **{"from": _address(email.sender)},
    )


def _address(address: Address) -> pb.Address:
    return pb.Address(address=address.address, name=address.name)


def _attachment(attachment: Attachment) -> pb.Attachment:
    return pb.Attachment(
        file_name=attachment.file_name,
        content_type=attachment.content_type,
        content_id=attachment.content_id,
        size=attachment.size,
    )


def _recipient(recipient: Recipient) -> pb.Recipient:
    return pb.Recipient(
        address=_address(recipient.address),
        kind=_KINDS[recipient.kind],
        state=_RECIPIENT_STATES[recipient.state],
        state_message=recipient.why.message,
        state_reason=_REASONS[recipient.why.reason],
        state_parameters=to_parameters(recipient.why.parameters),
        state_time=stamp_of(recipient.state_at),
    )


def _transition(transition: Transition) -> pb.EmailTransition:
    return pb.EmailTransition(
        state=_STATES[transition.state],
        message=transition.why.message,
        reason=_REASONS[transition.why.reason],
        parameters=to_parameters(transition.why.parameters),
        time=stamp_of(transition.at),
    )


def _entry(entry: Entry) -> pb.TimelineEntry:
    return pb.TimelineEntry(
        time=stamp_of(entry.at),
        state=pb.Email.State.Value(f"STATE_{entry.state or 'UNSPECIFIED'}"),
        feedback=_FEEDBACK.get(entry.feedback, Feedback.KIND_UNSPECIFIED),
        message=entry.why.message,
        reason=_REASONS[entry.why.reason],
        parameters=to_parameters(entry.why.parameters),
        recipients=entry.recipients,
    )


def nearest_time(stamp: Timestamp) -> datetime:
    """Return the time of a stamp; a time out of range becomes the first or last possible one."""
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        return _FIRST if stamp.seconds < 0 else _LAST


def _nearest_span(duration: Duration) -> timedelta:
    """Return the length of a duration; one out of range becomes the shortest or longest possible one."""
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError):
        return timedelta.min if duration.seconds < 0 else timedelta.max


def _duration(span: timedelta | None) -> Duration | None:
    """Return a duration message; None stays absent."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
