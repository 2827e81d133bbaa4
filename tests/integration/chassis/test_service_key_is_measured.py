"""A process measures whether the other services accept its key."""

import pytest
from prometheus_client import REGISTRY

from chassis.access import Access, generate_key
from chassis.config import Secret
from chassis.database import Database
from chassis.process_reports import ProcessReports
from tests.integration.chassis.probe import a_server
from tests.integration.chassis.test_access import a_key
from tests.stores import FreshDatabase


@pytest.mark.parametrize(("scope", "accepted"), [("SERVICE", 1), ("FULL_ACCESS", 0), (None, 0)])
async def test_a_rejected_service_key_is_seen(
    identity: Database, database: FreshDatabase, scope: str | None, accepted: int
) -> None:
    token = (await a_key(database, scope))[0] if scope else generate_key()[0]
    reports = ProcessReports(
        identity, Access(identity), a_server(), "identity", service_key=Secret(token), regions=()
    )

    await reports.report()

    assert REGISTRY.get_sample_value("letterhead_service_key_accepted") == accepted
