"""The classification of SES's answers: every declared error, and responses that only look like one."""

from datetime import timedelta

import botocore.session
import pytest

from services.sender.model.posting import Lost, Rejected, Then
from services.sender.model.reasons import EmailReason
from services.sender.ses import REJECTIONS, read_error

DEFINITE = [
    ("TooManyRequestsException", 429, "Maximum sending rate exceeded.", Then.RETRY, True),
    ("TooManyRequestsException", 429, "Daily message quota exceeded.", Then.RETRY, True),
    ("ThrottlingException", 400, "Rate exceeded", Then.RETRY, True),
    ("ThrottlingException", 400, "Daily message quota exceeded.", Then.RETRY, True),
    ("LimitExceededException", 400, "", Then.RETRY, True),
    ("SendingPausedException", 400, "Sending paused for this account.", Then.RETRY, True),
    ("AccountSuspendedException", 400, "", Then.RETRY, True),
    ("NotFoundException", 404, "Configuration set <x> does not exist.", Then.RETRY, True),
    ("AccessDeniedException", 403, "not authorized to perform ses:SendEmail", Then.RETRY, True),
    ("ExpiredTokenException", 403, "", Then.RETRY, True),
    ("SignatureDoesNotMatch", 403, "", Then.RETRY, True),
    ("MailFromDomainNotVerifiedException", 400, "", Then.HOLD, False),
    ("MessageRejected", 400, "Email address is not verified.", Then.FAIL, False),
    ("BadRequestException", 400, "Invalid tag", Then.FAIL, False),
]


@pytest.mark.parametrize(("code", "status", "message", "then", "everyone"), DEFINITE)
def test_a_known_error_code_is_a_definite_rejection(
    code: str, status: int, message: str, then: Then, *, everyone: bool
) -> None:
    answer = read_error(code, status, message)

    assert isinstance(answer, Rejected)
    assert (answer.then, answer.everyone) == (then, everyone)
    assert code in answer.error
    assert answer.parameters["ses_code"] == code
    assert answer.parameters.get("ses_message", "") == (message if then is Then.FAIL else "")


NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region US-EAST-1: "
)


@pytest.mark.parametrize(
    ("failed", "then"),
    [
        ("agent@inbox.mnexa.ai", Then.HOLD),
        ("Agent <Agent@inbox.mnexa.ai>, ada@example.com", Then.HOLD),
        ("ada@example.com", Then.FAIL),
    ],
)
def test_an_email_is_held_while_ses_does_not_accept_its_sender(failed: str, then: Then) -> None:
    """An account in SES's sandbox rejects recipients in the same words, and that is final."""
    answer = read_error("MessageRejected", 400, f"{NOT_VERIFIED}{failed}", sender="agent@inbox.mnexa.ai")

    assert isinstance(answer, Rejected)
    assert answer.then is then
    if then is Then.HOLD:
        assert answer.reason is EmailReason.IDENTITY_NOT_VERIFIED


def test_every_error_that_send_email_declares_is_known() -> None:
    client = botocore.session.get_session().create_client("sesv2", region_name="us-east-1")
    declared = client.meta.service_model.operation_model("SendEmail").error_shapes

    assert {shape.name for shape in declared} <= set(REJECTIONS)


@pytest.mark.parametrize("code", sorted(REJECTIONS))
@pytest.mark.parametrize("status", [500, 502, 503, 504, 200, 301, 0])
def test_a_known_code_with_another_status_is_lost(code: str, status: int) -> None:
    """SES may return a 5xx after it accepted the email, whatever the body says."""
    assert isinstance(read_error(code, status, ""), Lost)


@pytest.mark.parametrize("code", ["", "413", "InternalFailure", "RequestTimeout", "SomethingNewException"])
@pytest.mark.parametrize("status", [400, 408, 413, 429, 500, 503])
def test_an_unknown_code_is_lost(code: str, status: int) -> None:
    assert isinstance(read_error(code, status, ""), Lost)


def test_an_exhausted_quota_waits_longer_than_an_exceeded_rate() -> None:
    rate = read_error("TooManyRequestsException", 429, "Maximum sending rate exceeded.")
    quota = read_error("TooManyRequestsException", 429, "Daily message quota exceeded.")

    assert isinstance(rate, Rejected)
    assert isinstance(quota, Rejected)
    assert rate.delay(1) == timedelta(seconds=1)
    assert quota.delay(1) == timedelta(minutes=2)


def test_delays_double_up_to_the_maximum() -> None:
    rejection = Rejected(
        Then.RETRY, EmailReason.SES_RATE_EXCEEDED, pause=timedelta(seconds=1), longest=timedelta(seconds=30)
    )

    delays = [rejection.delay(attempt).total_seconds() for attempt in (1, 2, 3, 6, 1000)]

    assert delays == [1, 2, 4, 30, 30]
