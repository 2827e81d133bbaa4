"""What an event says about the email that it is about. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.addresses import match_of
from services.sender.model.emails import Address, RecipientKind
from services.sender.model.reasons import Explanation
from services.sender.model.states import SentAs, State


@dataclass(frozen=True, slots=True)
class Reference:
    """An email as events describe it; `recipients` are in order, `ses_id` is empty before SES accepted it.

    `left_out` are the addresses that SES was not asked to send to, because they are suppressed. `region` is
    the AWS region of its domain, by which SES writes the Message-ID.
    """

    id: UUID
    tenant_id: UUID
    claim_id: UUID
    domain: str
    region: str
    sender: Address
    subject: str
    tags: Mapping[str, str]
    recipients: Sequence[tuple[RecipientKind, str]]
    created_at: datetime
    send_at: datetime | None
    ses_id: str = ""
    left_out: frozenset[str] = frozenset()

    @property
    def submitted(self) -> list[str]:
        """Return the addresses that SES was asked to send to, each once, in order."""
        first: dict[str, str] = {}
        for _, address in self.recipients:
            if address not in self.left_out:
                first.setdefault(match_of(address), address)
        return list(first.values())

    def kind_of(self, address: str) -> RecipientKind | None:
        """Return which header names an address; None if the email has no such recipient."""
        return next((kind for kind, each in self.recipients if each == address), None)

    def addresses(self, kind: RecipientKind) -> list[str]:
        """Return the addresses of one kind of recipient, in order."""
        return [address for each, address in self.recipients if each is kind]


@dataclass(frozen=True, slots=True)
class Moved:
    """An email right after a move was applied; `reference` describes it in states that are published.

    `sent_from` is the From of its last attempt; its address is empty if there was none.
    """

    id: UUID
    tenant_id: UUID
    state: State
    why: Explanation
    sent_as: SentAs | None
    sent_from: Address
    suppressed: tuple[str, ...]
    reference: Reference | None
