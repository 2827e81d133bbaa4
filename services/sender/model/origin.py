"""As whom an email leaves: one pure function that fails closed, and the two Froms it can lead to.

Not for whether an email is well formed. Its facts are read under the fence of the domain's claim.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from services.sender.model.emails import Address, SentAs
from services.sender.model.impersonation import ProtectedNames

STAND_IN = "sender"


class Origin(StrEnum):
    """What the From function answers."""

    OWN = "OWN"  # as the customer's own domain
    SHARED = "SHARED"  # through the shared sender, marked "via"
    NOT_READY = "NOT_READY"  # not now; refused at accept, held at claim
    GOING = "GOING"  # never again: the domain is being deleted
    SUPERSEDED = "SUPERSEDED"  # never again: another tenant proved the name
    NOT_YOURS = "NOT_YOURS"  # no live domain of this tenant


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a From's domain; the defaults are of one that is unknown.

    `state` is a word of `Domain.State`, `ownership` of `Domain.Ownership`. `shared_ready` says that there is
    a shared sender that signs.
    """

    state: str = ""
    dkim_good: bool = False
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
    standing: Standing
    tenant_name: str = ""


_SHARES = frozenset({"PENDING", "PROVISIONING", "FAILED"})
_ENDS = {"": Origin.NOT_YOURS, "DELETED": Origin.NOT_YOURS, "DELETING": Origin.GOING}
_HOLDERS = frozenset({"SOLE", "PROVEN", "CHALLENGED"})  # claims that may send from their name at all


def signs(state: str, *, dkim_good: bool) -> bool:
    """Say whether a domain in this state can send as itself."""
    return state == "READY" or (state == "DEGRADED" and dkim_good)


def origin(standing: Standing) -> Origin:
    """Decide as whom an email leaves; everything that is not known to be good is NOT_READY.

    A contested name is not shown before it is proven, not even beside a "via".
    """
    if standing.state in _ENDS:
        return _ENDS[standing.state]
    if standing.ownership == "SUPERSEDED":
        return Origin.SUPERSEDED
    holds = standing.ownership in _HOLDERS
    if holds and signs(standing.state, dkim_good=standing.dkim_good):
        return Origin.OWN
    if holds and standing.state in _SHARES and _may_share(standing):
        return Origin.SHARED
    return Origin.NOT_READY


def _may_share(standing: Standing) -> bool:
    return standing.unready_policy == "SHARED" and standing.shared_ready


@dataclass(frozen=True, slots=True)
class SharedSender:
    """The operator's own domain that sends for those that are not ready; `brand` is who it says it is."""

    domain: str
    brand: str
    protected: ProtectedNames = field(default_factory=ProtectedNames)

    def speak_for(self, sender: Address, domain: Domain) -> Address:
        """Return the From that names the tenant, and never the domain, which nobody has proven."""
        local_part = sender.address.rpartition("@")[0]
        if self.protected.takes_local_part(local_part):
            local_part = STAND_IN
        return Address(f"{local_part}@{self.domain}", f"{self._name_of(domain)} via {self.brand}")

    def _name_of(self, domain: Domain) -> str:
        """Return the tenant's name, or where it could be taken for somebody else's, the end of its id."""
        if self.protected.takes_name(domain.tenant_name):
            return f"tenant {domain.tenant_id.hex[-8:]}"
        return domain.tenant_name


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom one email leaves: its From, and where replies go."""

    sent_as: SentAs
    address: Address
    reply_to: tuple[Address, ...]


def own_sender(sender: Address, reply_to: tuple[Address, ...]) -> Sender:
    """Give the From as it was asked for."""
    return Sender(SentAs.OWN, sender, reply_to)


def shared_sender(
    shared: SharedSender, sender: Address, domain: Domain, reply_to: tuple[Address, ...]
) -> Sender:
    """Return the "via" From; replies go where they were to go, else to the From that was asked for."""
    return Sender(SentAs.SHARED, shared.speak_for(sender, domain), reply_to or (sender,))
