"""`letterhead doctor`: looks at every part of an installation, and says what is wrong and what to do."""

import asyncio
import json
from collections.abc import Awaitable, Iterator
from dataclasses import asdict, dataclass

import boto3

from chassis.config import Secret, load, setting
from cli.doctor.aws import Way, look_at_aws
from cli.doctor.database import SERVICES, look_at_database
from cli.doctor.findings import Finding, Verdict, unseen
from cli.doctor.nats import look_at_nats
from cli.doctor.services import look_at_console, look_at_service, look_by_calling
from cli.ending import AWAY, FAILED, end
from cli.installation import Installation
from cli.stack import ACCOUNT, REGION
from cli.teller import Teller


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is looked at besides the installation's addresses: the services' own settings, as far as given."""

    database_url: Secret | None = setting(None, help="file with the Postgres URL of the owner of the schema")
    aws_region: str = setting("", help="AWS region; none: AWS is not looked at")
    aws_account: str = setting("", help="AWS account id")
    configuration_set: str = setting("letterhead", help="sender's configuration set")
    feedback_topic: str = setting("letterhead-feedback", help="webhooks's topic, name or ARN")
    feedback_queue: str = setting("letterhead-feedback", help="webhooks's queue, name or URL")
    feedback_signatures: str = setting("off", help="what webhooks does about SNS's signatures")
    shared_domain: str = setting("", help="sender's shared domain; none: any of the operator's")


async def look_at_everything(*, as_json: bool) -> None:
    """Tells each finding as soon as it is there; ends with 1 when a part is wrong, 3 when one is away."""
    looks = [asyncio.ensure_future(look) for look in _looks(Installation.read(), load(Settings))]
    findings: list[Finding] = []
    teller = Teller()
    for look in looks:
        found = await look
        findings += found
        for finding in [] if as_json else found:
            _tell(teller, finding)
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        teller.heading(_sum(findings))
    verdicts = {finding.verdict for finding in findings}
    if verdicts & {Verdict.AWAY, Verdict.WRONG}:
        end(AWAY if Verdict.AWAY in verdicts else FAILED)


def _looks(installation: Installation, settings: Settings) -> Iterator[Awaitable[list[Finding]]]:
    """What to look at, in the order of causes: what others stand on comes first."""
    url = settings.database_url.reveal() if settings.database_url else installation.database_url
    yield look_at_database(url)
    yield look_at_nats(installation.wire)
    for service in SERVICES:
        yield look_at_service(service, installation)
    yield look_at_console(installation.console)
    yield look_by_calling(installation, settings.shared_domain)
    yield _look_at_aws(installation, settings)


async def _look_at_aws(installation: Installation, settings: Settings) -> list[Finding]:
    """AWS as the settings name it, or else the pretend one that `letterhead up` runs."""
    names = (
        settings.configuration_set,
        settings.feedback_topic,
        settings.feedback_queue,
        settings.feedback_signatures,
    )
    if settings.aws_region and settings.aws_account:
        session = boto3.Session(region_name=settings.aws_region)
        return await asyncio.to_thread(look_at_aws, session, None, Way(settings.aws_account, *names))
    if installation.ses:
        session = boto3.Session("sandbox", "sandbox", region_name=REGION)
        return await asyncio.to_thread(look_at_aws, session, installation.ses, Way(ACCOUNT, *names))
    remedy = "Set LETTERHEAD_AWS_REGION and _AWS_ACCOUNT, with credentials that may read."
    return [unseen("aws", "no AWS account is named", remedy)]


def _tell(teller: Teller, finding: Finding) -> None:
    text = f"{finding.part:<11} " + ". ".join(filter(None, (finding.note.rstrip("."), finding.remedy)))
    {Verdict.WELL: teller.good, Verdict.UNSEEN: teller.waiting}.get(finding.verdict, teller.bad)(text)


def _sum(findings: list[Finding]) -> str:
    troubles = sum(finding.verdict in (Verdict.WRONG, Verdict.AWAY) for finding in findings)
    not_seen = sum(finding.verdict is Verdict.UNSEEN for finding in findings)
    looked = f"All {len(findings) - not_seen} parts that were looked at are well."
    said = f"{troubles} of {len(findings)} need somebody; begin with the first." if troubles else looked
    return said + (f" Not looked at: {not_seen}." if not_seen else "")
