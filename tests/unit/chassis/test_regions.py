"""The regions of an installation, as its settings name them."""

from typing import Any

import pytest

from chassis.config import Aws, ConfigError, load
from chassis.regions import AwsRegion, SesRegion

FIRST = {"LETTERHEAD_AWS_REGION": "us-east-1", "LETTERHEAD_AWS_ACCOUNT": "123456789012"}
SECOND = '{"account": "210987654321", "region": "eu-west-1"}'


def loaded(**more: str) -> Aws:
    return load(Aws, FIRST | {f"LETTERHEAD_{name.upper()}": value for name, value in more.items()})


def test_without_more_regions_there_is_one() -> None:
    settings = loaded(aws_endpoint_url="http://127.0.0.1:8091")

    [only] = settings.regions

    assert only == AwsRegion(account="123456789012", region="us-east-1", endpoint_url="http://127.0.0.1:8091")


def test_more_regions_follow_the_first() -> None:
    settings = loaded(more_regions=f"[{SECOND}]")

    assert [each.ses_region for each in settings.regions] == [
        SesRegion("123456789012", "us-east-1"),
        SesRegion("210987654321", "eu-west-1"),
    ]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("eu-west-1", "'eu-west-1' is not a JSON list of objects"),
        ('[{"region": "eu-west-1"}]', "is not a JSON list of objects; each has account and region"),
        (f'[{SECOND[:-1]}, "queue": "q"}}]', "and may have endpoint_url, profile, configuration_set"),
        (SECOND, "is not a JSON list of objects"),
        ('[{"account": "2109", "region": "eu-west-1"}]', "account '2109' is not 12 digits"),
        (f"[{SECOND}, {SECOND}]", "eu-west-1 is listed twice"),
        ('[{"account": "210987654321", "region": "us-east-1"}]', "us-east-1 is listed twice"),
    ],
)
def test_a_mistake_is_explained(value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(more_regions=value)

    assert "LETTERHEAD_MORE_REGIONS" in str(caught.value)
    assert problem in str(caught.value)


def test_a_region_filters_statements_and_names_its_rate_limiter() -> None:
    region = SesRegion("123456789012", "us-east-1")

    expected: dict[str, Any] = {"account": "123456789012", "region": "us-east-1"}
    assert region.filter == expected
    assert region.control_key == "ses-control:123456789012:us-east-1"
