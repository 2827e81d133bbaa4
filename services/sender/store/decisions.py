"""Reads and moves emails that need an operator's decision."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Queries
from chassis.ids import uuid7
from services.sender.model.reasons import Explanation
from services.sender.model.references import Moved
from services.sender.model.states import AttemptState, Move, Outcome, State
from services.sender.store.states import EmailStates

QUERIES = Queries.load(Path(__file__).with_name("decisions.sql"))
BATCH = 1000  # emails held per call


@dataclass(frozen=True, slots=True)
class Undecided:
    """An email that may need an operator's decision.

    `demanded`: only a decision can release it. `attempt_id`: the attempt whose answer was lost.
    `perhaps_sent`: there was such an attempt, or may have been one before a restore. `reported`: evidence has
    already arrived.
    """

    state: State
    demanded: bool
    attempt_id: UUID | None
    perhaps_sent: bool
    reported: bool

    @property
    def open(self) -> bool:
        """Return whether there is anything to decide."""
        lost = self.attempt_id is not None and self.state in (State.UNKNOWN, State.HELD)
        held = self.state is State.HELD and self.demanded
        return not self.reported and (lost or held or (self.over and self.perhaps_sent))

    @property
    def over(self) -> bool:
        """Return whether its deadline has passed, so that it can no longer be sent."""
        return self.state is State.EXPIRED


class DecisionStore:
    """Works in the caller's transaction; changes states only through `states`."""

    def __init__(self, states: EmailStates) -> None:
        self._states = states

    async def undecided(self, connection: Connection, email_id: UUID, sees: Visibility) -> Undecided | None:
        """Return an email that the caller may see; None if there is no such email."""
        row = await connection.fetchrow(*QUERIES.undecided(email_id=email_id, **sees.filter))
        if row is None:
            return None
        return Undecided(
            State(row["state"]),
            row["demanded"],
            row["attempt_id"],
            row["perhaps_sent"],
            row["reported"],
        )

    async def resolve(
        self, connection: Connection, known: Undecided, move: Move, to: AttemptState
    ) -> list[Moved]:
        """Make the decided move and return it; return nothing if evidence arrived first."""
        if known.attempt_id is not None:
            return await self._states.resolve(
                connection, [Outcome(known.attempt_id, to, move, move.why.message)]
            )
        if await connection.fetchval(*QUERIES.lock_undecided(email_id=move.email_id)) is None:
            return []
        return await self._states.move(connection, [move])

    async def hold(
        self,
        connection: Connection,
        sees: Visibility,
        since: datetime | None,
        before: datetime | None,
        why: Explanation,
    ) -> int:
        """Hold a batch of emails and return how many; an open attempt becomes one whose answer was lost."""
        rows = await connection.fetch(
            *QUERIES.to_hold(since=since, before=before, limit=BATCH, **sees.filter)
        )
        already = [row["id"] for row in rows if row["state"] == State.HELD]
        moves = {row["id"]: Move(row["id"], State.HELD, why) for row in rows if row["state"] != State.HELD}
        outcomes = [
            Outcome(row["attempt_id"], AttemptState.UNKNOWN, moves.pop(row["id"]), "held by an operator")
            for row in rows
            if row["attempt_id"] is not None
        ]
        moved = [
            *await self._states.resolve(connection, outcomes),
            *await self._states.move(connection, [*moves.values()]),
        ]
        still_held = await connection.fetch(
            *QUERIES.hold_on(
                transition_ids=[uuid7() for _ in already],
                email_ids=already,
                message=why.message,
                reason=why.reason,
                parameters=why.parameters,
            )
        )
        held = [*(each.id for each in moved), *(row["email_id"] for row in still_held)]
        await connection.execute(*QUERIES.demand_decisions(email_ids=held))
        return len(held)
