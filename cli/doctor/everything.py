"""`letterhead doctor`: runs all checks and prints the findings, causes before what follows from them."""

import asyncio
import json
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ProfileNotFound

from chassis.config import Secret, load, setting
from chassis.regions import AwsRegion, parse_regions
from cli.doctor.aws import Way, check_aws
from cli.doctor.causes import ordered
from cli.doctor.certificates import check_certificate
from cli.doctor.database import check_database
from cli.doctor.findings import PROBLEMS, Finding, PartStatus, unseen
from cli.doctor.nats import check_nats, check_storage
from cli.doctor.services import check_by_calling, check_console, check_service
from cli.environments import ACCOUNT, REGION
from cli.exit_status import FAILED, UNAVAILABLE, UNSEEN, end
from cli.installation import Installation
from cli.printer import Printer
from services import with_grpc


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to check besides the installation's addresses: the services' own settings, where given."""

    database_url: Secret | None = setting(None, help="file with the Postgres URL of the owner of the schema")
    nats_monitor_url: str = setting("", help="URL of NATS's monitoring port; unset: its disk is not checked")
    aws_region: str = setting("", help="AWS region; unset: AWS is not checked")
    aws_account: str = setting("", help="AWS account id")
    aws_endpoint_url: str | None = setting(None, help="URL of an AWS endpoint to use instead")
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
    """Print all findings; exit with 3 if a part is unreachable, 1 if a check fails, 4 if one was not made."""
    *others, aws = _checks(Installation.read(), load(Settings))
    # AWS last: reading boto3's models occupies a busy interpreter for seconds, and the others would time out.
    checked = [*await asyncio.gather(*others), await aws]
    findings = ordered(_once(finding for found in checked for finding in found))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        printer = Printer()
        for finding in findings:
            _print(printer, finding)
        printer.heading(_summary(findings))
    statuses = {finding.status for finding in findings}
    for status, code in (
        (PartStatus.UNAVAILABLE, UNAVAILABLE),
        (PartStatus.WRONG, FAILED),
        (PartStatus.UNSEEN, UNSEEN),
    ):
        if status in statuses:
            end(code)


def _checks(installation: Installation, settings: Settings) -> Iterator[Awaitable[list[Finding]]]:
    """Yield the checks."""
    url = settings.database_url.reveal() if settings.database_url else installation.database_url
    regions = _regions(installation, settings)
    yield check_database(url)
    yield check_nats(installation.wire, installation.nats_user)
    if settings.nats_monitor_url:
        yield check_storage(settings.nats_monitor_url)
    for process in with_grpc():
        yield check_service(process.name, installation)
    yield check_console(installation.console)
    for service, host, port in _tls_servers(installation):
        yield check_certificate(service, host, port)
    shared = [settings.shared_domain, *(each.shared_domain for each in regions[1:] if each.shared_domain)]
    yield check_by_calling(installation, shared)
    yield _check_aws(regions, settings)


def _tls_servers(installation: Installation) -> Iterator[tuple[str, str, int]]:
    """Yield service, host and port of each server that presents a certificate."""
    addresses: list[tuple[str, str]] = []
    if not installation.grpc_plaintext:
        addresses += [(each.name, f"//{getattr(installation, each.name)}") for each in with_grpc()]
    if installation.nats_tls_ca:
        addresses += [("NATS", url) for url in installation.nats_url.split(",")]
    if installation.console.startswith("https:"):
        addresses.append(("console", installation.console))
    for service, address in addresses:
        parts = urlsplit(address.strip())
        if parts.hostname:
            yield service, parts.hostname, parts.port or 443


def _once(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings, of those about the certificate of one service only the first."""
    seen: set[str] = set()
    for finding in findings:
        if finding.part != "certificate" or finding.service not in seen:
            yield finding
        if finding.part == "certificate":
            seen.add(finding.service)


def _regions(installation: Installation, settings: Settings) -> tuple[AwsRegion, ...]:
    """Return the regions that the settings name, or else those of the sandbox that `letterhead up` runs."""
    if settings.aws_region and settings.aws_account:
        first = AwsRegion(
            account=settings.aws_account,
            region=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
        )
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
    try:
        session = boto3.Session(*credentials, region_name=region.region, profile_name=region.profile)
    except ProfileNotFound as error:
        return [unseen("aws", str(error), "Correct the profile in LETTERHEAD_MORE_REGIONS, or AWS_PROFILE.")]
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
    sentences = (finding.note.rstrip("."), finding.remedy)
    indent = f"follows from {finding.follows_from}: " if finding.follows_from else ""
    text = f"{indent}{finding.part:<11} " + ". ".join(filter(None, sentences))
    if finding.status is not PartStatus.WELL and finding.service not in text:
        text = f"{text} ({finding.service})"
    sign = {PartStatus.WELL: printer.good, PartStatus.UNSEEN: printer.waiting}.get(
        finding.status, printer.bad
    )
    sign(text)


def _summary(findings: Sequence[Finding]) -> str:
    problems = [finding for finding in findings if finding.status in PROBLEMS]
    causes = sum(not finding.follows_from for finding in problems)
    skipped = sum(finding.status is PartStatus.UNSEEN for finding in findings)
    more = f" Not checked: {skipped}." if skipped else ""
    if not problems:
        return f"All {len(findings) - skipped} checks passed.{more}"
    follow = f", of which {len(problems) - causes} follow from others" if len(problems) > causes else ""
    return f"{len(problems)} of {len(findings)} checks failed{follow}. Fix the first one first.{more}"
