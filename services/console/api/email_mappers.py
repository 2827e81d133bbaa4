"""Converts emails between Resend's shapes and protos."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from chassis.client import failure_of_status
from chassis.mailboxes import Mailbox, mailbox, mailboxes
from letterhead.events.v1.email_reason_pb2 import EMAIL_REASON_BOUNCED_ELSEWHERE
from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import errors, models
from services.console.api.attachments import attachment_of
from services.console.api.errors import Rejected
from services.console.api.schedule import is_in_words
from services.console.api.times import stamp_of, time_of

SHAPES: Mapping[str, str] = {
    "headers": "an object of names and values",
    "tags": "a list of objects with `name` and `value`",
    "attachments": "a list of objects",
}

Each = TypeVar("Each")
Entries = TypeVar("Entries", bound=Sequence[Any] | Mapping[str, str])

# Characters besides letters and digits that a display name may contain without quotes.
_UNQUOTED = frozenset(" _!#$%&'*+/=?^`{|}~-")

# Resend's event of each state. Resend has none for HELD and UNKNOWN. They are shown as queued, because the
# email is not known to be sent.
OF_STATE: dict[int, models.LastEvent] = {
    pb.Email.STATE_QUEUED: "queued",
    pb.Email.STATE_SENDING: "queued",
    pb.Email.STATE_HELD: "queued",
    pb.Email.STATE_UNKNOWN: "queued",
    pb.Email.STATE_SENT: "sent",
    pb.Email.STATE_SUPPRESSED: "suppressed",
    pb.Email.STATE_FAILED: "failed",
    pb.Email.STATE_EXPIRED: "failed",
    pb.Email.STATE_CANCELED: "canceled",
}
OF_RECIPIENT: dict[int, models.LastEvent] = {
    pb.Recipient.STATE_DELAYED: "delivery_delayed",
    pb.Recipient.STATE_DELIVERED: "delivered",
    pb.Recipient.STATE_BOUNCED: "bounced",
    pb.Recipient.STATE_COMPLAINED: "complained",
}


def request_of(email: models.SendEmail, now: datetime) -> pb.SendEmailRequest:
    """Return the request to sender, which validates addresses, headers and sizes. Raise Rejected."""
    _reject_unsupported(email)
    if not email.to:
        raise Rejected(errors.MISSING_FIELD, "Missing `to` field.")
    if not (email.html or email.text):
        raise Rejected(errors.MISSING_FIELD, "Missing `html` or `text` field.")
    request = pb.SendEmailRequest(
        to=_addresses("to", email.to),
        cc=_addresses("cc", email.cc),
        bcc=_addresses("bcc", email.bcc),
        reply_to=_addresses("reply_to", email.reply_to),
        subject=email.subject,
        html=email.html or "",
        text=email.text,  # None: sender makes it from the HTML
        headers=_few("headers", _map("headers", email.headers)),
        tags=_tags(_few("tags", _list("tags", email.tags))),
        attachments=[
            attachment_of(each, f"attachments[{i}]")
            for i, each in enumerate(_few("attachments", _list("attachments", email.attachments)))
        ],
    )
    if email.scheduled_at is not None:
        request.send_time.CopyFrom(stamp_of("scheduled_at", email.scheduled_at, now))
        # A retry with the same words is the same request, although they mean another time by then.
        request.send_time_text = email.scheduled_at if is_in_words(email.scheduled_at) else ""
    getattr(request, "from").CopyFrom(address_of(email.from_))  # a keyword of Python's
    return request


def address_of(text: str) -> pb.Address:
    """Parse `email@example.com` or `Name <email@example.com>`; sender rejects anything else."""
    return _address(mailbox(text))


def _address(parsed: Mailbox) -> pb.Address:
    return pb.Address(address=parsed.address, name=parsed.name)


def summary_of(email: pb.Email) -> models.EmailSummary:
    """Return an email as shown in lists."""
    return models.EmailSummary(**_shown(email))


def detail_of(email: pb.Email) -> models.Email:
    """Return an email with its bodies."""
    tags = [models.Tag(name=name, value=value) for name, value in sorted(email.tags.items())]
    return models.Email(html=email.html or None, text=email.text or None, tags=tags, **_shown(email))


def results_of(
    results: Iterable[pb.SendEmailsResult], indexes: Sequence[int]
) -> tuple[list[models.EmailId], dict[int, str]]:
    """Return the accepted emails of a batch, and the errors of all others by index in the caller's batch."""
    accepted, failed = [], {}
    for position, (result, index) in enumerate(zip(results, indexes, strict=True)):
        if result.HasField("error"):
            failure = failure_of_status(result.error)
            failed[index] = errors.sentence_of(failure, item=f"emails[{position}].")
        else:
            accepted.append(models.EmailId(id=result.email.id, scheduled_at=scheduled_at_of(result.email)))
    return accepted, failed


def scheduled_at_of(email: pb.Email) -> str | UnsetType:
    """Return the time that an email waits for; unset if it waits for none."""
    return time_of(email.scheduled_time) if email.HasField("scheduled_time") else UNSET


def last_event_of(email: pb.Email) -> models.LastEvent:
    """Return Resend's name of the last event: once sent, the latest feedback on any recipient."""
    if email.state == pb.Email.STATE_QUEUED and email.HasField("scheduled_time"):
        return "scheduled"
    if email.state_reason == EMAIL_REASON_BOUNCED_ELSEWHERE:
        return "bounced"
    reported = [each for each in email.recipients if each.state in OF_RECIPIENT]
    if email.state != pb.Email.STATE_SENT or not reported:
        return OF_STATE.get(email.state, "queued")
    return OF_RECIPIENT[max(reported, key=lambda each: each.state_time.ToNanoseconds()).state]


def _reject_unsupported(email: models.SendEmail) -> None:
    if email.template is not None:
        raise Rejected(errors.INVALID, "`template` is not supported. Send `html` or `text`.")
    if email.topic_id:
        raise Rejected(errors.INVALID, "`topic_id` is not supported. Remove it from the request.")


def _map(field: str, given: Mapping[str, str] | list[Any] | None) -> Mapping[str, str]:
    """Return a map; an empty list is one too. Raise Rejected for a list that is not empty."""
    if given and not isinstance(given, Mapping):
        raise _other_shape(field)
    return given if isinstance(given, Mapping) else {}


def _list(field: str, given: list[Each] | Mapping[str, Any] | None) -> list[Each]:
    """Return a list; an empty map is one too. Raise Rejected for a map that is not empty."""
    if given and not isinstance(given, list):
        raise _other_shape(field)
    return given if isinstance(given, list) else []


def _other_shape(field: str) -> Rejected:
    return Rejected(errors.FIELD_KINDS.get(field, errors.INVALID), f"`{field}` must be {SHAPES[field]}.")


def _addresses(field: str, given: models.Addresses | None) -> list[pb.Address]:
    if not given:
        return []
    texts = [given] if isinstance(given, str) else _few(field, given)
    return list(map(_address, _few(field, [each for text in texts for each in mailboxes(text)])))


def _few(field: str, given: Entries) -> Entries:
    """Return `given`. Raise Rejected if it has too many entries for any field; sender has lower limits."""
    if len(given) > models.MOST_ENTRIES:
        kind = errors.FIELD_KINDS.get(field, errors.INVALID)
        raise Rejected(
            kind, f"`{field}` has {len(given):,} entries; at most {models.MOST_ENTRIES} are allowed."
        )
    return given


def _tags(tags: Iterable[models.Tag]) -> dict[str, str]:
    named: dict[str, str] = {}
    for tag in tags:
        if tag.name in named:
            raise Rejected(errors.INVALID, f"`tags` has {tag.name[:80]!r} twice. Use each name once.")
        named[tag.name] = tag.value
    return named


def _shown(email: pb.Email) -> dict[str, Any]:
    by_kind = {kind: _written(email, kind) for kind in pb.Recipient.Kind.values()}
    return {
        "id": email.id,
        "message_id": email.message_id or None,
        "from_": mailbox_of(getattr(email, "from")),
        "to": by_kind[pb.Recipient.KIND_TO],
        "cc": by_kind[pb.Recipient.KIND_CC],
        "bcc": by_kind[pb.Recipient.KIND_BCC],
        "reply_to": list(map(mailbox_of, email.reply_to)),
        "subject": email.subject,
        "created_at": time_of(email.create_time),
        "scheduled_at": time_of(email.scheduled_time) if email.HasField("scheduled_time") else None,
        "last_event": last_event_of(email),
    }


def _written(email: pb.Email, kind: int) -> list[str]:
    return [mailbox_of(each.address) for each in email.recipients if each.kind == kind]


def mailbox_of(address: pb.Address) -> str:
    """Return `Name <email@example.com>`, or only the address; quote the name if it needs quotes."""
    if not address.name:
        return address.address
    name = address.name
    if not all(char.isalnum() or char in _UNQUOTED for char in name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address.address}>"
