"""The list of events, owners and consumers matches the code of the services."""

import re
from importlib import import_module

import pytest

from chassis.events.subjects import CONSUMED, OWNERS, PUBLISHED, durable
from tests.contract.sources import ROOT

NAME = re.compile(r'"([a-z]+\.[a-z]+)"')
CONSUMER = re.compile(r'Consumer\(\s*database, stream, SCHEMA, "([a-z]+)", (.+?), [\w.]+\)')


@pytest.mark.parametrize("service", PUBLISHED)
def test_a_service_publishes_exactly_the_events_it_owns(service: str) -> None:
    """Compare with the service's events.py; sender's also names the events that it consumes."""
    source = (ROOT / f"services/{service}/events.py").read_text(encoding="utf-8")
    applied = {subject for subjects in CONSUMED.get(service, {}).values() for subject in subjects}

    assert set(NAME.findall(source)) - applied == set(PUBLISHED[service])


def test_an_event_has_one_owner() -> None:
    assert len(OWNERS) == sum(map(len, PUBLISHED.values()))


def test_services_start_exactly_the_listed_consumers() -> None:
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
