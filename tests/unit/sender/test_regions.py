"""The region that a sender serves, and the names there, as its settings say."""

from pathlib import Path

import pytest

from chassis.config import ConfigError, load
from chassis.regions import SesRegion
from services.sender.config import Config

HERE, THERE = SesRegion("123456789012", "us-east-1"), SesRegion("210987654321", "eu-west-1")
MORE = (
    '[{"account": "210987654321", "region": "eu-west-1", "configuration_set": "eu",'
    ' "shared_domain": "Send-EU.example.com"}]'
)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the settings of a sender in an installation with two regions."""
    url = tmp_path / "database-url"
    url.write_text("postgresql://sender@127.0.0.1/letterhead")
    return {
        "LETTERHEAD_DATABASE_URL_FILE": str(url),
        "LETTERHEAD_NATS_URL": "nats://127.0.0.1:4222",
        "LETTERHEAD_GRPC_PORT": "0",
        "LETTERHEAD_GRPC_PLAINTEXT": "true",
        "LETTERHEAD_AWS_REGION": HERE.region,
        "LETTERHEAD_AWS_ACCOUNT": HERE.account,
        "LETTERHEAD_MORE_REGIONS": MORE,
        "LETTERHEAD_SHARED_DOMAIN": "send.example.com",
    }


def test_a_sender_serves_the_first_region_by_default(environ: dict[str, str]) -> None:
    settings = load(Config, environ)

    assert settings.region.ses_region == HERE
    assert settings.feedback_source == "123456789012:us-east-1:letterhead"
    assert settings.shared_sender
    assert settings.shared_sender.domain == "send.example.com"


def test_a_sender_of_another_region_uses_the_names_there(environ: dict[str, str]) -> None:
    settings = load(Config, environ | {"LETTERHEAD_SENDING_REGION": THERE.region})

    assert settings.region.ses_region == THERE
    assert settings.feedback_source == "210987654321:eu-west-1:eu"
    assert settings.shared_sender
    assert settings.shared_sender.domain == "send-eu.example.com"


def test_every_sender_knows_the_shared_domains_of_all_regions(environ: dict[str, str]) -> None:
    settings = load(Config, environ)

    assert settings.shared_domains == {HERE: "send.example.com", THERE: "send-eu.example.com"}


def test_a_region_that_is_not_listed_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="'mars-west-1' is not one of us-east-1, eu-west-1"):
        load(Config, environ | {"LETTERHEAD_SENDING_REGION": "mars-west-1"})
