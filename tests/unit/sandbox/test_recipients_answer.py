import pytest

from sandbox.mailbox.recipients import Recipients


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("bounce@mnexa.ai", "550"),
        ("Bounce+label@mnexa.ai", "550"),
        ("unknown-17@mnexa.ai", "550"),
        ("full@mnexa.ai", "452"),
        ("overquota2@mnexa.ai", "552"),
        ("slow@mnexa.ai", "451"),
        ("ada@mnexa.ai", None),
        ("bouncer@mnexa.ai", None),
        ("slowly@mnexa.ai", None),
    ],
)
def test_the_local_part_selects_the_reply(recipient: str, code: str | None) -> None:
    rejection = Recipients().rejection("sender@example.com", recipient)

    assert (rejection and rejection[:3]) == code


def test_a_slow_recipient_accepts_the_second_attempt_of_a_sender() -> None:
    recipients = Recipients()
    recipients.rejection("first@example.com", "slow@mnexa.ai")

    assert recipients.rejection("first@example.com", "slow@mnexa.ai") is None
    assert recipients.rejection("second@example.com", "slow@mnexa.ai") is not None
