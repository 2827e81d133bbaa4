"""Commands that check an installation and set up what is around it: AWS and NATS."""

from pathlib import Path
from typing import Annotated

import boto3
import typer

from chassis.config import Aws, load
from chassis.events.authorization import permissions
from cli import aws_setup
from cli.client import connect
from cli.commands.output import name_of
from cli.doctor.everything import check_everything
from cli.exit_status import USAGE, end, run
from cli.installation import Installation
from cli.nkeys import generate_keys, write_keys
from cli.printer import Printer
from letterhead.verifier.v1.verifier_pb2 import GetSesAccountRequest, SesAccount


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every part of an installation; report problems and how to fix them.

    Changes nothing. Exits with 0 if all checks pass, 1 if one fails, 3 if a component is unreachable.
    """
    run(check_everything(as_json=as_json))


def account() -> None:
    """Show whether the SES account can send, its rate and quota, and what to do if it cannot."""
    run(_show_account())


async def _show_account() -> None:
    async with connect(Installation.read()) as services:
        accounts = (await services.verifier.GetSesAccount(GetSesAccountRequest())).accounts
    columns = ("region", "state", "max rate/s", "24 h quota", "sent in 24 h", "message")
    Printer().table(columns, [
        (each.region, name_of(SesAccount.State, each.state), f"{each.max_send_rate:g}",
         f"{each.max_24_hour_send:g}", f"{each.sent_last_24_hours:g}", each.state_message)
        for each in accounts
    ])  # fmt: skip


def set_up_aws(
    *,
    name: Annotated[
        str, typer.Option(help="Name of the configuration set; topic and queue are named `NAME-feedback`.")
    ] = "letterhead",
    https_url: Annotated[
        str,
        typer.Option(
            help="HTTPS endpoint of webhooks, `https://…/sns`; the queue gets what cannot be posted."
        ),
    ] = "",
    event_rule: Annotated[
        bool,
        typer.Option(
            "--event-rule",
            help="Have SES publish to EventBridge too, and a rule `NAME-feedback` send its events to the"
            " queue; set LETTERHEAD_FEEDBACK_RULE of webhooks to the rule.",
        ),
    ] = False,
) -> None:
    """Create the configuration set, topic and queue for SES's events, in each region of the settings.

    Reads LETTERHEAD_AWS_* and LETTERHEAD_MORE_REGIONS.
    """
    run(_set_up_aws(name, https_url, event_rule=event_rule))


async def _set_up_aws(name: str, https_url: str, *, event_rule: bool) -> None:
    for region in load(Aws).regions:
        feedback = aws_setup.set_up(
            boto3.Session(profile_name=region.profile, region_name=region.region),
            account=region.account,
            endpoint_url=region.endpoint_url,
            name=region.configuration_set or name,
            https_url=https_url,
            event_rule=event_rule,
        )
        print(f"region             {region.ses_region}")
        print(f"configuration set  {feedback.configuration_set}\ntopic              {feedback.topic_arn}")
        print(f"queue              {feedback.queue_url}\ndead letters       {feedback.dead_letter_queue_url}")
        if feedback.rule_arn:
            print(f"rule               {feedback.rule_arn}")


def make_nats_keys(
    directory: Annotated[
        Path, typer.Argument(help="Directory for the files; existing files are not overwritten.")
    ],
) -> None:
    """Generate the NATS keys: one seed file per user, and `nkeys.conf` for the servers."""
    try:
        written = write_keys(directory, generate_keys(permissions()))
    except FileExistsError as error:
        end(
            USAGE,
            f"{error.filename} exists. Choose another directory, or remove the file to generate new keys.",
        )
    print("\n".join(map(str, written)))
