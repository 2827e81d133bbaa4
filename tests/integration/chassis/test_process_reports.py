"""Every process says of itself, in Postgres, what doctor compares."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis import config
from chassis.access import Access, Scope
from chassis.process_reports import ProcessReports
from chassis.regions import AwsRegion
from chassis.release import release
from tests.factories import a_key, a_tenant
from tests.integration.chassis.certificates import LASTS, Authority
from tests.integration.chassis.probe import a_server
from tests.stores import FreshDatabase

REGION = AwsRegion(account="123456789012", region="us-east-1")


async def reported(database: FreshDatabase) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch("SELECT * FROM chassis.processes")]


async def test_a_process_reports_while_it_runs(database: FreshDatabase) -> None:
    async with database.open("sender") as connected:
        reports = ProcessReports(
            connected, Access(connected), a_server(), "sender", service_key=None, regions=[REGION]
        )
        async with reports.running():
            await reports.report()
            await reports.report()
            [row] = await reported(database)

    assert (row["service"], row["release"], row["regions"]) == (
        "sender",
        release(),
        ["123456789012:us-east-1"],
    )
    assert abs(row["clock_ahead"]) < timedelta(seconds=2)
    assert (row["service_key"], row["certificate_expires_at"], row["aws_fault"]) == (None, None, "")
    assert await reported(database) == []


@pytest.mark.parametrize(
    ("scope", "expected"),
    [(Scope.SERVICE, "ACCEPTED"), (Scope.FULL_ACCESS, "WRONG_SCOPE"), (None, "REJECTED")],
)
async def test_a_process_reports_whether_its_service_key_is_accepted(
    database: FreshDatabase, scope: Scope | None, expected: str
) -> None:
    token = await a_key(database, await a_tenant(database), scope or Scope.SERVICE)
    if scope is None:
        await database.execute("UPDATE identity.api_keys SET revoked_at = now()")
    async with database.open("verifier") as connected:
        reports = ProcessReports(
            connected,
            Access(connected),
            a_server(),
            "verifier",
            service_key=config.Secret(token),
            regions=[],
        )
        await reports.report()

    [row] = await reported(database)
    assert row["service_key"] == expected


async def test_a_process_reports_when_its_certificate_expires(
    database: FreshDatabase, tmp_path: Path
) -> None:
    files = Authority().issue(tmp_path)
    server = a_server(grpc_certificate_file=files.certificate, grpc_key_file=files.key, grpc_ca_file=files.ca)
    async with database.open("sender") as connected:
        reports = ProcessReports(connected, Access(connected), server, "sender", service_key=None, regions=[])
        await reports.report()

    [row] = await reported(database)
    left = row["certificate_expires_at"] - row["reported_at"]
    assert timedelta(0) < left <= LASTS


async def test_the_report_of_a_process_that_was_killed_is_deleted_after_a_day(
    database: FreshDatabase,
) -> None:
    async with database.open("sender") as connected:
        reports = ProcessReports(
            connected, Access(connected), a_server(), "sender", service_key=None, regions=[]
        )
        await reports.report()
        await database.execute(
            "UPDATE chassis.processes SET address = 'gone:1', reported_at = now() - interval '25 hours'"
        )
        await reports.report()

    assert [row["address"] for row in await reported(database)] != ["gone:1"]
