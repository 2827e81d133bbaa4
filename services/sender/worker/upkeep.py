"""Periodic tasks for waiting email: deadlines, releases, superseded domains.

Every rule is level-triggered: it acts on the state in the database, not on events. Any replica may run it.
"""

from uuid import UUID

from chassis.database import Database
from services.sender.model.messages import explain
from services.sender.model.origin import Domain, Origin, origin
from services.sender.model.posting import ENDED
from services.sender.model.reasons import EmailReason
from services.sender.model.states import Move, State
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import BATCH, UpkeepStore


class Upkeep:
    """The periodic tasks; each returns whether there is more to do at once."""

    def __init__(
        self, database: Database, store: UpkeepStore, states: EmailStates, queue: QueueStore
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._queue = queue

    async def expire(self) -> bool:
        """Expire emails that waited beyond their deadline."""
        async with self._database.transaction() as connection:
            expired = await self._store.expired_emails(connection)
            certain = explain(EmailReason.DEADLINE_PASSED)
            unknown = explain(EmailReason.DEADLINE_PASSED_PERHAPS_SENT)
            moves = [
                Move(each, State.EXPIRED, unknown if perhaps_sent else certain)
                for each, perhaps_sent in expired
            ]
            await self._states.move(connection, moves)
        return len(expired) == BATCH

    async def release(self) -> bool:
        """Release held email whose claim can send again; fail it where the claim never can."""
        full, after = False, None
        while claim_ids := await self._store.claims_with_held(after):
            domains = await self._queue.domains(claim_ids)
            counts = [await self._release_claim(each, domains.get(each)) for each in claim_ids]
            full, after = full or BATCH in counts, claim_ids[-1]
        return full

    async def supersede(self) -> bool:
        """Fail waiting and scheduled email from domains that another tenant proved control of."""
        async with self._database.transaction() as connection:
            waiting = await self._store.superseded_emails(connection)
            why = explain(EmailReason.DOMAIN_SUPERSEDED)
            await self._states.move(connection, [Move(each, State.FAILED, why) for each in waiting])
        return len(waiting) == BATCH

    async def _release_claim(self, claim_id: UUID, domain: Domain | None) -> int:
        answer = Origin.NOT_YOURS if domain is None else origin(domain.verification)
        if answer is Origin.NOT_READY:
            return 0
        can_send = answer in (Origin.OWN, Origin.SHARED)
        to, reason = (
            (State.QUEUED, EmailReason.DOMAIN_CAN_SEND) if can_send else (State.FAILED, ENDED[answer])
        )
        why = explain(reason)
        async with self._database.transaction() as connection:
            held = await self._store.held_emails(connection, claim_id)
            await self._states.move(connection, [Move(each, to, why) for each in held])
        return len(held)
