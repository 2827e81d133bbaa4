"""An email that readers would read otherwise than it was accepted is FAILED; not a byte of it reaches SES."""

import pytest

from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes

# SQL of what no caller can store, as if somebody had got it into the database all the same.
BENT = {
    "an order to SES": """headers = '{"X-SES-TENANT": "other"}'""",
    "a header in a header": """headers = '{"X-A": "b\\r\\nSender: ceo@bank.com"}'""",
    "two authors": "from_address = 'ceo@bank.com>, <' || from_address",
}


@pytest.mark.parametrize("change", BENT.values(), ids=BENT.keys())
async def test_it_fails_and_nothing_is_posted(
    caller: Caller, sender: Sender, domain: Domain, change: str
) -> None:
    await sender.set_account(state="PAUSED")
    accepted = await caller.send(f"agent@{domain.name}")
    await sender.database.execute(f"UPDATE sender.emails SET {change}")  # noqa: S608 -- the words above

    await sender.set_account(state="READY")
    email = await becomes(caller, accepted, State.STATE_FAILED)

    assert email.state_note == (
        "Its MIME message would not be parsed the same way by every mail client; nothing was sent."
    )
    assert await sender.posts() == []
