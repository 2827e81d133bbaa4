"""Commands for the AWS resources of an installation."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import boto3
import typer

from chassis.config import Aws, load, setting
from chassis.regions import AwsRegion
from cli.aws.account import check_caller, open_session, partition_of
from cli.aws.api import Api
from cli.aws.errors import SetupError
from cli.aws.plan import Action, Change, Difference, Plan
from cli.aws.setup import Setup
from cli.aws.target import Cluster, Target
from cli.exit_status import end, run
from cli.printer import Printer

SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.NONE: " "}

aws = typer.Typer(no_args_is_help=True, help="Create the AWS resources of an installation.")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that the services read too."""

    aws: Aws
    installation: str = setting("letterhead", help="value of the tag, and start of the roles' names")
    configuration_set: str = setting("letterhead", help="SES configuration set")


@dataclass(frozen=True)
class Planned:
    """The plan of one region, and the caller who would apply it."""

    target: Target
    caller: str
    setup: Setup
    plan: Plan


@aws.callback()
def group() -> None:
    """Create the AWS resources of an installation."""  # without a callback, typer drops the command's name


@aws.command("setup")
def set_up(
    *,
    apply: Annotated[
        bool, typer.Option("--apply/--plan", help="Make the changes, or only show them.")
    ] = False,
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
            help="Have SES publish to EventBridge too, and a rule send its events to the queue; set"
            " LETTERHEAD_FEEDBACK_RULE of webhooks to the rule.",
        ),
    ] = False,
    oidc_issuer: Annotated[
        str, typer.Option(help="OIDC issuer of the EKS cluster: create roles for IRSA.")
    ] = "",
    pod_identity: Annotated[
        str,
        typer.Option(metavar="CLUSTER_ARN", help="ARN of the EKS cluster: create roles for Pod Identity."),
    ] = "",
    namespace: Annotated[str, typer.Option(help="Namespace of the service accounts.")] = "letterhead",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Create or correct what Letterhead needs in AWS, in each region of the settings.

    Reads LETTERHEAD_AWS_*, LETTERHEAD_MORE_REGIONS, LETTERHEAD_INSTALLATION and
    LETTERHEAD_CONFIGURATION_SET. Changes nothing without --apply, never deletes, and can be run again.

    Exits with 0 if the plan was shown or applied, 1 if AWS denied or refused a request, 2 if settings or
    credentials are wrong, missing or expired, 3 if AWS throttled or did not answer.
    """
    cluster = Cluster(
        namespace=namespace, oidc_issuer=oidc_issuer.removeprefix("https://"), pod_identity=pod_identity
    )
    wanted = {"https_url": https_url, "event_rule": event_rule, "cluster": cluster}
    run(asyncio.to_thread(_set_up, wanted, apply=apply, as_json=as_json))


def _set_up(wanted: dict[str, Any], *, apply: bool, as_json: bool) -> None:
    try:
        planned = list(_planned(load(Settings), wanted))
        if as_json:
            print(json.dumps([_document(each) for each in planned], indent=2))
        else:
            for each in planned:
                _show(Printer(), each)
        if apply:
            for each in planned:
                _apply(each, quiet=as_json)
    except SetupError as error:
        end(error.status, str(error))


def _planned(settings: Settings, wanted: dict[str, Any]) -> Iterator[Planned]:
    """Check the credentials of all regions, then read each region; raise SetupError."""
    regions = settings.aws.regions
    names = [each.region for each in regions]
    opened = [_open(each, names) for each in regions]
    for region, (api, partition, caller) in zip(regions, opened, strict=True):
        target = Target(
            partition=partition,
            account=region.account,
            region=region.region,
            configuration_set=region.configuration_set or settings.configuration_set,
            installation=settings.installation,
            **wanted,
        )
        setup = Setup(api, target)
        yield Planned(target, caller, setup, setup.plan())


def _open(region: AwsRegion, names: list[str]) -> tuple[Api, str, str]:
    session: boto3.Session = open_session(region, names)
    partition = partition_of(session)
    api = Api(session, region.endpoint_url)
    return api, partition, check_caller(api, region, partition)


def _apply(planned: Planned, *, quiet: bool) -> None:
    pending = planned.plan.pending
    if quiet:
        for _ in planned.setup.apply(planned.plan):
            pass
        return
    printer = Printer()
    with printer.progress(planned.target.region, len(pending)) as steps:
        for change in planned.setup.apply(planned.plan):
            steps.done(f"{_PAST[change.action]} {change.resource}")
    printer.say(f"Applied in {planned.target.region}: {len(pending)} changes.")


_PAST = {Action.CREATE: "created", Action.UPDATE: "updated"}


def _show(printer: Printer, planned: Planned) -> None:
    """Print the changes of a region, then what is left alone, then the counts."""
    target, plan = planned.target, planned.plan
    printer.heading(f"{target.account}, {target.region}, as {planned.caller}")
    for change in plan.changes:
        printer.say(f"{SIGNS[change.action]} {change.resource}")
        for difference in change.differences if change.action is Action.UPDATE else ():
            printer.say(f"    {_difference(difference)}")
    for name in plan.foreign:
        printer.say(f"? {name} is not of this plan and is left alone")
    if not target.cluster.has_roles:
        printer.say("No roles: name the cluster by --oidc-issuer or --pod-identity to create them.")
    printer.say(_summary(plan))


def _summary(plan: Plan) -> str:
    create, update, unchanged = (plan.count(each) for each in Action)
    counts = f"{create} to create, {update} to update, {unchanged} unchanged"
    return f"Plan: {counts}, {len(plan.foreign)} left alone."


def _difference(difference: Difference) -> str:
    present = "not set" if difference.present is None else json.dumps(difference.present)
    return f"{difference.name}: {present} → {json.dumps(difference.desired)}"


def _document(planned: Planned) -> dict[str, Any]:
    """Return a region's plan as JSON."""
    return {
        "account": planned.target.account,
        "region": planned.target.region,
        "caller": planned.caller,
        "changes": [_change(each) for each in planned.plan.changes],
        "left_alone": list(planned.plan.foreign),
    }


def _change(change: Change) -> dict[str, Any]:
    resource = change.resource
    return {
        "action": change.action.value,
        "kind": resource.kind.value,
        "name": resource.name,
        "parent": resource.parent or None,
        "differences": [
            {"property": each.name, "present": each.present, "desired": each.desired}
            for each in change.differences
        ],
    }
