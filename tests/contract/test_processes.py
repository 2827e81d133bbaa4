"""Every file that names processes names exactly those of `services.PROCESSES`, with the same properties."""

from dataclasses import replace

import pytest

from services import PROCESSES, Process
from tests.contract.deployment_checks import DEPLOYMENT_CHECKS, deployments, development_secrets, production
from tests.contract.process_checks import CHECKS, Check, aws, image, processes_page, settings

EVERY_CHECK = (*CHECKS, *DEPLOYMENT_CHECKS)
IMAGINARY = Process(
    name="imaginary",
    schema="imaginary",
    grpc_port=50059,
    health_port=50060,
    local_port=50059,
    secrets=("database-url", "nats-seed", "service-key"),
    calls=("identity",),
    aws=("email",),
)
IDENTITY, VERIFIER, SENDER, WEBHOOKS, DELIVERER, CONSOLE = PROCESSES


def name_of(check: Check) -> str:
    return check.__name__


@pytest.mark.parametrize("check", [*EVERY_CHECK, image], ids=name_of)
def test_files_name_exactly_the_processes(check: Check) -> None:
    assert list(check(PROCESSES)) == []


@pytest.mark.parametrize("check", EVERY_CHECK, ids=name_of)
def test_every_check_misses_a_process_that_was_only_added_to_the_list(check: Check) -> None:
    problems = list(check((*PROCESSES, IMAGINARY)))

    assert any("imaginary" in problem for problem in problems)


@pytest.mark.parametrize("check", [each for each in (*EVERY_CHECK, image) if each is not aws], ids=name_of)
def test_every_check_finds_a_process_that_was_only_removed_from_the_list(check: Check) -> None:
    """Each file still names identity; AWS clients are looked up for the listed processes only."""
    assert list(check(PROCESSES[1:]))


@pytest.mark.parametrize(
    ("check", "changed"),
    [
        (deployments, replace(SENDER, grpc_port=50099)),
        (deployments, replace(SENDER, health_port=None)),
        (deployments, replace(SENDER, secrets=(*SENDER.secrets, "admin-key"))),
        (deployments, replace(WEBHOOKS, calls=("identity",))),
        (deployments, replace(CONSOLE, calls=("identity", "verifier"))),
        (deployments, replace(VERIFIER, internet_ports=())),
        (deployments, replace(SENDER, internet_ports=(443,))),
        (deployments, replace(DELIVERER, internet_ports=(443,))),
        (deployments, replace(DELIVERER, aws=("email",))),
        (deployments, replace(CONSOLE, aws=("email",))),
        (production, replace(CONSOLE, aws=("email",))),
        (production, replace(CONSOLE, schema="console")),
        (development_secrets, replace(IDENTITY, secrets=("database-url", "nats-seed", "service-key"))),
        (settings, replace(SENDER, calls=())),
        (settings, replace(WEBHOOKS, secrets=(*WEBHOOKS.secrets, "service-key"))),
        (settings, replace(CONSOLE, schema="console")),
        (aws, replace(WEBHOOKS, aws=("sqs",))),
        (processes_page, replace(CONSOLE, local_port=8081)),
    ],
    ids=lambda value: value.name if isinstance(value, Process) else value.__name__,
)
def test_a_check_finds_a_wrong_property(check: Check, changed: Process) -> None:
    others = tuple(changed if each.name == changed.name else each for each in PROCESSES)

    assert any(changed.name in problem for problem in check(others))


def test_names_and_local_ports_are_unique_and_callees_serve_grpc() -> None:
    serving = {process.name for process in PROCESSES if process.grpc_port}

    assert len({process.name for process in PROCESSES}) == len(PROCESSES)
    assert len({process.local_port for process in PROCESSES}) == len(PROCESSES)
    assert {callee for process in PROCESSES for callee in process.calls} <= serving
    # A process with a database is a service of the chassis: its schema and its user at NATS have its name.
    assert all(process.schema in (None, process.name) for process in PROCESSES)
    assert {process.name for process in PROCESSES if process.schema} == serving
