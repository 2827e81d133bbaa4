"""Compare the observed behavior of a history with the intent of its DNS owner. Pure functions.

The oracle checks only what the product promises to the owner of a name and to a tenant that sends from it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from uuid import UUID

from tests.histories.stories import Kind, Target, Who

# A challenged holder has 72 hours. A tenant whose page is followed is READY at most one hour later.
CHALLENGE = timedelta(hours=72)
READY_WITHIN = CHALLENGE + timedelta(hours=1)
# The maximum age of a DNS check when it decides something; the owner may have changed a record since then.
CHECK_AGE = timedelta(hours=2)
# A domain whose records were removed stops sending within this time: checks are at most 7.2 hours apart, and
# confirmation takes another 6 hours.
OUTSTAYS = timedelta(hours=24)


class Rule(StrEnum):
    """The invariants, each named and described by its violation."""

    NOT_INTENDED = "a tenant is READY, or able to send, that the DNS owner does not intend"
    TWO_SENDERS = "two tenants may send from one name"
    DISTURBED = "a READY holder is notified, challenged, changed or superseded without proof by a rival"
    LATE = "the intended tenant is not READY within 72 h + 1 h after the DNS owner followed its page"
    OUTSTAYED = "a domain can send long after the DNS owner removed every record"
    WRONG_DEMAND = "proof is required without a cause, or not required despite a cause"
    DELETED_AT_SES = "an SES identity was deleted that was not ours or was still claimed"
    LEFT_AT_SES = "an SES identity of ours remains that has no claim"


@dataclass(frozen=True, slots=True)
class Violation:
    """A violated invariant, with its time in the history and a description."""

    rule: Rule
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A committed state of a claim: `at` is the history's time, `real_at` the real time.

    States of one transaction have the same `tx`. `sends` is the result of sender's own rule, and `token` is
    the ownership token that the tenant must publish.
    """

    at: datetime
    real_at: datetime
    tx: int
    claim_id: UUID
    who: Who
    target: Target
    phase: str
    state: str
    ownership: str
    token: str
    generation: int
    sends: bool

    @property
    def live(self) -> bool:
        """Return whether the claim is neither DELETING nor DELETED."""
        return self.phase in ("PROVISIONING", "ACTIVE")


@dataclass(frozen=True, slots=True)
class Action:
    """An action of a participant; `claim_id` is the claim that it concerns."""

    at: datetime
    kind: Kind
    target: Target
    who: Who | None = None
    claim_id: UUID | None = None


@dataclass(slots=True)
class TokenSpan:
    """The time during which a token was in a TXT record at _letterhead; `until` is None if it still is."""

    target: Target
    token: str
    since: datetime
    until: datetime | None = None

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Return whether the token was there at any time between `start` and `end`."""
        return self.since <= end and (self.until is None or self.until >= start)


@dataclass
class Observed:
    """Everything observed in one history: actions, committed states and published tokens."""

    seen: list[Seen] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    tokens: list[TokenSpan] = field(default_factory=list)
    found: list[Violation] = field(default_factory=list)  # violations that the player detected itself

    def intended(self, target: Target, at: datetime) -> Who | None:
        """Return the tenant that the DNS owner intends at a time."""
        intents = [
            action
            for action in self.actions
            if action.kind in (Kind.INTEND, Kind.ABANDON) and action.target is target and action.at <= at
        ]
        return intents[-1].who if intents else None

    def done(self, kinds: Iterable[Kind], target: Target, until: datetime) -> list[Action]:
        """Return the actions of some kinds on a name, up to a time."""
        chosen = frozenset(kinds)
        return [
            action
            for action in self.actions
            if action.kind in chosen and action.target is target and action.at <= until
        ]


PUBLICATIONS = (Kind.FOLLOW, Kind.DILIGENCE, Kind.ADOPT)


def violations(observed: Observed) -> list[Violation]:
    """Return all violations of a history, ordered by time."""
    by_claim = _by_claim(observed.seen)
    found = [
        *observed.found,
        *(each for claim in by_claim for each in _not_intended(observed, claim)),
        *(each for claim in by_claim for each in _disturbed(observed, claim)),
        *(each for claim in by_claim for each in _outstayed(observed, claim)),
        *(each for target in Target for each in _two_senders(observed, target)),
    ]
    return sorted(found, key=lambda violation: violation.at)


def _by_claim(seen: Sequence[Seen]) -> list[list[Seen]]:
    claims: dict[UUID, list[Seen]] = {}
    for each in seen:
        claims.setdefault(each.claim_id, []).append(each)
    return list(claims.values())


def _not_intended(observed: Observed, claim: Sequence[Seen]) -> Iterator[Violation]:
    """Yield a violation if a claim sends without authorization.

    A claim is authorized if the DNS owner followed its page, or intends its tenant and followed the page of
    another claim of this tenant.
    """
    for each in claim:
        if not each.sends or _authorised(observed, each):
            continue
        intended = observed.intended(each.target, each.at)
        yield Violation(
            Rule.NOT_INTENDED,
            each.at,
            f"{each.who} is {each.state}, {each.ownership} for {each.target.value}, but nothing was published"
            f" for this claim; the DNS owner intends {intended or 'no tenant'}",
        )
        return


def _authorised(observed: Observed, claim: Seen) -> bool:
    mine = [
        action
        for action in observed.done(PUBLICATIONS, claim.target, claim.at)
        if action.who is claim.who and action.claim_id is not None
    ]
    if any(action.claim_id == claim.claim_id for action in mine):
        return True
    return bool(mine) and observed.intended(claim.target, claim.at) is claim.who


def _disturbed(observed: Observed, claim: Sequence[Seen]) -> Iterator[Violation]:
    """Yield a violation if a rival affected a READY holder without proof that the DNS owner intends it."""
    ready_since: datetime | None = None
    challenged_at: datetime | None = None
    for before, after in pairwise(claim):
        if before.state == "READY" and ready_since is None:
            ready_since = before.at
        if before.ownership != "CHALLENGED" and after.ownership == "CHALLENGED":
            challenged_at = after.at
        if ready_since is not None and (why := _trouble(observed, before, after, ready_since, challenged_at)):
            yield Violation(Rule.DISTURBED, after.at, f"{after.who} at {after.target.value}: {why}")
        if after.state != "READY":
            ready_since = None


def _trouble(
    observed: Observed, before: Seen, after: Seen, ready_since: datetime, challenged_at: datetime | None
) -> str | None:
    if not after.live:  # the tenant deleted it
        return None
    if after.ownership != before.ownership:
        return _changed_ownership(observed, before, after, challenged_at)
    disruptions = [
        action
        for action in observed.done((Kind.WITHDRAW, Kind.REMAKE), after.target, after.at)
        if action.at >= ready_since
    ]
    if disruptions:
        return None
    if after.generation != before.generation:
        return f"its records changed (generation {after.generation}) without a cause"
    if after.state != "READY":
        return f"it changed from {before.state} to {after.state} although its records were not changed"
    return None


def _changed_ownership(
    observed: Observed, before: Seen, after: Seen, challenged_at: datetime | None
) -> str | None:
    move = f"{before.ownership} to {after.ownership}"
    allowed = after.ownership == "PROVEN" or (before.ownership, after.ownership) == ("CHALLENGED", "SOLE")
    if allowed or (after.ownership == "SUPERSEDED" and _released_or_adopted(observed, after)):
        return None
    if after.ownership not in ("CHALLENGED", "SUPERSEDED"):
        return f"{move} while it was READY"
    if not _token_of_another(observed, after):
        return f"{move} while no other claim's token was in DNS"
    early = challenged_at is None or after.at - challenged_at < CHALLENGE
    return f"{move} before its 72 hours had passed" if after.ownership == "SUPERSEDED" and early else None


def _token_of_another(observed: Observed, claim: Seen) -> bool:
    others = {
        each.token
        for each in observed.seen
        if each.target is claim.target
        and each.claim_id != claim.claim_id
        and each.token
        and each.at <= claim.at
    }
    return any(
        span.target is claim.target and span.token in others and span.overlaps(claim.at - CHECK_AGE, claim.at)
        for span in observed.tokens
    )


def _released_or_adopted(observed: Observed, claim: Seen) -> bool:
    released = observed.done((Kind.RELEASE,), claim.target, claim.at)
    adopted = observed.done((Kind.ADOPT,), claim.target, claim.at)
    return any(action.who is claim.who for action in released) or any(
        action.who is not claim.who for action in adopted
    )


def _outstayed(observed: Observed, claim: Sequence[Seen]) -> Iterator[Violation]:
    for each, following in zip(claim, [*claim[1:], None], strict=True):
        if not each.sends:
            continue
        until = following.at if following else None
        for withdrawn in observed.done((Kind.WITHDRAW,), each.target, until or each.at):
            published = _published_after(observed, withdrawn)
            limit = withdrawn.at + OUTSTAYS
            last = min((at for at in (until, published) if at is not None), default=None)
            if last is not None and last > limit and last > each.at and limit > each.at:
                yield Violation(
                    Rule.OUTSTAYED, limit, f"{each.who} still sends from {each.target.value} after {OUTSTAYS}"
                )


def _published_after(observed: Observed, withdrawn: Action) -> datetime | None:
    times = [
        action.at
        for action in observed.actions
        if action.kind in PUBLICATIONS and action.target is withdrawn.target and action.at > withdrawn.at
    ]
    return min(times, default=None)


def _two_senders(observed: Observed, target: Target) -> Iterator[Violation]:
    """Replay the commits and yield a violation for each pair of tenants that could send after one of them."""
    sending: dict[UUID, Seen] = {}
    reported: set[frozenset[UUID]] = set()
    here = sorted((each for each in observed.seen if each.target is target), key=lambda each: each.real_at)
    for _, commit in groupby(here, key=lambda each: each.tx):
        last = None
        for last in commit:
            sending.pop(last.claim_id, None)
            if last.sends:
                sending[last.claim_id] = last
        tenants = {each.who for each in sending.values()}
        pair = frozenset(sending)
        if len(tenants) > 1 and pair not in reported and last is not None:
            reported.add(pair)
            names = ", ".join(f"{each.who} ({each.ownership}, {each.state})" for each in sending.values())
            yield Violation(Rule.TWO_SENDERS, last.at, f"{names} for {target.value}")
