"""doctor compares what the processes report about themselves."""

from datetime import timedelta
from typing import Any

import pytest

from cli.doctor.database import check_database
from cli.doctor.findings import Finding, PartStatus
from services import PROCESSES
from tests.integration.cli.findings import of
from tests.integration.cli.reports import a_report
from tests.stores import FreshDatabase

CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("clock", "sender", {"clock_ahead": timedelta(minutes=-7)}, "is 420 s behind the database's"),
    ("clock", "webhooks", {"aws_clock_ahead": timedelta(minutes=6)}, "is 360 s behind that of AWS"),
    ("aws-access", "webhooks", {"aws_fault": "no_credentials"}, "no_credentials"),
    ("regions", "sender", {"regions": ["123456789012:eu-west-1"]}, "uses 123456789012:eu-west-1"),
    ("service key", "verifier", {"service_key": "REJECTED"}, "is unknown, expired or revoked"),
    ("service key", "sender", {"service_key": "WRONG_SCOPE"}, "is not a service key"),
    ("certificate", "identity", {"certificate_left": timedelta(days=-3)}, "expired 3 days ago"),
    ("certificate", "identity", {"certificate_left": timedelta(days=5)}, "expires in 5 days"),
    ("release", "deliverer", {"release": "ffff"}, "runs release ffff, and the others run a1b2c3"),
    ("process", "verifier", {"age": timedelta(minutes=3)}, "has not reported for 3 min"),
]


async def problems(database: FreshDatabase, service: str, **differs: Any) -> list[Finding]:
    """Let every process report, one of them something that differs; return doctor's findings about them."""
    for process in PROCESSES:
        if process.schema:
            await a_report(database, process.name, **(differs if process.name == service else {}))
    about = {"clock", "aws-access", "regions", "service key", "certificate", "release", "process"}
    return [
        finding
        for finding in await check_database(database.url("postgres"))
        if finding.part in about and finding.status is not PartStatus.WELL
    ]


@pytest.mark.parametrize(("part", "service", "differs", "note"), CASES)
async def test_a_process_that_differs_is_named_with_what_to_do(
    database: FreshDatabase, part: str, service: str, differs: dict[str, Any], note: str
) -> None:
    [finding] = await problems(database, service, **differs)

    assert (finding.part, finding.service, finding.status) == (part, service, PartStatus.WRONG)
    assert service in finding.note
    assert note in finding.note
    assert finding.remedy


async def test_healthy_processes_are_no_problem(database: FreshDatabase) -> None:
    assert (
        await problems(database, "sender", service_key="ACCEPTED", certificate_left=timedelta(days=60)) == []
    )


async def test_a_service_of_which_no_process_reports_is_named(database: FreshDatabase) -> None:
    for process in PROCESSES:
        if process.schema and process.name != "webhooks":
            await a_report(database, process.name)

    found = await check_database(database.url("postgres"))

    silent = of(found, "process")
    assert (silent.service, silent.note) == ("webhooks", "no process of webhooks reports")
