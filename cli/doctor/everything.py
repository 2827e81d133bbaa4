"""`letterhead doctor`: runs all checks and prints the findings."""

import asyncio
import json
from collections.abc import Awaitable, Iterator
from dataclasses import asdict, dataclass, replace

import boto3

from chassis.config import Secret, load, setting
from chassis.regions import AwsRegion, parse_regions
from cli.doctor.aws import Way, check_aws
from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus, unseen
from cli.doctor.nats import check_nats
from cli.doctor.services import check_by_calling, check_console, check_service
from cli.environments import ACCOUNT, REGION
from cli.exit_status import FAILED, UNAVAILABLE, end
from cli.installation import Installation
from cli.printer import Printer
from services import with_grpc


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to check besides the installation's addresses: the services' own settings, where given."""

    database_url: Secret | None = setting(None, help="file with the Postgres URL of the owner of the schema")
    aws_region: str = setting("", help="AWS region; unset: AWS is not checked")
    aws_account: str = setting("", help="AWS account id")
    more_regions: tuple[AwsRegion, ...] = setting((), help="the services' further SES regions, as JSON")
    configuration_set: str = setting("letterhead", help="sender's configuration set")
    feedback_topic: str = setting("letterhead-feedback", help="name or ARN of webhooks's topic")
    feedback_queue: str = setting("letterhead-feedback", help="name or URL of webhooks's queue")
    feedback_rule: str = setting("", help="name or ARN of webhooks's EventBridge rule; unset: none may send")
    feedback_signatures: str = setting(
        "off", help="how webhooks verifies SNS's signatures: off, count or enforce"
    )
    shared_domain: str = setting("", help="sender's shared domain; unset: any of the operator's domains")


async def check_everything(*, as_json: bool) -> None:
    """Print each finding as soon as it is known; exit with 1 if a check fails, 3 if a part is unreachable."""
    checks = [asyncio.ensure_future(check) for check in _checks(Installation.read(), load(Settings))]
    findings: list[Finding] = []
    printer = Printer()
    for check in checks:
        found = await check
        findings += found
        for finding in [] if as_json else found:
            _print(printer, finding)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        printer.heading(_summary(findings))
    statuses = {finding.status for finding in findings}
    if statuses & {PartStatus.UNAVAILABLE, PartStatus.WRONG}:
        end(UNAVAILABLE if PartStatus.UNAVAILABLE in statuses else FAILED)


def _checks(installation: Installation, settings: Settings) -> Iterator[Awaitable[list[Finding]]]:
    """Yield the checks, dependencies first, so that the first problem is the likely cause of the others."""
    url = settings.database_url.reveal() if settings.database_url else installation.database_url
    regions = _regions(installation, settings)
    yield check_database(url)
    yield check_nats(installation.wire)
    for process in with_grpc():
        yield check_service(process.name, installation)
    yield check_console(installation.console)
    shared = [settings.shared_domain, *(each.shared_domain for each in regions[1:] if each.shared_domain)]
    yield check_by_calling(installation, shared)
    yield _check_aws(regions, settings)


def _regions(installation: Installation, settings: Settings) -> tuple[AwsRegion, ...]:
    """Return the regions that the settings name, or else those of the sandbox that `letterhead up` runs."""
    if settings.aws_region and settings.aws_account:
        first = AwsRegion(account=settings.aws_account, region=settings.aws_region)
        return (first, *settings.more_regions)
    if installation.ses:
        first = AwsRegion(account=ACCOUNT, region=REGION, endpoint_url=installation.ses)
        return (first, *parse_regions(installation.more_regions or "[]"))
    return ()


async def _check_aws(regions: tuple[AwsRegion, ...], settings: Settings) -> list[Finding]:
    """Check AWS in each region, with the sandbox's credentials unless the settings name a real region."""
    if not regions:
        remedy = (
            "Set LETTERHEAD_AWS_REGION and LETTERHEAD_AWS_ACCOUNT, and provide credentials that can read."
        )
        return [unseen("aws", "no AWS account is set", remedy)]
    found = [(each, await asyncio.to_thread(_check_region, each, settings)) for each in regions]
    return [
        replace(finding, note=f"{region.region}: {finding.note}") if len(regions) > 1 else finding
        for region, findings in found
        for finding in findings
    ]


def _check_region(region: AwsRegion, settings: Settings) -> list[Finding]:
    credentials = () if settings.aws_region else ("sandbox", "sandbox")
    session = boto3.Session(*credentials, region_name=region.region, profile_name=region.profile)
    way = Way(
        region.account,
        region.configuration_set or settings.configuration_set,
        region.feedback_topic or settings.feedback_topic,
        region.feedback_queue or settings.feedback_queue,
        settings.feedback_signatures,
        region.feedback_rule or settings.feedback_rule,
    )
    return check_aws(session, region.endpoint_url, way)


def _print(printer: Printer, finding: Finding) -> None:
    text = f"{finding.part:<11} " + ". ".join(filter(None, (finding.note.rstrip("."), finding.remedy)))
    {PartStatus.WELL: printer.good, PartStatus.UNSEEN: printer.waiting}.get(finding.status, printer.bad)(text)


def _summary(findings: list[Finding]) -> str:
    problems = sum(finding.status in (PartStatus.WRONG, PartStatus.UNAVAILABLE) for finding in findings)
    skipped = sum(finding.status is PartStatus.UNSEEN for finding in findings)
    passed = f"All {len(findings) - skipped} checks passed."
    failed = f"{problems} of {len(findings)} checks failed. Fix the first one first."
    return (failed if problems else passed) + (f" Skipped: {skipped}." if skipped else "")
