"""The accepted SNS topic, the host and names of its certificates, and Amazon's intermediates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.httpsession import get_cert_path

from services.webhooks.intake.certificates import INTERMEDIATES, certificates_in
from services.webhooks.model.sns import Topic


@pytest.mark.parametrize(
    ("arn", "host", "name"),
    [
        ("arn:aws:sns:us-east-1:123456789012:x", "sns.us-east-1.amazonaws.com", "sns.amazonaws.com"),
        (
            "arn:aws:sns:af-south-1:123456789012:x",
            "sns.af-south-1.amazonaws.com",
            "sns-signing.af-south-1.amazonaws.com",
        ),
        (
            "arn:aws-us-gov:sns:us-gov-east-1:123456789012:x",
            "sns.us-gov-east-1.amazonaws.com",
            "sns-us-gov-west-1.amazonaws.com",
        ),
        (
            "arn:aws-cn:sns:cn-north-1:123456789012:x",
            "sns.cn-north-1.amazonaws.com.cn",
            "sns-cn-north-1.amazonaws.com.cn",
        ),
    ],
)
def test_the_certificate_host_and_names_follow_from_the_topic(arn: str, host: str, name: str) -> None:
    topic = Topic.of(arn)

    assert topic.host == host
    assert name in topic.names


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:sqs:us-east-1:123456789012:x",
        "arn:aws:sns:us-east-1:12345:x",
        "arn:aws:sns:s3.evil:123456789012:x",
        "arn:aws-other:sns:us-east-1:123456789012:x",
        "arn:aws:sns:us-east-1:123456789012:x/y",
        "arn:aws:sns:us-east-1:123456789012:x\n",
    ],
)
def test_an_invalid_topic_arn_is_rejected(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of an SNS topic"):
        Topic.of(arn)


def test_amazons_intermediates_are_issued_by_public_roots_and_valid_for_another_year() -> None:
    roots = {each.subject: each for each in certificates_in(Path(get_cert_path(True)))}

    for certificate in certificates_in(INTERMEDIATES):
        certificate.verify_directly_issued_by(roots[certificate.issuer])
        assert certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=365)
