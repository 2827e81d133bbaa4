"""doctor reads the certificates that servers present, valid or not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from chassis.server import serving
from cli.doctor.certificates import about, check_certificate
from cli.doctor.findings import PartStatus
from cli.server_process import HOST, free_port
from tests.integration.chassis.certificates import Authority
from tests.integration.chassis.probe import a_server, nothing, registrations


@asynccontextmanager
async def a_tls_server(folder: Path) -> AsyncIterator[int]:
    """Run a gRPC server with a certificate that is valid for a day, of a CA that nobody knows."""
    files = Authority().issue(folder)
    settings = a_server(
        grpc_certificate_file=files.certificate, grpc_key_file=files.key, grpc_ca_file=files.ca
    )
    async with serving(settings, registrations=registrations(nothing)) as port:
        yield port


async def test_a_certificate_that_soon_expires_is_named_with_its_service(tmp_path: Path) -> None:
    async with a_tls_server(tmp_path) as port:
        [finding] = await check_certificate("sender", HOST, port)

    assert (finding.part, finding.service, finding.status) == ("certificate", "sender", PartStatus.WRONG)
    assert f"the certificate at {HOST}:{port} expires in 24 h" in finding.note


async def test_a_server_that_does_not_answer_has_no_finding_about_its_certificate() -> None:
    assert await check_certificate("sender", HOST, free_port()) == []


@pytest.mark.parametrize(
    ("left", "note"),
    [
        (timedelta(days=-3), "expired 3 days ago"),
        (timedelta(days=13), "expires in 13 days"),
        (timedelta(days=15), None),
    ],
)
def test_a_certificate_is_a_problem_two_weeks_before_it_expires(left: timedelta, note: str | None) -> None:
    assert [finding.note for finding in about("it", left)] == ([f"it {note}"] if note else [])
