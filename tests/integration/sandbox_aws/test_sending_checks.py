"""The checks of SendEmail and their errors."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sandbox_aws.world import CONFIGURATION_SET, MakeWorld, World

SENDER = "agent@inbox.mnexa.ai"
TO = "somebody@customer.com"


async def refused(world: World, sender: str = SENDER, to: str = TO, **more: Any) -> tuple[str, str]:
    """Return the code and the message of the error."""
    with pytest.raises(ClientError) as rejection:
        await world.send(sender, to, **more)
    error = rejection.value.response["Error"]
    return error["Code"], error["Message"]


async def test_an_unverified_sender_is_rejected_with_the_message_of_ses(world: World) -> None:
    await world.create("inbox.mnexa.ai")

    code, message = await refused(world)

    assert code == "MessageRejected"
    assert message == (
        "Email address is not verified. The following identities failed the check in region US-EAST-1: "
        "agent@inbox.mnexa.ai"
    )


async def test_a_sandbox_account_sends_only_to_verified_addresses_and_the_simulator(world: World) -> None:
    await world.verified("inbox.mnexa.ai")
    await world.control("PATCH", "/ses/account", {"production_access": False})

    code, message = await refused(world)

    assert (code, message.endswith(f"US-EAST-1: {TO}")) == ("MessageRejected", True)
    assert await world.send(SENDER, "success@simulator.amazonses.com")
    assert await world.send(SENDER, "colleague@inbox.mnexa.ai")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sending_enabled": False}, "SendingPausedException"),
        ({"enforcement_status": "SHUTDOWN"}, "AccountSuspendedException"),
    ],
)
async def test_a_paused_or_shut_down_account_sends_nothing(
    world: World, change: dict[str, Any], code: str
) -> None:
    await world.verified("inbox.mnexa.ai")
    await world.control("PATCH", "/ses/account", change)

    assert (await refused(world))[0] == code


async def test_a_configuration_set_must_exist_and_not_be_paused(world: World) -> None:
    await world.verified("inbox.mnexa.ai")

    unknown = await refused(world, ConfigurationSetName="none")
    await world.ses("create_configuration_set", ConfigurationSetName=CONFIGURATION_SET)
    await world.ses(
        "put_configuration_set_sending_options", ConfigurationSetName=CONFIGURATION_SET, SendingEnabled=False
    )

    assert unknown[0] == "NotFoundException"
    assert (await refused(world, ConfigurationSetName=CONFIGURATION_SET))[0] == "SendingPausedException"


async def test_reject_message_requires_a_verified_mail_from(world: World) -> None:
    world.publish_dkim("inbox.mnexa.ai", await world.create("inbox.mnexa.ai"))
    await world.ses(
        "put_email_identity_mail_from_attributes",
        EmailIdentity="inbox.mnexa.ai",
        MailFromDomain="send.inbox.mnexa.ai",
        BehaviorOnMxFailure="REJECT_MESSAGE",
    )
    await world.sees("inbox.mnexa.ai", "SUCCESS", "PENDING")

    assert (await refused(world))[0] == "MailFromDomainNotVerifiedException"


RAW_OF_TWO = b"From: a@inbox.mnexa.ai, b@inbox.mnexa.ai\r\nTo: c@customer.com\r\n\r\nBody\r\n"
RAW_OF_ANOTHER = b"From: agent@other.com\r\nTo: c@customer.com\r\n\r\nBody\r\n"
WRONG: dict[str, dict[str, Any]] = {
    "51 recipients": {"Destination": {"ToAddresses": [f"a{number}@customer.com" for number in range(51)]}},
    "no recipient": {"Destination": {}},
    "no address": {"Destination": {"ToAddresses": ["nobody"]}},
    "two senders": {"FromEmailAddress": "a@inbox.mnexa.ai, b@inbox.mnexa.ai"},
    "two senders in the headers": {"Content": {"Raw": {"Data": RAW_OF_TWO}}},
    "another sender in the headers": {"Content": {"Raw": {"Data": RAW_OF_ANOTHER}}},
    "a bad tag": {"EmailTags": [{"Name": "a b", "Value": "c"}]},
    "a template": {"Content": {"Template": {"TemplateName": "x", "TemplateData": "{}"}}},
    "too large": {
        "Content": {"Raw": {"Data": b"From: agent@inbox.mnexa.ai\r\n\r\n" + b"x" * (40 * 1024 * 1024)}}
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_an_invalid_email_is_a_bad_request(world: World, wrong: dict[str, Any]) -> None:
    await world.verified("inbox.mnexa.ai")

    assert (await refused(world, **wrong))[0] == "BadRequestException"


async def test_the_rate_counts_recipients_and_the_ledger_counts_throttled_calls(
    make_world: MakeWorld,
) -> None:
    world = await make_world(max_send_rate=2.0)
    await world.verified("inbox.mnexa.ai")

    await world.send(SENDER, TO, Destination={"ToAddresses": [TO], "CcAddresses": ["b@customer.com"]})

    assert await refused(world) == ("TooManyRequestsException", "Maximum sending rate exceeded.")
    ledger = await world.control("GET", "/ses/ledger")
    assert ledger["throttled"] == {"SendEmail": 1}
    assert [post["outcome"] for post in ledger["posts"]] == ["accepted", "TooManyRequestsException"]


async def test_the_quota_counts_recipients_of_a_rolling_day_except_the_simulator(
    make_world: MakeWorld,
) -> None:
    world = await make_world(max_24_hour_send=2.0)
    await world.verified("inbox.mnexa.ai")

    await world.send(SENDER, "success@simulator.amazonses.com")
    await world.send(SENDER, TO)
    await world.send(SENDER, TO)
    assert await refused(world) == ("TooManyRequestsException", "Daily message quota exceeded.")
    assert (await world.ses("get_account"))["SendQuota"]["SentLast24Hours"] == 2
    await world.later(hours=24)

    assert await world.send(SENDER, TO)
