"""An email whose MIME message would be parsed differently from what was accepted fails and is not posted."""

import pytest

from tests.factories import Domain
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes

# Changes that no caller can make through the API, written to the database directly.
MALFORMED = {
    "a control header of SES": """headers = '{"X-SES-TENANT": "other"}'""",
    "an injected header": """headers = '{"X-A": "b\\r\\nSender: ceo@bank.com"}'""",
    "two From addresses": "from_address = 'ceo@bank.com>, <' || from_address",
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_email_fails_and_is_not_posted(
    caller: Caller, sender: Sender, domain: Domain, change: str
) -> None:
    await sender.set_account(state="PAUSED")
    accepted = await caller.send(f"agent@{domain.name}")
    await sender.database.execute(f"UPDATE sender.emails SET {change}")  # noqa: S608 - constants above

    await sender.set_account(state="READY")
    email = await becomes(caller, accepted, State.STATE_FAILED)

    assert email.state_message == (
        "Its MIME message would not be parsed the same way by every mail client; nothing was sent."
    )
    assert await sender.posts() == []
