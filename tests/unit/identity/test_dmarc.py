"""DMARC policies as the text of a record, and the addresses that one can have."""

import pytest

from chassis.field_reasons import BadValue
from sandbox.mailbox.dmarc import parse_policy
from services.identity.model.dmarc import LONGEST_RECORD, DmarcPolicy, Policy, parse_report_address

ADDRESS = "reports@mnexa.ai"


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (DmarcPolicy(), "v=DMARC1; p=none;"),
        (DmarcPolicy(Policy.QUARANTINE, testing=True), "v=DMARC1; p=quarantine; t=y;"),
        (DmarcPolicy(Policy.NONE, Policy.REJECT), "v=DMARC1; p=none; sp=reject;"),
        (DmarcPolicy(Policy.REJECT, Policy.NONE), "v=DMARC1; p=reject; sp=none;"),
        (
            DmarcPolicy(Policy.NONE, report_addresses=(ADDRESS, "d@b.io")),
            f"v=DMARC1; p=none; rua=mailto:{ADDRESS},mailto:d@b.io;",
        ),
    ],
)
def test_a_policy_is_written_as_a_record_that_receivers_accept(policy: DmarcPolicy, text: str) -> None:
    assert policy.text == text
    read = parse_policy("mnexa.ai", text)
    assert read is not None
    under = policy.subdomain_policy or policy.policy
    assert (read.p, read.sp or read.p, read.testing) == (policy.policy.lower(), under.lower(), policy.testing)


def test_report_addresses_of_the_longest_allowed_size_fill_the_record() -> None:
    most = DmarcPolicy().most_report_bytes
    address = "a" * (most - len("mailto:@mnexa.ai")) + "@mnexa.ai"

    fitting = DmarcPolicy(report_addresses=(address,))
    assert (len(fitting.text), fitting.is_too_long) == (LONGEST_RECORD, False)
    assert DmarcPolicy(report_addresses=(f"a{address}",)).is_too_long


def test_the_domain_of_a_report_address_is_in_normal_form() -> None:
    assert parse_report_address("D-1.a+b@Bücher.de") == "D-1.a+b@xn--bcher-kva.de"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "NOT_AN_ADDRESS"),
        ("mnexa.ai", "NOT_AN_ADDRESS"),
        ("@mnexa.ai", "NOT_AN_ADDRESS"),
        (f"mailto:{ADDRESS}", "NOT_A_PLAIN_ADDRESS"),
        ("a,b@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a;p=none@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a!10m@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a%40b@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a..b@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a\n@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("ü@mnexa.ai", "NOT_A_PLAIN_ADDRESS"),
        ("a" * 65 + "@mnexa.ai", "LOCAL_PART_TOO_LONG"),
        ("a@mnexa.ai;p=none", "LABEL_CHARACTERS"),
        ("a@mnexa.ai!10m", "LABEL_CHARACTERS"),
        ("a@localhost", "SPECIAL_USE"),
    ],
)
def test_an_address_that_a_record_cannot_have_is_rejected(typed: str, reason: str) -> None:
    with pytest.raises(BadValue) as rejected:
        parse_report_address(typed)

    assert rejected.value.reason == reason
