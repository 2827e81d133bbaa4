"""Changes states, and is the only code that does: checked, with history and event, in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.sender.events import published
from services.sender.model.emails import Address
from services.sender.model.references import Moved
from services.sender.model.states import (
    ATTEMPT_TRANSITIONS,
    FINAL,
    PUBLISHED,
    TRANSITIONS,
    Move,
    Outcome,
    SentAs,
    State,
)
from services.sender.store.rows import to_reference

QUERIES = Queries.load(Path(__file__).with_name("states.sql"))

_EMAIL_PAIRS = {
    "allowed_from": [before for before, targets in TRANSITIONS.items() for _ in targets],
    "allowed_to": [after for targets in TRANSITIONS.values() for after in targets],
}
_ATTEMPT_PAIRS = {
    "allowed_from": [before for before, targets in ATTEMPT_TRANSITIONS.items() for _ in targets],
    "allowed_to": [after for targets in ATTEMPT_TRANSITIONS.values() for after in targets],
}


class EmailStates:
    """Moves emails and resolves attempts; keeps bodies for `body_retention` after an email's last state."""

    def __init__(self, *, body_retention: timedelta) -> None:
        self._body_retention = body_retention
        self._outbox = Outbox("sender")

    async def move(self, connection: Connection, moves: Sequence[Move]) -> list[Moved]:
        """Make the moves that are allowed and return them; `moves` has at most one per email."""
        if not moves:
            return []
        rows = await connection.fetch(
            *QUERIES.move_emails(
                transition_ids=[uuid7() for _ in moves],
                email_ids=[move.email_id for move in moves],
                to_states=[move.to for move in moves],
                messages=[move.why.message for move in moves],
                reasons=[move.why.reason for move in moves],
                parameters=[move.why.parameters for move in moves],
                delays=[move.delay for move in moves],
                ses_ids=[move.ses_id for move in moves],
                sent_as=[move.sent_as for move in moves],
                sent_from=[move.sent_from for move in moves],
                body_retention=[self._body_retention if move.to in FINAL else None for move in moves],
                published=list(PUBLISHED),
                **_EMAIL_PAIRS,
            )
        )
        wanted = {move.email_id: move for move in moves}
        moved = [_moved(row, wanted[row["id"]]) for row in rows]
        to_publish = (published.of_move(each) for each in moved)
        await self._outbox.write(connection, *(event for event in to_publish if event is not None))
        return moved

    async def resolve(self, connection: Connection, outcomes: Sequence[Outcome]) -> list[Moved]:
        """Resolve attempts and move their emails; an outcome that arrives too late changes neither."""
        if not outcomes:
            return []
        rows = await connection.fetch(
            *QUERIES.resolve_attempts(
                attempt_ids=[outcome.attempt_id for outcome in outcomes],
                to_states=[outcome.to for outcome in outcomes],
                errors=[outcome.error for outcome in outcomes],
                ses_ids=[outcome.move.ses_id for outcome in outcomes],
                **_ATTEMPT_PAIRS,
            )
        )
        settled = {row["id"] for row in rows}
        return await self.move(
            connection, [outcome.move for outcome in outcomes if outcome.attempt_id in settled]
        )


def _moved(row: Record, move: Move) -> Moved:
    state = State(row["state"])
    return Moved(
        id=row["id"],
        tenant_id=row["tenant_id"],
        state=state,
        why=move.why,
        sent_as=SentAs(row["sent_as"]) if row["sent_as"] else None,
        sent_from=Address.parse(row["sent_from"] or ""),
        suppressed=move.suppressed,
        reference=to_reference(row, ses_id=row["ses_id"]) if state in PUBLISHED else None,
    )
