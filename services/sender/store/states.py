"""Changes states, and is the only code that does: checked, with history and event, in one transaction."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from chassis.database import Connection, Queries, Record
from chassis.events import Outbox
from chassis.ids import uuid7
from services.sender import events
from services.sender.model.states import (
    ATTEMPT_TRANSITIONS,
    FINAL,
    TRANSITIONS,
    Move,
    Moved,
    Outcome,
    SentAs,
    State,
)

QUERIES = Queries.load(Path(__file__).with_name("states.sql"))

_EMAIL_PAIRS = [(before, after) for before, targets in TRANSITIONS.items() for after in targets]
_ATTEMPT_PAIRS = [(before, after) for before, targets in ATTEMPT_TRANSITIONS.items() for after in targets]


class EmailStates:
    """Moves emails and resolves attempts; keeps bodies for `body_retention` after an email's last state."""

    def __init__(self, *, body_retention: timedelta) -> None:
        self._body_retention = body_retention
        self._outbox = Outbox("sender")

    async def move(self, connection: Connection, moves: Sequence[Move]) -> list[Moved]:
        """Make the moves that are allowed and return them; `moves` has at most one per email."""
        if not moves:
            return []
        rows = await connection.fetch(QUERIES.move_emails, *self._columns(moves), *_pairs(_EMAIL_PAIRS))
        wanted = {move.email_id: move for move in moves}
        moved = [_moved(row, wanted[row["id"]]) for row in rows]
        to_publish = (events.of_move(each) for each in moved)
        await self._outbox.write(connection, *(event for event in to_publish if event is not None))
        return moved

    async def resolve(self, connection: Connection, outcomes: Sequence[Outcome]) -> list[Moved]:
        """Resolve attempts and move their emails; an outcome that arrives too late changes neither."""
        if not outcomes:
            return []
        rows = await connection.fetch(
            QUERIES.resolve_attempts,
            [outcome.attempt_id for outcome in outcomes],
            [outcome.to for outcome in outcomes],
            [outcome.error for outcome in outcomes],
            [outcome.move.ses_id for outcome in outcomes],
            *_pairs(_ATTEMPT_PAIRS),
        )
        settled = {row["id"] for row in rows}
        return await self.move(
            connection, [outcome.move for outcome in outcomes if outcome.attempt_id in settled]
        )

    def _columns(self, moves: Sequence[Move]) -> Iterator[list[object]]:
        yield [uuid7() for _ in moves]
        yield [move.email_id for move in moves]
        yield [move.to for move in moves]
        yield [move.note for move in moves]
        yield [move.delay for move in moves]
        yield [move.ses_id for move in moves]
        yield [move.sent_as for move in moves]
        yield [move.sent_from for move in moves]
        yield [self._body_retention if move.to in FINAL else None for move in moves]


def _pairs(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [before for before, _ in pairs], [after for _, after in pairs]


def _moved(row: Record, move: Move) -> Moved:
    return Moved(
        id=row["id"],
        tenant_id=row["tenant_id"],
        claim_id=row["claim_id"],
        state=State(row["state"]),
        note=row["state_note"],
        ses_id=row["ses_id"] or "",
        sent_as=SentAs(row["sent_as"]) if row["sent_as"] else None,
        tags=row["tags"],
        suppressed=move.suppressed,
    )
