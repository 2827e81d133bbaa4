"""Reports of processes about themselves, as chassis.process_reports stores them."""

from datetime import timedelta
from typing import Any

from tests.stores import FreshDatabase

HEALTHY: dict[str, Any] = {
    "release": "a1b2c3",
    "regions": ["123456789012:us-east-1"],
    "age": timedelta(0),
    "clock_ahead": timedelta(0),
    "aws_clock_ahead": None,
    "aws_fault": "",
    "service_key": None,
    "certificate_left": None,
}


async def a_report(database: FreshDatabase, service: str, **differs: Any) -> None:
    """Store the report of a process that is healthy except for what differs."""
    its = HEALTHY | differs
    await database.execute(
        "INSERT INTO chassis.processes (service, address, release, regions, started_at, reported_at,"
        " clock_ahead, aws_clock_ahead, aws_fault, service_key, certificate_expires_at)"
        " VALUES ($1, $2, $3, $4, now() - interval '1 hour', now() - $5::interval, $6, $7, $8, $9,"
        " now() + $10::interval)",
        service,
        f"{service}-7d9f:50051",
        *(its[name] for name in HEALTHY),
    )
