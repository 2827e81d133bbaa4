"""The catalogue of notices: every kind has words for its parameters, and rules decide whether one is sent."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.sender.events.notices import NOTICES
from services.sender.model.notices import (
    KINDS,
    MOST_OF_KIND,
    Circumstances,
    ContactConfirmation,
    DomainChallenged,
    DomainKept,
    Notice,
    Unsent,
    unsent_reason,
    written,
)

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
IDS: dict[str, Any] = {"event_id": UUID(int=1), "tenant_id": UUID(int=2)}
CHALLENGED = DomainChallenged(
    **IDS, domain="mnexa.ai", deadline_at=NOW, record_name="_letterhead.mnexa.ai", record_type="TXT",
    record_value="letterhead-verification=a1b2c3",
)  # fmt: skip
ENDED = DomainKept(**IDS, domain="mnexa.ai")
REACHABLE = Circumstances(NOW, "ada@reader.com", sender_known=True, sent_today=0, sent_lately=0)


def a_notice(kind: type[Notice]) -> Notice:
    """Return a notice of a kind whose parameters are their own names."""
    times = {"expires_at": NOW, "deadline_at": NOW}
    parameters: dict[str, Any] = {each.name: times.get(each.name, f"<{each.name}>") for each in fields(kind)}
    return kind(**parameters)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_notice_names_the_tenant_and_mentions_all_its_parameters(kind: type[Notice]) -> None:
    notice = a_notice(kind)

    subject, text = written(notice, tenant="Acme", brand="e2a")

    hidden = {"event_id", "tenant_id", "confirmation_id", "to"}
    shown = {f"<{each.name}>" for each in fields(kind)} - {f"<{name}>" for name in hidden}
    assert "Acme" in subject + text
    assert text.endswith("\n-- \nThis is a notice from e2a to Acme. Replies are not read.\n")
    assert all(each in text or each in ("<expires_at>", "<deadline_at>") for each in shown)
    assert (subject, text) == written(notice, tenant="Acme", brand="e2a")
    assert max(map(len, text.splitlines())) <= 90


def test_every_consumed_event_and_every_kind_belong_together() -> None:
    assert len(NOTICES) == len(KINDS) == len({kind.KIND for kind in KINDS})


def test_a_challenge_names_the_domain_the_deadline_and_the_record() -> None:
    subject, text = written(CHALLENGED, tenant="Acme", brand="e2a")

    assert subject == "Act before 2026-03-01 12:30 UTC to keep mnexa.ai"
    assert "    name   _letterhead.mnexa.ai\n    type   TXT\n" in text
    assert "    value  letterhead-verification=a1b2c3\n" in text


def test_a_code_is_neither_in_the_subject_nor_in_a_log() -> None:
    notice = ContactConfirmation(
        **IDS, confirmation_id=UUID(int=3), to="ada@reader.com", code="1234 5678", expires_at=NOW
    )

    subject, text = written(notice, tenant="Acme", brand="e2a")

    assert "1234 5678" in text
    assert "1234" not in subject + repr(notice)


@pytest.mark.parametrize(
    ("notice", "changes", "expected"),
    [
        (ENDED, {}, None),
        (CHALLENGED, {"now": NOW - timedelta(seconds=1)}, None),
        (CHALLENGED, {}, Unsent.TOO_LATE),
        (ENDED, {"contact": ""}, Unsent.NO_CONTACT),
        (ENDED, {"sender_known": False}, Unsent.NO_SENDER),
        (ENDED, {"sent_today": MOST_OF_KIND - 1}, None),
        (ENDED, {"sent_today": MOST_OF_KIND}, Unsent.RATE_EXCEEDED),
        (ENDED, {"sent_lately": 1}, Unsent.RATE_EXCEEDED),
    ],
)
def test_rules_decide_whether_a_notice_is_sent(
    notice: Notice, changes: dict[str, Any], expected: Unsent | None
) -> None:
    known = {each.name: getattr(REACHABLE, each.name) for each in fields(REACHABLE)} | changes

    assert unsent_reason(notice, Circumstances(**known)) is expected


def test_codes_are_limited_by_identity_and_not_by_the_hour() -> None:
    code = ContactConfirmation(
        **IDS, confirmation_id=UUID(int=3), to="ada@reader.com", expires_at=NOW + timedelta(hours=1)
    )
    lately = Circumstances(NOW, "", sender_known=True, sent_today=4, sent_lately=4)

    assert unsent_reason(code, lately) is None
