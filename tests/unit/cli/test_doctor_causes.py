"""doctor lists a cause before its consequences, and names the service of each finding."""

import ast
from pathlib import Path

from cli import doctor
from cli.doctor.causes import PARTS, ordered
from cli.doctor.findings import Finding, unavailable, unseen, well, wrong

KINDS = {each.__name__ for each in (well, wrong, unseen, unavailable)}
WAITING = wrong("outbox", "unpublished events: sender for 90 s", "See the runbook.").of("sender")
NATS_DOWN = unavailable("nats", "cannot reach NATS", "Check that it runs.")


def listed(*findings: Finding) -> list[tuple[str, str, str]]:
    """Return the part, the service and the cause of each finding in order."""
    return [(each.part, each.service, each.follows_from) for each in ordered(findings)]


def test_unpublished_events_follow_from_an_unreachable_nats() -> None:
    assert listed(WAITING, well("database", "answers"), NATS_DOWN) == [
        ("nats", "NATS", ""),
        ("outbox", "sender", "nats"),
        ("database", "Postgres", ""),
    ]


def test_everything_follows_from_an_unreachable_database() -> None:
    findings = (
        unavailable("shared", "the service to ask does not answer", "Fix that service first."),
        wrong("identity", "running but not serving", "See its log."),
        unavailable("database", "cannot reach Postgres", "Check that it runs."),
    )

    assert listed(*findings) == [
        ("database", "Postgres", ""),
        ("identity", "identity", "database"),
        ("shared", "identity", "database"),
    ]


def test_a_consequence_names_the_cause_at_the_root() -> None:
    findings = (
        wrong("event path", "no event arrived", "See the runbook."),
        wrong("feedback", "webhooks polled 5 min ago", "See the runbook."),
        wrong("certificate", "the certificate of webhooks expired", "Renew it.").of("webhooks"),
        unavailable("webhooks", "does not answer", "Check that it runs."),
    )

    assert listed(*findings) == [
        ("certificate", "webhooks", ""),
        ("webhooks", "webhooks", "certificate"),
        ("feedback", "webhooks", "certificate"),
        ("event path", "SES, SNS and SQS", "certificate"),
    ]


def test_a_problem_of_one_service_does_not_explain_that_of_another() -> None:
    expired = wrong("certificate", "the certificate of webhooks expired", "Renew it.").of("webhooks")

    assert listed(unavailable("sender", "does not answer", "Check that it runs."), expired) == [
        ("certificate", "webhooks", ""),
        ("sender", "sender", ""),
    ]


def test_independent_problems_are_listed_in_the_order_of_their_parts_and_the_healthy_last() -> None:
    findings = (
        well("database", "answers"),
        unseen("aws", "no AWS account is set", "Set it."),
        wrong("shared", "the operator has no domain x.com", "Add it."),
        unavailable("console", "does not answer", "Check that it runs."),
    )

    assert [part for part, *_ in listed(*findings)] == ["console", "shared", "aws", "database"]


def test_a_part_is_explained_only_by_parts_above_it() -> None:
    """Otherwise two problems could explain each other, and neither would be a cause."""
    above: set[str] = set()
    for name, part in PARTS.items():
        assert {*part.explained_by, *part.own} <= above, name
        above.add(name)


def test_every_part_that_doctor_names_has_an_order() -> None:
    named = {
        call.args[0].value
        for file in Path(doctor.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KINDS
        if call.args and isinstance(call.args[0], ast.Constant)
    }

    assert len(named) > 15
    assert named - PARTS.keys() == set()
