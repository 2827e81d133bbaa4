"""A domain's page says in each situation what is the case, what to do, by when, and whether email leaves."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape

import pytest

from tests.integration.console.conftest import Customer
from tests.integration.console.situations import ALL, SITUATIONS, UNREGISTERED

SECTION = re.compile(r'<section class="sheet status( \w+)?".*?</section>', re.DOTALL)
CHIP = re.compile(r'<span class="chip (\w+)"><svg.*?</svg>(.*?)</span>')
OWN_NAME = "Email leaves under your own name, signed by"
REJECTED = "No email leaves from this domain until it is ready: new email is rejected, accepted email waits."


@dataclass(frozen=True)
class Page:
    """What a page shows: the chips of the domain and of its records, and the texts."""

    status: str
    domain_chip: tuple[str, str]
    record_chips: list[tuple[str, str]]
    everything: str

    @classmethod
    def of(cls, html: str) -> "Page":
        section = SECTION.search(html)
        assert section
        (tone, word), *_ = CHIP.findall(section[0])
        others = [(word, tone) for tone, word in CHIP.findall(html[section.end() :])]
        return cls(_text(section[0]), (word, tone), others, _text(html))


def _text(html: str) -> str:
    apart = re.sub(r"</(dt|dd|p|h2|li)>", " ", html)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", apart)))


async def page(customer: Customer, name: str) -> Page:
    return Page.of(await customer.reads(SITUATIONS[name]))


@pytest.mark.parametrize(
    ("name", "chip", "texts"),
    [
        (
            "first_check",
            ("Pending", "wait"),
            ["Last check none yet", "Next check within seconds", "Complete by"],
        ),
        ("records_to_add", ("Pending", "wait"), ["Add these records", "Next check in 5 min", REJECTED]),
        ("one_mistyped", ("Pending", "wait"), ["Correct 1 record", "Complete by", REJECTED]),
        ("several_wrong", ("Pending", "wait"), ["Correct 5 records", "Complete by", REJECTED]),
        ("no_zone", ("Pending", "wait"), ["mnexa.ai does not exist", "Register the domain", REJECTED]),
        ("servers_refuse", ("Pending", "wait"), ["Your name servers do not answer", "refused to answer"]),
        ("waiting_for_service", ("Pending", "wait"), ["All records found", "waiting for the mail service"]),
        ("service_down", ("Pending", "wait"), ["The mail service does not respond at the moment."]),
        (
            "service_refuses",
            ("Delayed", "wait"),
            ["Setup is delayed", "The mail service rejected the domain."],
        ),
        (
            "service_does_not_respond",
            ("Delayed", "wait"),
            ["Setup is delayed", "We keep trying", "Setup since just now", "Next try within 1 min"],
        ),
        (
            "pending_shared",
            ("Pending", "wait"),
            ["email leaves through a shared sender and is shown with “via”"],
        ),
        ("ready", ("Ready", "good"), ["Ready to send", "Last check just now", OWN_NAME, "Send a test email"]),
        (
            "ready_records_gone",
            ("Records gone", "wait"),
            ["2 records have disappeared", "Restore them by", ", or sending stops.", OWN_NAME, "(in 4 h)"],
        ),
        (
            "ready_service_suspended",
            ("Paused", "wait"),
            ["sending is paused", "Email is accepted, and waits"],
        ),
        (
            "ready_paused",
            ("Paused", "wait"),
            ["sending is paused", "No email leaves while sending is paused"],
        ),
        (
            "degraded_sending",
            ("Degraded", "bad"),
            ["Needs attention", "or sending stops.", "Fix by", OWN_NAME],
        ),
        ("degraded_silent", ("Degraded", "bad"), ["Needs attention", "Fix by", REJECTED]),
        ("lost", ("Lost", "bad"), ["No longer sending", "Next check after “Check again”", REJECTED]),
        ("failed", ("Failed", "bad"), ["Setup timed out", "Next check after “Check again”", REJECTED]),
        (
            "failed_checking",
            ("Checking", "quiet"),
            ["Checking…", "Next check within seconds", "Checked until"],
        ),
    ],
)
async def test_a_situation_is_shown(
    customer: Customer, name: str, chip: tuple[str, str], texts: list[str]
) -> None:
    shown = await page(customer, name)

    assert shown.domain_chip == chip
    assert [text for text in texts if text not in shown.status] == []
    assert not any(word in shown.everything for word in ("SES", "AWS", "arn:"))


def test_every_situation_is_checked_and_only_one_is_green() -> None:
    marks: list[pytest.Mark] = getattr(test_a_situation_is_shown, "pytestmark")  # noqa: B009 - not a type's attribute
    tones = {name: chip[1] for mark in marks for name, chip, _ in mark.args[1]}

    assert set(tones) == set(SITUATIONS)
    assert [name for name, tone in tones.items() if tone == "good"] == ["ready"]


async def test_a_mistake_is_red_and_says_what_is_wrong(customer: Customer) -> None:
    shown = await page(customer, "several_wrong")

    assert shown.record_chips == [
        ("Wrong value", "bad"),
        ("Wrong type", "bad"),
        ("Wrong name", "bad"),
        ("Wrong value", "bad"),
        ("Wrong value", "bad"),
    ]


async def test_a_record_that_is_not_there_yet_is_not_red(customer: Customer) -> None:
    shown = await page(customer, "records_to_add")

    assert [word for word, _ in shown.record_chips] == ["Found", "Found", "Propagating", "Missing", "Missing"]
    assert all(tone != "bad" for _, tone in shown.record_chips)


async def test_several_mistakes_are_linked_from_one_summary(customer: Customer) -> None:
    html = await customer.reads(SITUATIONS["several_wrong"])
    alone = await customer.reads(SITUATIONS["one_mistyped"])

    links = re.findall(r'<a href="#(record-[\w-]+)">', html)
    assert links == [f"record-{each}" for each in ("dkim-1", "dkim-2", "dkim-3", "return-path-1", "spf-1")]
    assert all(f'id="{each}"' in html for each in links)
    assert 'aria-label="Records to fix"' not in alone


async def test_a_zone_that_does_not_exist_is_said_once(customer: Customer) -> None:
    shown = await page(customer, "no_zone")

    assert shown.everything.count("The domain registry does not list mnexa.ai.") == 1


async def test_mistyped_characters_are_marked_and_said(customer: Customer) -> None:
    html = await customer.reads(SITUATIONS["several_wrong"])

    assert '<mark><span class="unseen"> (wrong: </span>10.<span class="unseen">) </span></mark>' in html
    assert '<mark class="lacks"><span class="unseen"> (missing: i) </span></mark>m.amazonses.com' in html


async def test_a_ready_domain_whose_zone_has_gone_says_by_when_to_restore_it(customer: Customer) -> None:
    gone = replace(SITUATIONS["ready_records_gone"], checks=dict.fromkeys(ALL, UNREGISTERED))

    shown = Page.of(await customer.reads(gone))

    assert shown.domain_chip == ("Records gone", "wait")
    assert "mnexa.ai does not exist" in shown.status
    assert "Restore them by" in shown.status


@pytest.mark.parametrize("state", ["DEGRADED", "LOST", "FAILED"])
async def test_records_that_are_right_again_are_not_to_be_fixed(customer: Customer, state: str) -> None:
    right = replace(
        SITUATIONS["waiting_for_service"], state=state, next_check=None, deadline=timedelta(hours=1)
    )

    shown = Page.of(await customer.reads(right))

    assert "All DNS records are correct" in shown.status
    assert "Fix the records" not in shown.status
