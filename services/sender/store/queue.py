"""Leases due emails: locks them and their claims, decides on each, and opens its attempt, in one transaction.

The transaction commits before anything is posted, so every POST has an attempt row whatever happens after.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries, Record
from chassis.ids import uuid7
from chassis.regions import SesRegion
from services.sender.model.account import Account
from services.sender.model.emails import Address, Attachment, Content, RecipientKind
from services.sender.model.messages import explain
from services.sender.model.origin import Domain, Sender, SharedSender
from services.sender.model.posting import Addressee, Candidate, Posting, decide
from services.sender.model.reasons import EmailReason
from services.sender.model.states import Move, SentAs, State
from services.sender.store.rows import is_signing, to_account, to_attachment, to_content, to_domain
from services.sender.store.states import EmailStates

QUERIES = Queries.load(Path(__file__).with_name("queue.sql"))
# An attempt that is not resolved by then is taken over. Longer than the wait for a send slot plus the POST.
LEASE = timedelta(seconds=25)
# How much longer a heavy email is leased: it takes seconds of CPU to build, and waits until others are built.
HEAVY = timedelta(seconds=120)
# How many times more emails to read than are wanted, because other replicas may have locked some of them.
DEPTH = 4


@dataclass(frozen=True, slots=True)
class Known:
    """The domains of a batch; `shared_claim` is None if there is no shared domain that can send."""

    domains: dict[UUID, Domain]
    shared_claim: UUID | None


@dataclass(frozen=True, slots=True)
class Taken:
    """The leased emails to post; `full` if as many emails as wanted were found, so there may be more."""

    postings: list[Posting]
    full: bool


class QueueStore:
    """Leases a region's emails for one worker; `shared` is the shared sender there, if there is one."""

    def __init__(
        self,
        database: Database,
        states: EmailStates,
        ses_region: SesRegion,
        *,
        shared: SharedSender | None,
        worker: str,
    ) -> None:
        self._database = database
        self._states = states
        self._ses_region = ses_region
        self._shared = shared
        self._worker = worker

    async def account(self) -> Account:
        """Return the SES account as verifier last saw it."""
        return to_account(await self._database.fetchrow(*QUERIES.account(**self._ses_region.filter)))

    async def claim(self, limit: int) -> Taken:
        """Lease at most `limit` emails; move those that cannot be sent to another state instead."""
        async with self._database.transaction() as connection:
            candidates = await self._candidates(connection, limit)
            if not candidates:
                return Taken([], full=False)
            known = await self._locked_domains(connection, {each.claim_id for each in candidates})
            decided = [(each, self._decided(each, known)) for each in candidates]
            postings = [_posting(each, what) for each, what in decided if isinstance(what, Sender)]
            await self._open(connection, postings, known)
            await self._count(connection, postings)
            await self._mark(connection, [each for each, what in decided if what is not None])
            moves = [what for _, what in decided if isinstance(what, Move)]
            await self._states.move(connection, [*map(_claimed, postings), *moves])
        return Taken(postings, full=len(candidates) == limit)

    async def begin(self, attempt_ids: Collection[UUID]) -> set[UUID]:
        """Record attempt starts and return the ids that may be posted: the others were taken over."""
        rows = await self._database.fetch(*QUERIES.start_attempts(attempt_ids=list(attempt_ids)))
        return {row["id"] for row in rows}

    async def content(self, email_id: UUID) -> Content:
        """Return the content of a heavy email, which `claim` does not read."""
        [row] = await self._database.fetch(*QUERIES.content(email_id=email_id))
        attachments = await self._database.fetch(*QUERIES.attachments(email_ids=[email_id]))
        return to_content(row, [to_attachment(each) for each in attachments])

    async def domains(self, claim_ids: Collection[UUID]) -> dict[UUID, Domain]:
        """Return the current domains of some claims, without locking them; omit deleted ones."""
        async with self._database.transaction() as connection:
            shared_id = await self._shared_claim(connection)
            return (await self._domains(connection, claim_ids, shared_id)).domains

    async def _candidates(self, connection: Connection, limit: int) -> list[Candidate]:
        rows = await connection.fetch(
            *QUERIES.claimable(**self._ses_region.filter, limit=limit, considered=limit * DEPTH)
        )
        if not rows:
            return []
        email_ids = [row["id"] for row in rows]
        addressees: defaultdict[UUID, list[Addressee]] = defaultdict(list)
        for row in await connection.fetch(*QUERIES.addressees(email_ids=email_ids)):
            addressees[row["email_id"]].append(_addressee(row))
        attachments: defaultdict[UUID, list[Attachment]] = defaultdict(list)
        if attached := [row["id"] for row in rows if row["attached"] and not row["heavy"]]:
            for row in await connection.fetch(*QUERIES.attachments(email_ids=attached)):
                attachments[row["email_id"]].append(to_attachment(row))
        return [_candidate(row, addressees[row["id"]], attachments[row["id"]]) for row in rows]

    async def _locked_domains(self, connection: Connection, claim_ids: Collection[UUID]) -> Known:
        """Lock the claims, then read their domains: the right to send cannot be revoked until commit."""
        shared_id = await self._shared_claim(connection)
        await connection.execute(*QUERIES.lock_claims(claim_ids=_with(claim_ids, shared_id)))
        return await self._domains(connection, claim_ids, shared_id)

    async def _domains(
        self, connection: Connection, claim_ids: Collection[UUID], shared_id: UUID | None
    ) -> Known:
        found = await connection.fetch(*QUERIES.verifications_by_claim(claim_ids=_with(claim_ids, shared_id)))
        ready = any(is_signing(row) for row in found if row["claim_id"] == shared_id)
        domains = {row["claim_id"]: to_domain(row, shared_ready=ready) for row in found}
        return Known(domains, shared_id if ready else None)

    async def _shared_claim(self, connection: Connection) -> UUID | None:
        if self._shared is None:
            return None
        claim_id: UUID | None = await connection.fetchval(
            *QUERIES.shared_claim(**self._ses_region.filter, shared_domain=self._shared.domain)
        )
        return claim_id

    def _decided(self, candidate: Candidate, known: Known) -> Sender | Move | None:
        return decide(candidate, known.domains.get(candidate.claim_id), self._shared)

    async def _open(self, connection: Connection, postings: Sequence[Posting], known: Known) -> None:
        """Open attempts under the claims that sign: identity does not delete a claim with open attempts."""
        if not postings:
            return
        await connection.execute(
            *QUERIES.open_attempts(
                attempt_ids=[posting.attempt_id for posting in postings],
                email_ids=[posting.candidate.id for posting in postings],
                tenant_ids=[posting.candidate.tenant_id for posting in postings],
                claim_ids=[_signing_claim(posting, known) for posting in postings],
                **self._ses_region.filter,
                numbers=[posting.number for posting in postings],
                worker=self._worker,
                leases=[LEASE + HEAVY * posting.candidate.heavy for posting in postings],
            )
        )

    async def _count(self, connection: Connection, postings: Sequence[Posting]) -> None:
        """Count recipients against their tenants' limits: each email once, tests and notices never."""
        first = [each for each in postings if each.number == 1 and not each.candidate.is_exempt]
        if first:
            await connection.execute(
                *QUERIES.count_emails(
                    tenant_ids=[each.candidate.tenant_id for each in first],
                    recipient_counts=[len(each.recipients) for each in first],
                )
            )

    async def _mark(self, connection: Connection, candidates: Sequence[Candidate]) -> None:
        """Update the marks of suppressed recipients: the list may have changed since the last attempt."""
        marks = [
            (each.id, addressee)
            for each in candidates
            for addressee in each.addressees
            if addressee.suppressed is not addressee.left_out
        ]
        if marks:
            why = explain(EmailReason.RECIPIENT_SUPPRESSED)
            await connection.execute(
                *QUERIES.mark_recipients(
                    email_ids=[email_id for email_id, _ in marks],
                    positions=[addressee.position for _, addressee in marks],
                    suppressed=[addressee.suppressed for _, addressee in marks],
                    message=why.message,
                    reason=why.reason,
                )
            )


def _with(claim_ids: Collection[UUID], shared_id: UUID | None) -> list[UUID]:
    return [*claim_ids, *([shared_id] if shared_id else [])]


def _posting(candidate: Candidate, sender: Sender) -> Posting:
    return Posting(uuid7(), candidate.attempts + 1, candidate, sender)


def _claimed(posting: Posting) -> Move:
    sender = posting.sender
    why = explain(EmailReason.ATTEMPT_STARTED, attempt=posting.number)
    return Move(
        posting.candidate.id, State.SENDING, why, sent_as=sender.sent_as, sent_from=str(sender.address)
    )


def _signing_claim(posting: Posting, known: Known) -> UUID | None:
    return posting.candidate.claim_id if posting.sender.sent_as is SentAs.OWN else known.shared_claim


def _addressee(row: Record) -> Addressee:
    address = Address(row["address"], row["name"])
    return Addressee(row["position"], RecipientKind(row["kind"]), address, row["suppressed"], row["left_out"])


def _candidate(row: Record, addressees: Sequence[Addressee], attachments: Sequence[Attachment]) -> Candidate:
    return Candidate(
        id=row["id"],
        tenant_id=row["tenant_id"],
        claim_id=row["claim_id"],
        sender=Address(row["from_address"], row["from_name"]),
        content=to_content(row, attachments),
        heavy=row["heavy"],
        size=row["size"],
        attempts=row["attempts"],
        claimed_at=row["claimed_at"],
        addressees=addressees,
        is_exempt=row["is_exempt"],
        tags=row["tags"],
    )
