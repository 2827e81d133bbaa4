"""Each situation of the table at real name servers: record status, reason, message and resulting states."""

from datetime import timedelta

import pytest

from sandbox.dns import Internet
from services.verifier.model.records import Check
from services.verifier.model.states import State
from services.verifier.resolver.resolver import Resolver
from services.verifier.worker.dns_checks import inspect
from tests.figures import Figure
from tests.integration.verifier.situations import Situation, publish_all
from tests.integration.verifier.situations_table import SITUATIONS
from tests.unit.verifier.cases import a_case, after_six_hours, checked_at, shown_records

RECORDS = shown_records()
EXPECTED = [record.expected for record in RECORDS]


def of(situation: Situation, checks: list[Check]) -> Check:
    purposes = [expected.purpose for expected in EXPECTED]
    return checks[purposes.index(situation.purpose)]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.name)
async def test_a_situation_yields_its_status_reason_and_states(
    name_servers: Internet, resolver: Resolver, situation: Situation, figure: Figure
) -> None:
    publish_all(name_servers)
    situation.change(name_servers)

    checks = await inspect(resolver, EXPECTED)

    seen = of(situation, checks)
    pending = checked_at(a_case(State.PENDING), RECORDS, checks, timedelta(0)).verification.state
    ready = after_six_hours(a_case(State.READY), RECORDS, checks).verification.state
    figure(f"{situation.name:36} {seen.status:12} {pending:8} {ready:9} {seen.why.message}")
    assert (seen.status, pending, ready) == (situation.status, situation.pending, situation.ready)
    assert seen.why.reason is situation.reason
    assert situation.message in seen.why.message
    assert bool(situation.message) == bool(seen.why.message)
