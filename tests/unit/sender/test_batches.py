"""Emails of one request are checked independently, and named by their index."""

from dataclasses import replace

import pytest

from chassis.errors import InvalidArgument
from services.sender.commands.batches import MAX_EMAILS, check_items, drafts_of, evaluate
from services.sender.model.emails import Draft
from tests.unit.sender.test_drafts import GOOD, NOW

BAD = replace(GOOD, to=[("nobody", "")], subject="a\nb")


def test_all_mistakes_of_all_emails_are_named() -> None:
    with pytest.raises(InvalidArgument) as raised:
        drafts_of([GOOD, BAD, GOOD, BAD], NOW)

    fields = [violation.field for violation in raised.value.violations]
    assert fields == [
        "emails[1].to[0].address", "emails[1].subject", "emails[3].to[0].address", "emails[3].subject",
    ]  # fmt: skip


def test_each_email_is_checked_independently() -> None:
    good, bad, other = evaluate([GOOD, BAD, GOOD], NOW)

    assert isinstance(good, Draft)
    assert isinstance(other, Draft)
    assert other.path == "emails[2]."
    assert isinstance(bad, InvalidArgument)
    assert [each.field for each in bad.violations] == ["emails[1].to[0].address", "emails[1].subject"]


@pytest.mark.parametrize("count", [0, MAX_EMAILS + 1])
def test_a_batch_has_size_limits(count: int) -> None:
    with pytest.raises(InvalidArgument) as raised:
        check_items([""] * count)

    assert [each.field for each in raised.value.violations] == ["emails"]


def test_a_batch_has_one_request_id() -> None:
    check_items([""] * MAX_EMAILS)

    with pytest.raises(InvalidArgument) as raised:
        check_items(["", "", "id"])

    assert [each.field for each in raised.value.violations] == ["emails[2]"]
