"""The list of events, owners and consumers is what the services do."""

import re
from importlib import import_module

import pytest

from chassis.events.subjects import CONSUMED, OWNERS, PUBLISHED, durable
from tests.contract.sources import ROOT

NAME = re.compile(r'"([a-z]+\.[a-z]+)"')
CONSUMER = re.compile(r'Consumer\(\s*database, stream, SCHEMA, "([a-z]+)", (.+?), [\w.]+\)')


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_publishes_what_it_owns(service: str) -> None:
    """Each is in its file of events; sender's has those it applies as well."""
    source = (ROOT / f"services/{service}/events.py").read_text(encoding="utf-8")
    applied = {subject for subjects in CONSUMED.get(service, {}).values() for subject in subjects}

    assert set(NAME.findall(source)) - applied == set(PUBLISHED[service])


def test_an_event_has_one_owner() -> None:
    assert len(OWNERS) == sum(map(len, PUBLISHED.values()))


def test_consumers_are_those_that_the_services_start() -> None:
    started = {
        service: dict(
            re.findall(r'Consumer\(\s*database, stream, SCHEMA, "([a-z]+)", (.+?), [\w.]+\)', source)
        )
        for service in PUBLISHED
        if "Consumer(" in (source := (ROOT / f"services/{service}/__main__.py").read_text(encoding="utf-8"))
    }

    assert {service: set(names) for service, names in started.items()} == {
        service: set(names) for service, names in CONSUMED.items()
    }
    for service, names in started.items():
        for name, subjects in names.items():
            found = eval(subjects, vars(import_module(f"services.{service}.__main__")))  # noqa: S307 - our own source
            assert set(found) == set(CONSUMED[service][name]), durable(service, name)
