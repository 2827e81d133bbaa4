"""Compares the list of processes with every file that also names processes but cannot import the list.

Each check takes a list of processes and yields what differs, so that tests can run it on another list.
`deployment_checks` does the same for the manifests.
"""

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from botocore.loaders import Loader

from chassis.config import describe
from chassis.events.authorization import STREAM_MANAGER, SUBSCRIBER
from chassis.events.subjects import CONSUMED, PUBLISHED
from chassis.roles import roles_in
from cli.environments import address_variable, secret_variable
from cli.installation import Installation, Overrides
from scripts import document_processes, document_settings
from services import PROCESSES, Process, schemas, with_grpc
from tests.contract.sources import ROOT

Processes = Sequence[Process]
Check = Callable[[Processes], Iterator[str]]

SECRETS = {name for process in PROCESSES for name in process.secrets}


def differences(where: str, listed: Iterable[str], wanted: Iterable[str]) -> Iterator[str]:
    """Yield what a file lacks, and what it has in addition."""
    listed, wanted = set(listed), set(wanted)
    yield from (f"{where} lacks {each}" for each in sorted(wanted - listed))
    yield from (
        f"{where} has {each}, which the list of processes does not have" for each in sorted(listed - wanted)
    )


def names(processes: Iterable[Process]) -> list[str]:
    """Return the names of processes."""
    return [each.name for each in processes]


def packages(processes: Processes) -> Iterator[str]:
    """Compare with the folders of services/."""
    folders = [path.parent.name for path in (ROOT / "services").glob("*/__main__.py")]
    yield from differences("services/", folders, names(processes))


def import_contracts(processes: Processes) -> Iterator[str]:
    """Compare with the packages whose layers are checked."""
    contracts = tomllib.loads(_read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layered = [package for each in contracts for package in each.get("containers", [])]
    yield from differences("pyproject.toml", layered, (each.module for each in processes))


def image(processes: Processes) -> Iterator[str]:
    """Check that the commands in the Dockerfile run a process; the image contains all of services/."""
    run = re.findall(r"python -m (services\.\w+)", _read("Dockerfile"))
    yield from (f"Dockerfile runs {each}" for each in run if each not in {each.module for each in processes})


def schema(processes: Processes) -> Iterator[str]:
    """Compare with the schemas and event tables that the migrations create."""
    sql = "\n".join(path.read_text() for path in sorted((ROOT / "schema").glob("0*.sql")))
    created = set(re.findall(r"^CREATE SCHEMA (?:IF NOT EXISTS )?(\w+);", sql, re.MULTILINE)) - {"chassis"}
    yield from differences("schema/", created, schemas(processes))
    calls = re.findall(r"^SELECT chassis\.create_event_tables\(.*?;", sql, re.MULTILINE | re.DOTALL)
    yield from differences("create_event_tables", re.findall(r"'(\w+)'", "".join(calls)), schemas(processes))


def grants(processes: Processes) -> Iterator[str]:
    """Compare with the roles that schema/roles.sql creates, and those that it grants tables to."""
    sql = _read("schema/roles.sql")
    [array] = re.findall(r"FOREACH service IN ARRAY ARRAY\[(.*?)\]", sql)
    yield from differences("ARRAY in roles.sql", re.findall(r"'(\w+)'", array), schemas(processes))
    yield from differences(
        "GRANTs in roles.sql", roles_in(sql), filter(None, (each.role() for each in processes))
    )


def nats(processes: Processes) -> Iterator[str]:
    """Compare with the owners of events, and with the users of NATS."""
    services = {each.name for each in processes if each.schema}
    yield from differences("letterhead/events/v1 or CONSUMED", PUBLISHED, services)
    known = {*CONSUMED, STREAM_MANAGER}
    yield from (f"chassis/events names {each}, which has no database" for each in sorted(known - services))
    users = re.findall(r"nkey: \$nkey_(\w+)", _read("deploy/components/nats/authorization.conf"))
    yield from differences("authorization.conf", users, services | {SUBSCRIBER})


def settings(processes: Processes) -> Iterator[str]:
    """Compare with the variables that each process reads, and with the sections of docs/settings.md."""
    sections = re.findall(r"^## `(\w+)`$", _read("docs/settings.md"), re.MULTILINE)
    yield from differences("docs/settings.md", sections, names(processes))
    for process in processes:
        if not find_spec(process.module):
            yield f"{process.module} does not exist"
            continue
        read = {each.variable for each in describe(document_settings.settings_of(process))}
        called = [each for each in names(processes) if address_variable(each) in read]
        yield from differences(f"Config of {process.name}", called, process.calls)
        files = [each for each in SECRETS if secret_variable(each) in read]
        yield from differences(f"Config of {process.name}", files, process.secrets)
        for variable, wanted in (
            ("LETTERHEAD_NATS_URL", process.schema), ("LETTERHEAD_AWS_ACCOUNT", process.aws),
            ("LETTERHEAD_GRPC_PORT", process.grpc_port), ("LETTERHEAD_HEALTH_PORT", process.health_port),
        ):  # fmt: skip
            if (variable in read) != bool(wanted):
                yield f"Config of {process.name} {'has' if variable in read else 'lacks'} {variable}"


def aws(processes: Processes) -> Iterator[str]:
    """Compare with the endpoints of the AWS clients that each package creates."""
    for process in processes:
        package = ROOT / process.module.replace(".", "/")
        clients = {name for path in package.rglob("*.py") for name in _aws_clients(path)}
        yield from differences(f"AWS clients of {process.name}", map(_endpoint, clients), process.aws)


def _aws_clients(path: Path) -> Iterator[str]:
    """Yield the AWS services for which a file calls a function named `…client`, or passes one on."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and any(
            ast.unparse(each).endswith("client") for each in (node.func, *node.args)
        ):
            texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
            yield from (text for text in texts if text in _aws_services())


@cache
def _aws_services() -> frozenset[str]:
    return frozenset(Loader().list_available_services("service-2"))


@cache
def _endpoint(service: str) -> str:
    """Return the first label of a service's endpoint: `email` for sesv2."""
    return str(Loader().load_service_model(service, "service-2")["metadata"]["endpointPrefix"])


def command_line(processes: Processes) -> Iterator[str]:
    """Check that the command line has an address for each process, and a setting for it."""
    addresses = {each.name for each in fields(Installation)}
    yield from (f"Installation lacks {each}" for each in names(processes) if each not in addresses)
    overrides = {each.variable for each in describe(Overrides)}
    variables = {address_variable(each.name) for each in with_grpc(processes)}
    found = {each for each in overrides if each.endswith("_ADDRESS")}
    yield from differences("Overrides in cli/installation.py", found, variables)


def processes_page(processes: Processes) -> Iterator[str]:
    """Compare with docs/processes.md."""
    generated = document_processes.document(processes).splitlines()
    yield from differences("docs/processes.md", _read("docs/processes.md").splitlines(), generated)


def pages(processes: Processes) -> Iterator[str]:
    """Compare with the tables of processes in other pages."""
    architecture = _rows("docs/architecture.md", "| service | responsibility |")
    yield from differences(
        "docs/architecture.md", (row[0].strip("`") for row in architecture), names(processes)
    )
    down = _rows("docs/runbooks/service-is-down.md", "| service | what waits")
    yield from differences("docs/runbooks/service-is-down.md", (row[0] for row in down), names(processes))
    [folder] = [row for row in _rows("README.md", "| folder |") if row[0] == "`services/`"]
    yield from differences("README.md", re.findall(r"`(\w+)`", folder[1]), names(processes))
    outboxes = re.findall(r"`(\w+)\.outbox`", _read("docs/retention.md"))
    yield from differences("docs/retention.md", outboxes, schemas(processes))


def installation_page(processes: Processes) -> Iterator[str]:
    """Compare with the Secrets in deploy/README.md."""
    rows = {
        row[0].strip("`"): set(re.findall(r"`([a-z-]+)`", row[1]))
        for row in _rows("deploy/README.md", "| Secret |")
    }
    secrets = {f"letterhead-{each.name}": set(each.secrets) for each in processes}
    yield from differences(
        "deploy/README.md",
        set(rows)
        - {"letterhead-migrate", "letterhead-postgres-ca", "letterhead-nats", "letterhead-nats-tls"},
        secrets,
    )
    for name in rows.keys() & secrets:
        yield from differences(f"{name} in deploy/README.md", rows[name], secrets[name])
    certificates = re.findall(r"`letterhead-(\w+)-tls`", _read("deploy/README.md"))
    yield from differences("deploy/README.md: certificates", certificates, [*names(processes), "nats"])


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _rows(path: str, head: str) -> list[list[str]]:
    """Return the cells of the table in a page whose head begins so."""
    lines = [line.strip() for line in _read(path).splitlines()]
    [start] = [number for number, line in enumerate(lines) if line.startswith(head)]
    end = next(number for number in range(start, len(lines) + 1) if number == len(lines) or not lines[number])
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[start + 2 : end]]


CHECKS: tuple[Check, ...] = (
    packages, import_contracts, schema, grants, nats, settings, aws, command_line, processes_page, pages,
    installation_page,
)  # fmt: skip
