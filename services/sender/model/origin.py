"""The From that an email is sent with: a pure function that fails closed, and the shared sender's "via" From.

It does not check whether an email is well formed. Its input must be read under the domain's claim lock.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from services.sender.model.emails import Address
from services.sender.model.impersonation import ProtectedNames
from services.sender.model.states import SentAs

STAND_IN = "sender"


class Origin(StrEnum):
    """The results of the From function."""

    OWN = "OWN"  # under the tenant's own domain
    SHARED = "SHARED"  # through the shared sender, marked "via"
    NOT_READY = "NOT_READY"  # not now: rejected on acceptance, held on dequeue
    GOING = "GOING"  # no longer: the domain is being deleted
    SUPERSEDED = "SUPERSEDED"  # no longer: another tenant proved control of the name
    NOT_YOURS = "NOT_YOURS"  # not a live domain of this tenant


@dataclass(frozen=True, slots=True)
class VerificationStatus:
    """What is known about a From's domain; the defaults describe an unknown domain.

    `state` is a name from `Domain.State`, `ownership` from `Domain.Ownership`. `shared_ready` is true if
    there is a shared sender and it can sign.
    """

    state: str = ""
    dkim_valid: bool = False
    ownership: str = ""
    unready_policy: str = "REFUSE"
    shared_ready: bool = False


@dataclass(frozen=True, slots=True)
class Domain:
    """A live domain of a tenant; `pause_reason` is None while the tenant is not paused."""

    claim_id: UUID
    tenant_id: UUID
    name: str
    pause_reason: str | None
    verification: VerificationStatus
    tenant_name: str = ""


_SHARES = frozenset({"PENDING", "PROVISIONING", "FAILED"})
_ENDS = {"": Origin.NOT_YOURS, "DELETED": Origin.NOT_YOURS, "DELETING": Origin.GOING}
_HOLDERS = frozenset({"SOLE", "PROVEN", "CHALLENGED"})  # ownership that allows sending from the name


def signs(state: str, *, dkim_valid: bool) -> bool:
    """Return whether a domain in this state can send under its own name."""
    return state == "READY" or (state == "DEGRADED" and dkim_valid)


def origin(verification: VerificationStatus) -> Origin:
    """Return how an email may be sent; everything that is not known to be good is NOT_READY.

    A contested name is not shown before its owner is proven, not even with a "via".
    """
    if verification.state in _ENDS:
        return _ENDS[verification.state]
    if verification.ownership == "SUPERSEDED":
        return Origin.SUPERSEDED
    holds = verification.ownership in _HOLDERS
    if holds and signs(verification.state, dkim_valid=verification.dkim_valid):
        return Origin.OWN
    if holds and verification.state in _SHARES and _may_share(verification):
        return Origin.SHARED
    return Origin.NOT_READY


def _may_share(verification: VerificationStatus) -> bool:
    return verification.unready_policy == "SHARED" and verification.shared_ready


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of one email: its From, and where replies go."""

    sent_as: SentAs
    address: Address
    reply_to: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class SharedSender:
    """The operator's domain that sends for domains that are not ready; `brand` is the name it shows."""

    domain: str
    brand: str
    protected: ProtectedNames = field(default_factory=ProtectedNames)

    def shown_name(self, tenant_id: UUID, name: str) -> str:
        """Return a tenant's name, or a stand-in if it could be mistaken for another's."""
        return f"tenant {tenant_id.hex[-8:]}" if self.protected.takes_name(name) else name

    def sender_for(self, requested: Address, domain: Domain, reply_to: tuple[Address, ...]) -> Sender:
        """Return the "via" From; replies go to the requested Reply-To, or else to the requested From.

        It names the tenant, and never the domain, which is not proven.
        """
        local_part = requested.address.rpartition("@")[0]
        if self.protected.takes_local_part(local_part):
            local_part = STAND_IN
        name = self.shown_name(domain.tenant_id, domain.tenant_name)
        address = Address(f"{local_part}@{self.domain}", f"{name} via {self.brand}")
        return Sender(SentAs.SHARED, address, reply_to or (requested,))
