"""The message that an operator reads about the SES account."""

from dataclasses import replace

import pytest

from services.verifier.model.account import AccountState, AccountStatus

READY = AccountStatus(
    production_access=True,
    sending_enabled=True,
    enforcement_status="HEALTHY",
    max_send_rate=14,
    max_24_hour_send=50_000,
    sent_last_24_hours=7,
)


@pytest.mark.parametrize(
    ("account_status", "state", "advice"),
    [
        (READY, AccountState.READY, "can send"),
        (replace(READY, production_access=False), AccountState.SANDBOXED, "Request production access"),
        (replace(READY, sending_enabled=False), AccountState.PAUSED, "Enable it with"),
        (replace(READY, enforcement_status="SHUTDOWN"), AccountState.PAUSED, "Answer AWS's message"),
        (replace(READY, enforcement_status="PROBATION"), AccountState.UNDER_REVIEW, "Answer AWS's message"),
        (replace(READY, enforcement_status="A_NEW_WORD"), AccountState.READY, "can send"),
    ],
)
def test_each_account_state_comes_with_advice(
    account_status: AccountStatus, state: AccountState, advice: str
) -> None:
    reported, why = account_status.state()

    assert reported is state
    assert advice in why.message
