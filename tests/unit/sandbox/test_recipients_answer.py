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
    refusal = Recipients().refusal("sender@example.com", recipient)

    assert (refusal and refusal[:3]) == code


def test_a_slow_recipient_accepts_the_second_attempt_of_a_sender() -> None:
    recipients = Recipients()
    recipients.refusal("first@example.com", "slow@mnexa.ai")

    assert recipients.refusal("first@example.com", "slow@mnexa.ai") is None
    assert recipients.refusal("second@example.com", "slow@mnexa.ai") is not None
