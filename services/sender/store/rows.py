"""Conversion of database rows to model values, for all stores."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.database import Record
from services.sender.model.account import Account, Allowance, current
from services.sender.model.emails import (
    Address,
    Attachment,
    Content,
    Draft,
    Email,
    Entry,
    OnUnknown,
    Reason,
    Recipient,
    RecipientKind,
    Suppression,
    Terms,
    Transition,
)
from services.sender.model.origin import Domain, VerificationStatus, signs
from services.sender.model.reasons import EmailReason, Explanation, known
from services.sender.model.references import Reference
from services.sender.model.states import RecipientState, SentAs, State
from services.sender.model.timeline import entered, reported


def to_email(row: Record, recipients: Sequence[Recipient], attachments: Sequence[Attachment]) -> Email:
    """Return an email, with what it waits for now."""
    state = State(row["state"])
    return Email(
        id=row["id"],
        tenant_id=row["tenant_id"],
        claim_id=row["claim_id"],
        sender=Address(row["from_address"], row["from_name"]),
        content=to_content(row, attachments),
        tags=row["tags"],
        state=state,
        why=current(state, _why_state(row), _pause_reason(row), _account_of(row), Allowance(*row["allowed"])),
        created_at=row["created_at"],
        state_at=row["state_at"],
        expires_at=row["expires_at"],
        recipients=tuple(recipients),
        sent_as=SentAs(row["sent_as"]) if row["sent_as"] else None,
        sent_from=row["sent_from"] or "",
        ses_id=row["ses_id"] or "",
        sent_at=row["sent_at"],
        terms=Terms(row["send_at"], OnUnknown(row["on_unknown"]), row["unknown_window"]),
        region=row["region"],
    )


def accepted_email(row: Record, tenant_id: UUID, claim_id: UUID, draft: Draft) -> Email:
    """Return the email that was stored for a draft, without reading it back."""
    return Email(
        id=row["id"],
        tenant_id=tenant_id,
        claim_id=claim_id,
        sender=draft.sender,
        content=draft.content,
        tags=draft.tags,
        state=State.QUEUED,
        why=draft.why,
        created_at=row["created_at"],
        state_at=row["created_at"],
        expires_at=row["expires_at"],
        recipients=draft.recipients,
        terms=draft.terms,
    )


def to_content(row: Record, attachments: Sequence[Attachment]) -> Content:
    """Return the content of an email, as its recipients see it."""
    reply_to = tuple(Address(address, name) for address, name in row["reply_to"])
    return Content(
        row["subject"], reply_to, row["text"], row["html"], row["headers"], attachments=tuple(attachments)
    )


def to_attachment(row: Record) -> Attachment:
    """Return an attachment, with its content if the row has it."""
    return Attachment(
        row["file_name"], row["content_type"], row["content_id"], row["size"], row.get("content")
    )


def to_reference(row: Record, *, ses_id: str | None) -> Reference:
    """Return what events say about an email, from a row of sender.email_references."""
    recipients = row["recipients"] or ()
    return Reference(
        id=row["id"],
        tenant_id=row["tenant_id"],
        claim_id=row["claim_id"],
        domain=row["domain"] or "",
        region=row["region"] or "",
        sender=Address(row["from_address"], row["from_name"]),
        subject=row["subject"],
        tags=row["tags"],
        recipients=[(RecipientKind(kind), address) for kind, address, _ in recipients],
        created_at=row["created_at"],
        send_at=row["send_at"],
        ses_id=ses_id or "",
        left_out=frozenset(address for _, address, is_left_out in recipients if is_left_out),
    )


def reply_to_json(addresses: Iterable[Address]) -> list[list[str]]:
    """Return addresses in the form that `to_content` reads."""
    return [[each.address, each.name] for each in addresses]


def to_recipient(row: Record) -> Recipient:
    """Return a recipient with its state."""
    return Recipient(
        kind=RecipientKind(row["kind"]),
        address=Address(row["address"], row["name"]),
        state=RecipientState(row["state"]),
        why=_why_state(row),
        state_at=row["state_at"],
    )


def to_transition(row: Record) -> Transition:
    """Return an entry of an email's history."""
    return Transition(State(row["to_state"]), _why(row), row["created_at"])


def to_entry(row: Record) -> Entry:
    """Return an entry of an email's timeline."""
    if row["state"]:
        return entered(row["at"], State(row["state"]), _why(row))
    return reported(row["at"], row["kind"], row["detail"], tuple(row["recipients"]))


def _why_state(row: Record) -> Explanation:
    return _explanation(row["state_reason"], row["state_parameters"], row["state_note"])


def _why(row: Record) -> Explanation:
    return _explanation(row["reason"], row["parameters"], row["note"])


def _explanation(reason: str, stored: Mapping[str, Any], message: str) -> Explanation:
    """Return a stored explanation; a newer release may have stored a reason that is not known here."""
    return Explanation(EmailReason.__members__.get(reason, EmailReason.UNSPECIFIED), known(stored), message)


def to_account(row: Record | None) -> Account:
    """Return the SES account; the default if verifier has not seen it yet."""
    return Account() if row is None else Account(**dict(row.items()))


def _account_of(row: Record) -> Account:
    names = ("state", "note", "sending_enabled", "enforcement_status")
    known: dict[str, Any] = {name: row[f"account_{name}"] for name in names}
    return Account(**known) if known["state"] else Account()


def to_domain(row: Record, *, shared_ready: bool) -> Domain:
    """Return a domain with its verification status; `shared_ready`: the shared sender's domain can sign."""
    verification = VerificationStatus(
        state=row["state"],
        dkim_valid=row["dkim_valid"],
        ownership=row["ownership"],
        unready_policy=row["unready_policy"],
        shared_ready=shared_ready,
    )
    return Domain(
        row["claim_id"], row["tenant_id"], row["name"], _pause_reason(row), verification, row["tenant_name"]
    )


def is_signing(row: Record) -> bool:
    """Return whether a row's domain can send under its own name."""
    return signs(row["state"], dkim_valid=row["dkim_valid"])


def _pause_reason(row: Record) -> str | None:
    return row["pause_reason"] if row["tenant_state"] == "PAUSED" else None


def to_suppression(row: Record) -> Suppression:
    """Return an entry of a suppression list; its column `note` has what a person or the receiver said."""
    by_hand = row["reason"] == Reason.MANUAL
    return Suppression(
        tenant_id=row["tenant_id"],
        address=row["address"],
        reason=Reason(row["reason"]),
        email_id=row["email_id"],
        note=row["note"] if by_hand else "",
        message="" if by_hand else row["note"],
        parameters=known(row["parameters"]),
        id=row["id"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
