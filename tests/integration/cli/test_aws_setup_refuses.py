"""`letterhead aws setup` stops with one sentence and an exit status if it has not the right credentials."""

import asyncio
import json
from datetime import timedelta

import boto3
import pytest
from typer.testing import CliRunner, Result

from chassis.regions import AwsRegion
from cli.__main__ import app
from cli.aws.account import check_caller
from cli.aws.api import Api
from cli.aws.errors import SetupError
from cli.exit_status import FAILED, UNAVAILABLE, USAGE
from cli.server_process import HOST, free_port
from tests.internet import Internet

ACCOUNT, REGION = "123456789012", "us-east-1"


async def run(internet: Internet, *options: str, **changed: str | None) -> Result:
    """Run the command with the sandbox's credentials; None removes a variable."""
    environment: dict[str, str | None] = {
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "LETTERHEAD_AWS_ACCOUNT": ACCOUNT,
        "LETTERHEAD_AWS_REGION": REGION,
        "LETTERHEAD_AWS_ENDPOINT_URL": internet.addresses.ses,
        **changed,
    }

    def invoke() -> Result:
        return CliRunner().invoke(app, ["aws", "setup", *options], env=environment)

    return await asyncio.to_thread(invoke)


async def test_the_plan_of_an_empty_account_is_shown_and_changes_nothing(internet: Internet) -> None:
    issuer = f"https://oidc.eks.{REGION}.amazonaws.com/id/EXAMPLE"
    shown = await run(internet, "--oidc-issuer", issuer)
    again = await run(internet, "--json", "--oidc-issuer", issuer)

    assert shown.exit_code == 0, shown.output
    assert "+ SNS topic letterhead-feedback" in shown.output
    assert "Plan: 16 to create, 0 to update, 0 unchanged, 0 left alone." in shown.output
    [region] = json.loads(again.stdout)
    assert {each["action"] for each in region["changes"]} == {"create"}


async def test_an_applied_plan_shows_its_progress(internet: Internet) -> None:
    applied = await run(internet, "--apply")

    assert applied.exit_code == 0, applied.output
    assert "created SNS topic letterhead-feedback" in applied.output
    assert "Applied in us-east-1: 6 changes." in applied.output


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "No AWS credentials found"),
        ({"AWS_PROFILE": "absent"}, "No AWS credentials found"),
        ({"LETTERHEAD_AWS_ACCOUNT": "999999999999"}, "are of account 123456789012"),
        ({"LETTERHEAD_AWS_REGION": "us-esat-1"}, "'us-esat-1' is not an AWS region"),
        ({"LETTERHEAD_AWS_REGION": "us-gov-west-1"}, "but us-gov-west-1 is in aws-us-gov"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "configured for eu-west-1, but the settings name us-east-1"),
        ({"LETTERHEAD_AWS_REGION": None}, "LETTERHEAD_AWS_REGION"),
    ],
)
async def test_wrong_credentials_and_settings_are_named(
    internet: Internet, changed: dict[str, str | None], sentence: str
) -> None:
    refused = await run(internet, **changed)

    assert (refused.exit_code, sentence in refused.stderr) == (USAGE, True), refused.output
    assert len(refused.stderr.splitlines()) == 1


async def test_aws_that_does_not_answer_is_unavailable(internet: Internet) -> None:
    refused = await asyncio.to_thread(reason, Api(boto3.Session("a", "b", region_name=REGION),
                                                  f"http://{HOST}:{free_port()}", attempts=1))  # fmt: skip

    assert (refused.status, "AWS did not answer sts:GetCallerIdentity" in str(refused)) == (UNAVAILABLE, True)


@pytest.mark.parametrize(
    ("kind", "status", "sentence"),
    [
        ("expired_token", USAGE, "The AWS credentials have expired"),
        ("throttle", UNAVAILABLE, "AWS throttled sts:GetCallerIdentity"),
        ("access_denied", FAILED, "AWS denied sts:GetCallerIdentity"),
    ],
)
async def test_a_refused_caller_learns_why(internet: Internet, kind: str, status: int, sentence: str) -> None:
    body = {"kind": kind, "operation": "GetCallerIdentity", "count": 1}
    await internet.control.call("POST", "/ses/faults", body)
    session = boto3.Session("sandbox", "sandbox", region_name=REGION)
    api = Api(session, internet.addresses.ses, attempts=1, control_interval=timedelta(0))

    refused = await asyncio.to_thread(reason, api)

    assert (refused.status, str(refused).startswith(sentence)) == (status, True), refused


def reason(api: Api) -> SetupError:
    """Return why the caller is refused."""
    with pytest.raises(SetupError) as refused:
        check_caller(api, AwsRegion(account=ACCOUNT, region=REGION), "aws")
    return refused.value
