"""The list of events, owners and consumers matches the code of the services."""

import ast
import re
from importlib import import_module

import pytest

from chassis.events.subjects import CONSUMED, OWNERS, PUBLISHED, durable
from tests.contract.sources import ROOT, files, parsed

NAME = re.compile(r'"([a-z]+\.[a-z]+)"')


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_publishes_exactly_the_events_it_owns(service: str) -> None:
    """Compare with the service's events.py; sender's also names the events that it consumes."""
    source = (ROOT / f"services/{service}/events.py").read_text(encoding="utf-8")
    applied = {subject for subjects in CONSUMED.get(service, {}).values() for subject in subjects}

    assert set(NAME.findall(source)) - applied == set(PUBLISHED[service])


def test_an_event_has_one_owner() -> None:
    assert len(OWNERS) == sum(map(len, PUBLISHED.values()))


def test_services_start_exactly_the_listed_consumers() -> None:
    started = {service: names for service in PUBLISHED if (names := consumers_of(service))}

    assert {service: set(names) for service, names in started.items()} == {
        service: set(names) for service, names in CONSUMED.items()
    }
    for service, names in started.items():
        for name, subjects in names.items():
            assert set(subjects) == set(CONSUMED[service][name]), durable(service, name)


def consumers_of(service: str) -> dict[str, list[str]]:
    """Return the subjects of each consumer that a service's assemblies start, by the consumer's name."""
    found = {}
    for path in files(f"services/{service}/assemblies"):
        module = import_module(".".join(path.with_suffix("").parts))
        for call in ast.walk(parsed(path)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Consumer":
                name, subjects = (ast.unparse(each) for each in call.args[3:5])
                found[ast.literal_eval(name)] = list(eval(subjects, vars(module)))  # noqa: S307 - our own source
    return found
